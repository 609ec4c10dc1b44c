# shellcheck shell=bash
# The control plane of node 1, for node-init.sh: etcd and the API server first, then what works through it.
# shellcheck disable=SC2154 # node, pki and supervise are node-init.sh's

start_api() {
  local etcd=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  supervise etcd etcd --name=node1 --data-dir="$ATTACHE_STATE/etcd" --log-level=warn --unsafe-no-fsync \
    --listen-client-urls=$etcd --advertise-client-urls=$etcd \
    --listen-peer-urls=$peer --initial-advertise-peer-urls=$peer --initial-cluster=node1=$peer
  # Extended expiry would keep a token of ten minutes valid for a year: tests of expiry could not be believed.
  supervise kube-apiserver kube-apiserver --etcd-servers=$etcd \
    --advertise-address="$API_IP" --bind-address=0.0.0.0 --secure-port=6443 \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --service-cluster-ip-range=10.96.0.0/16 \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-account.pub" --service-account-signing-key-file="$pki/service-account.key" \
    --service-account-extend-token-expiration=false \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" --kubelet-client-key="$pki/apiserver-kubelet-client.key" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key"
  # A socket in the file system is the one door between the namespaces; up.sh puts 127.0.0.1 in front of it.
  supervise api-socket env -C "$ATTACHE_STATE" socat UNIX-LISTEN:api.sock,fork,unlink-early,backlog=128,mode=600 \
    TCP4:127.0.0.1:6443,nodelay
}

# forget_readiness: what etcd says of the nodes is of the last time, and would pass for the truth until the kubelet spoke.
forget_readiness() {
  local each
  for each in $(kubectl get nodes -o name); do
    kubectl patch "$each" --subresource=status -p '{"status": {"conditions": [{"type": "Ready", "status": "Unknown",
      "reason": "ClusterStarted", "message": "The kubelet has not spoken since the cluster started"}]}}' >/dev/null
  done
}

start_controllers() {
  local kubeconfig=$pki/kube-controller-manager.kubeconfig
  export KUBECONFIG=$pki/admin.kubeconfig
  until kubectl get --raw=/readyz >/dev/null 2>&1; do sleep 0.3; done
  forget_readiness
  supervise kube-controller-manager kube-controller-manager --leader-elect=false --bind-address=127.0.0.1 \
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
    --use-service-account-credentials --service-account-private-key-file="$pki/service-account.key" \
    --root-ca-file="$pki/ca.crt" --client-ca-file="$pki/ca.crt" --service-cluster-ip-range=10.96.0.0/16 \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
  kubeconfig=$pki/kube-scheduler.kubeconfig
  supervise kube-scheduler kube-scheduler --leader-elect=false --bind-address=127.0.0.1 \
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig"
}
