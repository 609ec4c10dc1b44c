#!/bin/bash
# PID 1 of node N, in its own mount, network, PID, UTS, IPC and cgroup namespaces. Node 1 is also the control plane.
# usage: node-init.sh N
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/control-plane.sh"

n=$1
ip=${API_IP%.*}.$n
node=$ATTACHE_STATE/node$n
pki=$ATTACHE_STATE/pki
PATH=$(tools_path):/usr/sbin:/usr/bin:/sbin:/bin

# supervise NAME COMMAND...: keeps it running, its output in a log of its own.
supervise() {
  local name=$1 log=$node/log/$1.log status
  shift
  : >"$log"
  while :; do
    status=0
    "$@" >>"$log" 2>&1 || status=$?
    echo "$name ended with status $status at $(date -Is); starting it again" | tee -a "$log"
    sleep 1
  done &
}

mount_cgroups_v1() {
  local own controllers alias
  own=$(</proc/self/cgroup)
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    [ -n "$controllers" ] || continue
    mkdir "/sys/fs/cgroup/${controllers#name=}"
    case $controllers in
      name=*) mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}" ;;
      *) mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers" ;;
    esac
    for alias in ${controllers//,/ }; do
      [ -e "/sys/fs/cgroup/${alias#name=}" ] || ln -s "$controllers" "/sys/fs/cgroup/$alias"
    done
  done <<<"$own"
}

mount_cgroups_v2() {
  local controller
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  for controller in $(</sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
  done
}

# Everything that would reach the rest of the machine is covered: what the node mounts is seen by the node alone.
mounts() {
  local version folder setting
  mount --make-rshared /
  version=$(stat -fc %T /sys/fs/cgroup)
  umount -R /sys/fs/cgroup
  if [ "$version" = cgroup2fs ]; then mount_cgroups_v2; else mount_cgroups_v1; fi
  mkdir -p "$node/kubelet" /var/lib/kubelet /var/lib/cni
  for folder in /run /var/log /var/lib/cni; do
    mount -t tmpfs -o mode=755 tmpfs $folder
  done
  mount --bind "$node/kubelet" /var/lib/kubelet
  mkdir -p /run/lock /var/log/pods /var/log/containers
  # The kubelet sets these for the whole kernel unless it finds what it wants: it finds it in files of its own.
  for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
    mkdir -p "/run/sys/${setting%/*}"
    echo "${setting#*=}" >"/run/sys/${setting%=*}"
    mount --bind "/run/sys/${setting%=*}" "/proc/sys/${setting%=*}"
  done
}

# The nodes' network is a bridge in node 1's namespace. It has no uplink: nothing leaves the machine.
network() {
  local other
  ip link set lo up
  if [ "$n" = 1 ]; then
    ip link add nodes type bridge
    ip address add "$ip/24" dev nodes
    ip link set nodes up
    ip route add default dev nodes # with no default route, the API server and the kubelet refuse to choose an address
  else
    until ip link show uplink >/dev/null 2>&1; do sleep 0.05; done # up.sh moves it in
    ip address add "$ip/24" dev uplink
    ip link set uplink up
    ip route add default via "$API_IP"
  fi
  for other in $(seq $MAX_NODES); do
    [ "$other" = "$n" ] || ip route add "10.244.$((other - 1)).0/24" via "${API_IP%.*}.$other"
  done
  sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
}

overlay_works() {
  local test=$node/overlay status=0
  mkdir -p "$test"/{lower,upper,work,merged}
  mount -t overlay -o "lowerdir=$test/lower,upperdir=$test/upper,workdir=$test/work" overlay "$test/merged" || status=1
  [ $status = 1 ] || umount "$test/merged"
  rm -rf "$test"
  return $status
}

configure() {
  local snapshotter=overlayfs template
  overlay_works || snapshotter=native # e.g. when the state lies on an overlay itself
  mkdir -p "$node/etc/cni"
  for template in containerd.toml cni.conflist kubelet.yaml kube-proxy.yaml; do
    sed "s#@NODE@#$node#; s#@PKI@#$pki#; s#@N@#$n#; s#@SNAPSHOTTER@#$snapshotter#; s#@PAUSE_IMAGE@#$(pause_image)#
      s#@POD_CIDR@#10.244.$((n - 1)).0/24#; s#@DNS_IP@#$DNS_IP#" "$ATTACHE_CLUSTER_SRC/etc/$template" >"$node/etc/$template"
  done
  mv "$node/etc/cni.conflist" "$node/etc/cni/10-pods.conflist"
}

main() {
  hostname "node$n"
  mounts
  network
  configure
  supervise containerd containerd --config "$node/etc/containerd.toml"
  [ "$n" != 1 ] || start_api
  "$ATTACHE_CLUSTER_SRC/node-images.sh" "$n" >"$node/log/images.log" 2>&1
  [ "$n" != 1 ] || start_controllers
  supervise kubelet kubelet --config="$node/etc/kubelet.yaml" --kubeconfig="$pki/kubelet-node$n.kubeconfig" \
    --hostname-override="node$n" --node-ip="$ip"
  supervise kube-proxy kube-proxy --config="$node/etc/kube-proxy.yaml" --hostname-override="node$n"
  while :; do wait || true; sleep 1; done # the orphans of a PID namespace are its PID 1's to reap
}

main
