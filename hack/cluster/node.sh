# shellcheck shell=bash
# The nodes as seen from the machine: started, entered, stopped. For up.sh, down.sh, load.sh and in.sh.

# started_at PID: when it started, in ticks since boot; together they name a process even after its number was reused.
# A zombie counts as ended: not every machine has a PID 1 that reaps.
started_at() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # shellcheck disable=SC2086 # fields; the name before them may hold spaces
  set -- ${stat##*) }
  [ "$1" != Z ] && echo "${20}"
}

# record FILE PID
record() { echo "$2 $(started_at "$2")" >"$1"; }

# process FILE: the PID recorded there, if that very process still runs.
process() {
  local pid started
  read -r pid started 2>/dev/null <"$1" || return 1
  [ -n "$started" ] && [ "$(started_at "$pid")" = "$started" ] && echo "$pid"
}

node_alive() { process "$ATTACHE_STATE/node$1/init.pid" >/dev/null; }

# enter N COMMAND...: runs it inside node N, as an administrator of the cluster.
enter() {
  local pid
  pid=$(process "$ATTACHE_STATE/node$1/init.pid") || fail "node$1 is not running" "start it: $ATTACHE_CLUSTER_SRC/up.sh"
  shift
  nsenter -t "$pid" -m -n -u -i -p -- \
    env PATH="$(tools_path):/usr/sbin:/usr/bin:/sbin:/bin" KUBECONFIG="$ATTACHE_STATE/pki/admin.kubeconfig" "$@"
}

# start_node N: until its PID 1 exists.
start_node() {
  local node=$ATTACHE_STATE/node$1 outer init='' deadline=$((SECONDS + 20))
  mkdir -p "$node/log"
  setsid "$ATTACHE_CLUSTER_SRC/node-start.sh" "$1" </dev/null >"$node/log/init.log" 2>&1 9>&- &
  outer=$!
  record "$node/start.pid" $outer
  until [ -n "$init" ]; do
    [ $SECONDS -lt $deadline ] && process "$node/start.pid" >/dev/null || return 1
    sleep 0.05
    # Only the last of the programs it turns into has a child that stays: PID 1 of the node.
    [ "$(cat "/proc/$outer/comm" 2>/dev/null)" != unshare ] || init=$(pgrep -P $outer || true)
  done
  record "$node/init.pid" "$init"
  [ "$1" = 1 ] || connect_node "$1" "$init"
}

# connect_node N INIT: a pair of interfaces, one on node 1's bridge, the other in the new node.
connect_node() {
  local first
  first=$(process "$ATTACHE_STATE/node1/init.pid")
  # The pair of a node that was just stopped may still be there.
  nsenter -t "$first" -n ip link delete "node$1" 2>/dev/null || true
  nsenter -t "$first" -n ip link add "node$1" type veth peer name uplink netns "$2"
  nsenter -t "$first" -n ip link set "node$1" master nodes up
}

# stop_node N: ends every process in it, then removes its cgroups.
stop_node() {
  local node=$ATTACHE_STATE/node$1 pid file deadline=$((SECONDS + 20)) folder
  for file in "$node/init.pid" "$node/start.pid"; do
    pid=$(process "$file") || continue
    kill -KILL "$pid" 2>/dev/null || true
    while process "$file" >/dev/null; do
      [ $SECONDS -lt $deadline ] || fail "process $pid of node$1 does not end" "look at: ps -o pid,stat,wchan,cmd $pid"
      sleep 0.05
    done
  done
  while read -r folder; do
    while [ -d "$folder" ]; do
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ -d "$folder" ] || break
      [ $SECONDS -lt $deadline ] || fail "the cgroup $folder cannot be removed" "its processes: $(tr '\n' ' ' <"$folder/cgroup.procs")"
      sleep 0.1
    done
  done < <(cat "$node/cgroups" 2>/dev/null || true)
  rm -f "$node/init.pid" "$node/start.pid" "$node/cgroups"
}

stop_proxy() {
  local pid
  # Its process group holds a child for each open connection.
  while pid=$(process "$ATTACHE_STATE/proxy.pid"); do
    kill -KILL -- "-$pid" 2>/dev/null || true
    sleep 0.05
  done
  rm -f "$ATTACHE_STATE/proxy.pid"
}
