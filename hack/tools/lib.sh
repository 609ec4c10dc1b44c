# shellcheck shell=bash
# Where each developers' tool comes from and where its binary is kept. Needs hack/cluster/lib.sh.

# shellcheck disable=SC2034 # for those who source this
TOOLS=(controller-gen crdify gotestsum helm-docs golangci-lint)

# tool_package NAME: its main package.
tool_package() {
  case $1 in
    controller-gen) echo sigs.k8s.io/controller-tools/cmd/controller-gen ;;
    crdify) echo sigs.k8s.io/crdify ;;
    gotestsum) echo gotest.tools/gotestsum ;;
    helm-docs) echo github.com/norwoodj/helm-docs/cmd/helm-docs ;;
    golangci-lint) echo github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
    *) return 1 ;;
  esac
}

# tool_module NAME: the folder of the Go module that pins it. The linter has hundreds of dependencies that
# would decide the versions of everybody else's.
tool_module() {
  case $1 in
    golangci-lint) echo "$ATTACHE_REPO/hack/tools/lint" ;;
    *) echo "$ATTACHE_REPO/hack/tools" ;;
  esac
}

tool_estimate() {
  case $1 in
    golangci-lint) echo "one to three minutes on two cores" ;;
    *) echo "under a minute" ;;
  esac
}

# tool_dir NAME: where its binary is kept, by the versions that its module pins.
tool_dir() {
  local digest
  digest=$(sha256sum "$(tool_module "$1")/go.mod" | cut -c1-8)
  echo "$ATTACHE_CACHE/bin/tools-$digest"
}
