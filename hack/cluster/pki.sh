#!/bin/bash
# Makes the cluster's certificates and kubeconfigs, once for as long as its state lives.
# usage: pki.sh FOLDER
set -euo pipefail
. "$(dirname "$0")/lib.sh"

days=3650
openssl_config=$'[req]\ndistinguished_name=dn\n[dn]\n' # the system's would make every certificate a CA

# authority NAME COMMON-NAME
authority() {
  openssl req -x509 -config <(echo "$openssl_config") -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days \
    -subj "/CN=$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# certificate NAME AUTHORITY SUBJECT [SUBJECT-ALT-NAMES]
certificate() {
  openssl req -x509 -config <(echo "$openssl_config") -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days \
    -CA "$2.crt" -CAkey "$2.key" -subj "$3" -addext basicConstraints=critical,CA:FALSE \
    -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth \
    ${4:+-addext "subjectAltName=$4"} -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# client NAME SUBJECT [SUBJECT-ALT-NAMES]: a certificate, and a kubeconfig that presents it.
client() {
  certificate "$1" ca "$2" "${3:-}"
  cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: attache, cluster: {server: "https://$API_IP:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: attache, context: {cluster: attache, user: $1}}]
current-context: attache
END
}

main() {
  local folder=$1 n service
  [ ! -d "$folder" ] || return 0
  umask 077
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  cd "$folder.new"

  authority ca kubernetes-ca
  authority front-proxy-ca front-proxy-ca
  service=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  certificate apiserver ca /CN=kube-apiserver "$service,DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,IP:$API_IP"
  certificate apiserver-kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate front-proxy-client front-proxy-ca /CN=front-proxy-client
  client admin /O=system:masters/CN=admin
  client kube-controller-manager /CN=system:kube-controller-manager
  client kube-scheduler /CN=system:kube-scheduler
  client kube-proxy /CN=system:kube-proxy
  for n in $(seq $MAX_NODES); do
    client "kubelet-node$n" "/O=system:nodes/CN=system:node:node$n" "DNS:node$n,IP:${API_IP%.*}.$n"
  done
  openssl genrsa -out service-account.key 2048 2>/dev/null
  openssl rsa -in service-account.key -pubout -out service-account.pub 2>/dev/null

  cd /
  mv "$folder.new" "$folder"
}

main "$@"
