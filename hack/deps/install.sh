#!/bin/bash
# Installs the Debian packages of the named groups, if any is missing.
# usage: install.sh GROUP...   (build, cluster, test, verify)
set -euo pipefail

declare -A groups=(
  # git and make for the checkout, certificates for the Go module proxy.
  [build]="ca-certificates git make"
  # runc and the CNI plugins run pods; nftables, iptables and conntrack are kube-proxy's and the CNI plugins';
  # socat leads 127.0.0.1 to the API server; the rest makes certificates, namespaces and devices.
  [cluster]="runc containernetworking-plugins nftables iptables conntrack socat iproute2 kmod mount openssl procps util-linux"
  # Signatures, schemas and credentials are checked by programs that share no code with the product.
  [test]="awscli libxml2-utils opensaml-schemas python3-boto3 xmlsec1 xmltooling-schemas"
  [verify]="shellcheck"
)

fail() {
  printf 'deps: error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# installed PACKAGE...: those of them that are installed, one a line.
installed() {
  # shellcheck disable=SC2016 # the format is dpkg-query's
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p' || true
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >/dev/null; }

# update waits for the lock on the package lists itself: apt-get does not.
update() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    apt_get update && return
    [ "$attempt" = 6 ] || sleep 10
  done
  fail "apt-get update failed" "check /etc/apt/sources.list and the network, then run this again"
}

main() {
  local group names package present wanted=() missing=()
  [ $# -gt 0 ] || fail "say which packages" "usage: $0 GROUP...   (groups: ${!groups[*]})"
  for group in "$@"; do
    [ -n "${groups[$group]:-}" ] || fail "there is no group $group" "there are: ${!groups[*]}"
    read -ra names <<<"${groups[$group]}"
    wanted+=("${names[@]}")
  done
  [ -z "${ATTACHE_SKIP_DEPS:-}" ] || return 0
  command -v dpkg-query >/dev/null || fail "this is not a Debian system, so the packages cannot be installed from here" \
    "install what these are called on yours: ${wanted[*]}" "then set ATTACHE_SKIP_DEPS=1"
  present=$(installed "${wanted[@]}")
  for package in "${wanted[@]}"; do
    grep -qx "$package" <<<"$present" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing: ${missing[*]}" \
    "installing them needs root: sudo $0 $*" "or: sudo apt-get install ${missing[*]}"
  echo "deps: installing Debian packages: ${missing[*]}"
  # The lists may be absent, or older than the mirror.
  apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1 || update
  apt_get install --no-install-recommends "${missing[@]}" && return
  update
  apt_get install --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}" "try it by hand: apt-get update && apt-get install ${missing[*]}"
}

main "$@"
