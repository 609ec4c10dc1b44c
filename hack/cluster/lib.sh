# shellcheck shell=bash
# Shared by the scripts of hack/: where things are kept, which versions they have, how to speak and how to fail.
# It defines variables and functions only, so that env.sh can bring it into an interactive shell.
# shellcheck disable=SC2034 # used by those who source it

ATTACHE_CLUSTER_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ATTACHE_REPO=$(cd "$ATTACHE_CLUSTER_SRC/../.." && pwd)
ATTACHE_CACHE=${ATTACHE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/attache}
ATTACHE_STATE=${ATTACHE_STATE:-$ATTACHE_CACHE/cluster} # all that one cluster leaves behind
ATTACHE_API_PORT=${ATTACHE_API_PORT:-16443}            # on 127.0.0.1 of this machine
ATTACHE_OWN_KUBECONFIG=$ATTACHE_STATE/kubeconfig

MAX_NODES=4
API_IP=172.31.0.1 # of node1, on the nodes' own network; node N has .N
DNS_IP=10.96.0.10

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }

# fail WHAT [WHAT TO DO]...
fail() {
  printf '%s: error: %s\n' "$(basename "$0" .sh)" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# module_of BINARY: the Go module under hack/cluster that pins the version of a binary.
module_of() {
  case $1 in
    etcd | kubectl | kubelet | kube-apiserver | kube-controller-manager | kube-proxy | kube-scheduler) echo kubernetes ;;
    containerd | containerd-shim-runc-v2 | ctr) echo containerd ;;
    coredns) echo coredns ;;
    helm) echo helm ;;
    *) return 1 ;;
  esac
}

# package_of BINARY: its main package.
package_of() {
  case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    kube*) echo "k8s.io/kubernetes/cmd/$1" ;;
    containerd* | ctr) echo "github.com/containerd/containerd/v2/cmd/$1" ;;
    coredns) echo github.com/coredns/coredns ;;
    helm) echo helm.sh/helm/v4/cmd/helm ;;
  esac
}

# version_of MODULE: the version that hack/cluster/MODULE/go.mod requires.
version_of() {
  local path
  case $1 in
    kubernetes) path=k8s.io/kubernetes ;;
    containerd) path=github.com/containerd/containerd/v2 ;;
    coredns) path=github.com/coredns/coredns ;;
    helm) path=helm.sh/helm/v4 ;;
  esac
  awk -v path="$path" '$1 == path { print $2; exit }' "$ATTACHE_CLUSTER_SRC/$1/go.mod"
}

architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# bin_dir MODULE: where its binaries are kept. The digest of go.mod is part of the key because a dependency can be
# raised for security while the version stays.
bin_dir() {
  local digest
  digest=$(sha256sum "$ATTACHE_CLUSTER_SRC/$1/go.mod" | cut -c1-8)
  echo "$ATTACHE_CACHE/bin/$1-$(version_of "$1")-linux-$(architecture)-$digest"
}

# The images that the cluster itself needs; a version's archive is made once.
pause_image() { echo "localhost/pause:$(sha256sum "$ATTACHE_CLUSTER_SRC/pause/main.go" | cut -c1-8)"; }
coredns_image() { echo "localhost/coredns:$(version_of coredns)"; }

# image_archive IMAGE: where its archive is kept.
image_archive() {
  local image=${1#localhost/}
  echo "$ATTACHE_CACHE/images/${image/:/-}-$(architecture).tar"
}

# foreign_kubeconfig: true if KUBECONFIG names a cluster that is not ours (kind, a cloud).
foreign_kubeconfig() { [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$ATTACHE_OWN_KUBECONFIG" ]; }

# tools_path: the folders with kubectl and helm (and the rest of the cluster's binaries), to go in front of PATH.
tools_path() { echo "$(bin_dir kubernetes):$(bin_dir containerd):$(bin_dir helm)"; }

require_root() {
  [ "$(id -u)" = 0 ] || fail "$1 needs root" "run it again as root, e.g. with: sudo -E env PATH=\"\$PATH\" $0" "${@:2}"
}

# require_free GiB FOLDER: the folder's filesystem has that much room.
require_free() {
  local free
  mkdir -p "$2"
  free=$(($(df --output=avail -k "$2" | tail -1) / 1024 / 1024))
  [ "$free" -ge "$1" ] || fail "$2 has $free GiB free, $1 GiB are needed" \
    "free some space, or point XDG_CACHE_HOME, GOCACHE and GOMODCACHE to a larger disk"
}

# require_go FOLDER: a Go toolchain that is new enough for the module in FOLDER.
require_go() {
  local answer
  command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || fail "Go is not installed, or not on PATH" \
    "install Go $(awk '$1 == "go" { print $2 }' "$1/go.mod") or newer from https://go.dev/dl/ and add its bin folder to PATH"
  answer=$(cd "$1" && go env GOVERSION 2>&1) || fail "this Go cannot build $1: $answer" \
    "install a newer Go from https://go.dev/dl/, or unset GOTOOLCHAIN so that Go fetches the one it needs"
}

# lock NAME: one script at a time. Children that outlive the script must close descriptor 9.
lock() {
  mkdir -p "$ATTACHE_CACHE"
  exec 9>"$ATTACHE_CACHE/$1.lock"
  flock -n 9 && return
  say "waiting for another $1 to end"
  flock 9
}
