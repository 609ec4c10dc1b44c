#!/bin/bash
# Becomes node N: puts itself in cgroups of its own, then in namespaces of its own, and runs node-init.sh there as PID 1.
# When this process ends, the kernel ends the whole node. Run by up.sh.
# usage: node-start.sh N
set -euo pipefail
. "$(dirname "$0")/lib.sh"

node=$ATTACHE_STATE/node$1
name=attache-node$1-$(cksum <<<"$node" | cut -d' ' -f1) # a cluster with another ATTACHE_STATE may run beside this one
root=/sys/fs/cgroup
cd / # the node must not hold the folder it was started from

# enter FOLDER: makes the cgroup, notes it for stop_node, and moves this process into it.
enter() {
  mkdir -p "$1"
  echo "$1" >>"$node/cgroups"
  # A new cpuset is empty, and refuses processes, until it is told its processors.
  if [ -f "$1/cpuset.mems" ] && [ ! -f "$1/cgroup.controllers" ]; then
    cat "$1/../cpuset.cpus" >"$1/cpuset.cpus"
    cat "$1/../cpuset.mems" >"$1/cpuset.mems"
  fi
  echo $$ >"$1/cgroup.procs"
}

# enter_v1: a child of this process's own cgroup in each hierarchy, so that limits set on us hold for the node too.
enter_v1() {
  local own controllers path parent
  own=$(</proc/self/cgroup) # it changes with the first move
  while IFS=: read -r _ controllers path; do
    [ -n "$controllers" ] || continue # the unified hierarchy of a hybrid machine has no controllers
    parent=$root/${controllers#name=}
    # In a container, the path may be the one outside, while only what is inside is mounted.
    [ ! -d "$parent$path" ] || parent=$parent${path%/}
    enter "$parent/$name"
  done <<<"$own"
}

# enter_v2: a child of the root, because only the root may hold both processes and children with controllers.
enter_v2() {
  local controller
  for controller in cpu cpuset memory pids io hugetlb; do
    grep -qw "$controller" $root/cgroup.controllers || continue
    grep -qw "$controller" $root/cgroup.subtree_control || echo "+$controller" >$root/cgroup.subtree_control ||
      fail "cgroup v2 does not let $root hand out the $controller controller" \
        "this happens in a container, whose processes sit in its root cgroup: use a machine, or set KUBECONFIG"
  done
  enter "$root/$name"
}

: >"$node/cgroups"
if [ "$(stat -fc %T $root)" = cgroup2fs ]; then enter_v2; else enter_v1; fi

# Two steps: the cgroup namespace takes the cgroup of this moment as its root; with cgroup v2 the processes then have to
# leave that root for a leaf, or the kubelet could not enable controllers in it.
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --cgroup bash -euc '
  leaf=$1/init; shift
  if [ -f "${leaf%/*}/cgroup.controllers" ]; then mkdir "$leaf"; echo $$ >"$leaf/cgroup.procs"; fi
  exec "$@"' - "$root/$name" \
  unshare --mount --propagation private --net --uts --ipc --pid --fork --kill-child --mount-proc \
  "$ATTACHE_CLUSTER_SRC/node-init.sh" "$1"
