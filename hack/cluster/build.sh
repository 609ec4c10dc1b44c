#!/bin/bash
# Builds the cluster's binaries from the Go modules beside this script into a cache outside the checkout.
# usage: build.sh [NAME|envtest|cluster]...   (default: cluster, which is all of them)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

envtest=(etcd kube-apiserver kubectl)
cluster=("${envtest[@]}" kube-controller-manager kube-scheduler kubelet kube-proxy
  containerd containerd-shim-runc-v2 ctr coredns helm)
report_every=15 # seconds; a long compile must not look like a hang

# stamps MODULE: the linker flags that tell a binary its version.
stamps() {
  local version minor package
  version=$(version_of "$1")
  case $1 in
    kubernetes)
      minor=${version#v1.}
      for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf -- '-X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s -X %s.gitTreeState=clean ' \
          $package "$version" $package $package "${minor%%.*}" $package
      done
      ;;
    containerd) echo "-X github.com/containerd/containerd/v2/version.Version=$version" ;;
    helm) echo "-X helm.sh/helm/v4/internal/version.version=$version" ;;
  esac
}

tags() { [ "$1" != containerd ] || echo no_btrfs,no_devmapper,no_zfs; }

# compile NAME POSITION: builds beside the target and renames, so that a half-written binary is never found.
compile() {
  local name=$1 position=$2 module dir log started pid seconds next=$report_every
  module=$(module_of "$name")
  dir=$(bin_dir "$module")
  log=$ATTACHE_CACHE/log/build-$name.log
  mkdir -p "$dir" "$ATTACHE_CACHE/log"
  say "$position $name, as hack/cluster/$module/go.mod pins it"
  started=$SECONDS
  # No -trimpath: the same packages in the project's own tests then come from Go's build cache.
  (cd "$ATTACHE_CLUSTER_SRC/$module" &&
    exec env CGO_ENABLED=0 GOWORK=off GOFLAGS='-buildvcs=false -mod=readonly' \
      go build -v -tags "$(tags "$module")" -ldflags "-s -w $(stamps "$module")" \
      -o "$dir/.$name.new" "$(package_of "$name")") >"$log" 2>&1 9>&- &
  pid=$!
  trap 'kill $pid 2>/dev/null' EXIT
  while kill -0 $pid 2>/dev/null; do
    sleep 0.5
    seconds=$((SECONDS - started))
    [ $seconds -ge $next ] || continue
    say "$position $name: $seconds s, $(wc -l <"$log") packages fetched or compiled"
    next=$((seconds + report_every))
  done
  trap - EXIT
  if ! wait $pid; then
    tail -n 20 "$log" >&2
    fail "$name did not build; the whole log is $log" \
      "modules come from GOPROXY=$(go env GOPROXY): it must be reachable the first time"
  fi
  mv "$dir/.$name.new" "$dir/$name"
  say "$position $name: done in $((SECONDS - started)) s"
}

main() {
  local name module wanted=() missing=()
  [ $# -gt 0 ] || set -- cluster
  for name in "$@"; do
    case $name in
      envtest) wanted+=("${envtest[@]}") ;;
      cluster) wanted+=("${cluster[@]}") ;;
      *)
        module_of "$name" >/dev/null || fail "there is no binary $name" "there are: ${cluster[*]}; and the groups envtest, cluster"
        wanted+=("$name")
        ;;
    esac
  done
  for name in "${wanted[@]}"; do
    [ -x "$(bin_dir "$(module_of "$name")")/$name" ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  lock build
  require_go "$ATTACHE_CLUSTER_SRC/$(module_of "${missing[0]}")"
  require_free $((2 + ${#missing[@]} / 2)) "$ATTACHE_CACHE"
  require_free $((2 + ${#missing[@]} / 2)) "$(go env GOCACHE)"
  say "${#missing[@]} to build: ${missing[*]}"
  [ ${#missing[@]} -lt 3 ] || say "the first time takes minutes (5 for envtest, 15 for all, on two cores); later they come from $ATTACHE_CACHE"
  local position=0
  for name in "${missing[@]}"; do
    position=$((position + 1))
    module=$(module_of "$name")
    # Another build may have made it while this one waited for the lock.
    [ -x "$(bin_dir "$module")/$name" ] || compile "$name" "($position of ${#missing[@]})"
  done
  say "all done in $SECONDS s"
}

main "$@"
