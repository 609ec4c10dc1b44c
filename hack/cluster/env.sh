# shellcheck shell=bash
# Source it: kubectl and helm come first on PATH, and KUBECONFIG names the cluster in use (yours if it is set, else ours).
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ":$PATH:" in
  *":$(tools_path):"*) ;;
  *) PATH=$(tools_path):$PATH ;;
esac
export ATTACHE_CACHE ATTACHE_STATE PATH KUBECONFIG="${KUBECONFIG:-$ATTACHE_OWN_KUBECONFIG}"
