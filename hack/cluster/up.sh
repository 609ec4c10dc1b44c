#!/bin/bash
# Brings the cluster up, or back up, and waits until it can be used.
# usage: up.sh [--nodes N]   (1 to 4; default: as many as last time, at first 1)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

usage="usage: up.sh [--nodes N], N from 1 to $MAX_NODES"
nodes=$(cat "$ATTACHE_STATE/nodes" 2>/dev/null || echo 1)

# use_foreign: KUBECONFIG names a cluster already; all there is to do is to see that it will serve.
use_foreign() {
  local answer minor
  "$ATTACHE_CLUSTER_SRC/build.sh" kubectl helm
  PATH=$(tools_path):$PATH
  answer=$(kubectl get --raw=/version --request-timeout=20s 2>&1) ||
    fail "the cluster of KUBECONFIG=$KUBECONFIG does not answer: $answer" \
      "unset KUBECONFIG to use a cluster on this machine"
  minor=$(sed -n 's/.*"minor": "\([0-9]*\).*/\1/p' <<<"$answer" | head -1)
  [ "${minor:-0}" -ge 33 ] || fail "the cluster of KUBECONFIG=$KUBECONFIG is Kubernetes 1.${minor:-?}; 1.33 or later is needed" \
    "earlier ones have no native sidecars"
  say "using the cluster of KUBECONFIG=$KUBECONFIG, Kubernetes 1.$minor"
}

# recipe: what the running cluster was made of; if that has changed it is started again.
recipe() (
  printf '%s\n' "$(bin_dir kubernetes)" "$(bin_dir containerd)" "$(pause_image)"
  cd "$ATTACHE_CLUSTER_SRC" && sha256sum control-plane.sh node-init.sh node-start.sh etc/{containerd.toml,cni.conflist,kubelet.yaml,kube-proxy.yaml}
)

# explain NAME...: the end of the logs that can tell why, of every node.
explain() {
  local name log
  for name in proxy init "$@"; do
    for log in "$ATTACHE_STATE"/{,node*/log/}"$name".log; do
      [ -s "$log" ] || continue
      printf -- '--- %s\n' "$log" >&2
      tail -n 12 "$log" | cut -c1-400 >&2
    done
  done
}

# wait_for SECONDS WHAT LOGS CONDITION...: until the condition, a command, holds. LOGS is a list of names.
wait_for() {
  local limit=$1 what=$2 logs=$3 started=$SECONDS next=10 waited
  shift 3
  until "$@" >/dev/null 2>&1; do
    waited=$((SECONDS - started))
    if [ $waited -ge "$limit" ] || ! node_alive 1; then
      # shellcheck disable=SC2086 # a list
      explain $logs
      node_alive 1 || fail "node1 ended while starting" "all logs are in $ATTACHE_STATE/node*/log"
      fail "$what: not after $waited s" "all logs are in $ATTACHE_STATE/node*/log" \
        "to start from nothing: $ATTACHE_CLUSTER_SRC/down.sh --wipe, then up.sh"
    fi
    if [ $waited -ge $next ]; then
      say "waiting for: $what ($waited s)"
      next=$((next + 10))
    fi
    sleep 0.25
  done
}

kube() { "$(bin_dir kubernetes)/kubectl" --kubeconfig "$ATTACHE_OWN_KUBECONFIG" --request-timeout=5s "$@"; }
api_answers() { kube get --raw=/readyz; }
nodes_ready() { [ "$(kube get nodes --no-headers | awk '$2 ~ /^Ready/' | wc -l)" -ge "$nodes" ]; }
accounts_made() { kube -n default get serviceaccount default; }
# A Deployment's status may be of the last time: knock at the Service's door.
dns_answers() { enter 1 timeout 1 bash -c "</dev/tcp/$DNS_IP/53"; }

# healthy: everything answers that this script would otherwise wait for.
healthy() {
  local n
  for n in $(seq "$nodes"); do node_alive "$n" || return 1; done
  ! node_alive $((nodes + 1)) && [ "$(recipe)" = "$(cat "$ATTACHE_STATE/recipe" 2>/dev/null)" ] && proxy_alive &&
    api_answers && nodes_ready && dns_answers
} >/dev/null 2>&1

proxy_alive() {
  process "$ATTACHE_STATE/proxy.pid" && grep -q "https://127.0.0.1:$ATTACHE_API_PORT\"" "$ATTACHE_OWN_KUBECONFIG"
} >/dev/null 2>&1

start_proxy() {
  proxy_alive && return
  stop_proxy
  if (exec 3<>"/dev/tcp/127.0.0.1/$ATTACHE_API_PORT") 2>/dev/null; then
    fail "port $ATTACHE_API_PORT of 127.0.0.1 is taken" "choose another: ATTACHE_API_PORT=16444 $0"
  fi
  (cd "$ATTACHE_STATE" && exec setsid socat "TCP4-LISTEN:$ATTACHE_API_PORT,bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=128" \
    UNIX-CONNECT:api.sock) </dev/null >"$ATTACHE_STATE/proxy.log" 2>&1 9>&- &
  record "$ATTACHE_STATE/proxy.pid" $!
  (umask 077 && sed "s#https://$API_IP:6443#https://127.0.0.1:$ATTACHE_API_PORT#" "$ATTACHE_STATE/pki/admin.kubeconfig" \
    >"$ATTACHE_OWN_KUBECONFIG.new" && mv "$ATTACHE_OWN_KUBECONFIG.new" "$ATTACHE_OWN_KUBECONFIG")
}

# check_machine: what the packages cannot bring.
check_machine() {
  local answer
  answer=$(unshare --mount --net --uts --ipc --cgroup --pid --fork --mount-proc true 2>&1) ||
    fail "root may not make namespaces here: $answer" \
      "in a container: run it privileged; or set KUBECONFIG to a cluster that exists, e.g. kind's"
  [ -e /proc/sys/net/bridge ] || modprobe br_netfilter 2>/dev/null ||
    fail "the kernel has no br_netfilter, without which Services do not work" "load or install that kernel module"
  modprobe -a overlay nf_conntrack nf_tables 2>/dev/null || true # built in, or the failing component will say so
  require_free 2 "$ATTACHE_STATE"
}

start_nodes() {
  local n
  if [ "$(recipe)" != "$(cat "$ATTACHE_STATE/recipe" 2>/dev/null)" ] && node_alive 1; then
    say "the running cluster was made of other versions or settings; starting it again, its contents stay"
    stop_node 1
  fi
  for n in $(seq $MAX_NODES -1 1); do
    # Without node 1 the others have lost their network.
    if ! node_alive "$n" || ! node_alive 1; then stop_node "$n"; fi
  done
  for n in $(seq $((nodes + 1)) $MAX_NODES); do
    stop_node "$n"
  done
  recipe >"$ATTACHE_STATE/recipe"
  for n in $(seq "$nodes"); do
    node_alive "$n" && continue
    say "starting node$n"
    start_node "$n" || {
      explain
      fail "node$n did not start" "all logs are in $ATTACHE_STATE/node$n/log"
    }
  done
  echo "$nodes" >"$ATTACHE_STATE/nodes"
}

# forget_nodes: removes what the API server remembers of nodes that are no longer wanted.
forget_nodes() {
  local n
  for n in $(seq $((nodes + 1)) $MAX_NODES); do
    kube delete node "node$n" --ignore-not-found --wait=false
  done >/dev/null
}

apply_dns() {
  sed "s#@COREDNS_IMAGE@#$(coredns_image)#; s#@DNS_IP@#$DNS_IP#" "$ATTACHE_CLUSTER_SRC/etc/coredns.yaml" | kube apply -f - >/dev/null
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes)
        [ $# -ge 2 ] || fail "$usage"
        nodes=$2
        shift 2
        ;;
      *) fail "there is no argument $1" "$usage" ;;
    esac
  done
  [[ $nodes =~ ^[1-$MAX_NODES]$ ]] || fail "$usage"
  if foreign_kubeconfig; then
    use_foreign
    return
  fi
  require_root "a Kubernetes node" "or set KUBECONFIG to a cluster that exists"
  if healthy; then
    say "up already: $nodes node(s), KUBECONFIG=$ATTACHE_OWN_KUBECONFIG"
    return
  fi
  lock cluster
  "$ATTACHE_CLUSTER_SRC/../deps/install.sh" cluster
  "$ATTACHE_CLUSTER_SRC/build.sh" cluster
  "$ATTACHE_CLUSTER_SRC/images.sh"
  mkdir -p "$ATTACHE_STATE/images"
  chmod 700 "$ATTACHE_STATE"
  check_machine
  "$ATTACHE_CLUSTER_SRC/pki.sh" "$ATTACHE_STATE/pki"

  local started=$SECONDS
  start_proxy
  start_nodes
  wait_for 120 "the API server answers" "etcd kube-apiserver api-socket" api_answers
  say "the API server answers ($((SECONDS - started)) s)"
  forget_nodes
  wait_for 60 "CoreDNS is accepted" kube-apiserver apply_dns
  wait_for 60 "the default service account exists" "kube-controller-manager kube-apiserver" accounts_made
  wait_for 120 "$nodes node(s) ready" "images containerd kubelet" nodes_ready
  say "$nodes node(s) ready ($((SECONDS - started)) s)"
  wait_for 120 "DNS answers" "kube-proxy containerd kubelet" dns_answers
  say "up after $((SECONDS - started)) s: KUBECONFIG=$ATTACHE_OWN_KUBECONFIG"
}

main "$@"
