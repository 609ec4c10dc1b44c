#!/usr/bin/env bash
# Packs the binaries in dist/ into images, and writes their references to dist/images.env. A tag is
# made from the binary's content: another build is another image, so that Deployments notice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ca_certificates=${CA_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
[ -r "$ca_certificates" ] || {
  echo "images: error: $ca_certificates is missing: install ca-certificates, or set CA_CERTIFICATES" >&2
  exit 1
}

packer=$(mktemp -d)
trap 'rm -rf "$packer"' EXIT
go build -o "$packer/image" ./hack/image

pack() { # VARIABLE REPOSITORY BINARY [DST=SRC...]
  local variable=$1 repository=$2 binary=$3 reference
  shift 3
  reference="$repository:$(sha256sum "dist/$binary" | cut -c1-12)"
  "$packer/image" -t "$reference" -o "dist/$binary.tar" -e "/$binary" "/$binary=dist/$binary" "$@"
  echo "$variable=$reference" >>dist/images.env.new
}

rm -f dist/images.env.new
pack ATTACHE "${IMAGE_REPOSITORY:-localhost/attache}" attache "/etc/ssl/certs/ca-certificates.crt=$ca_certificates"
pack AWSFAKE localhost/awsfake awsfake
pack WORKLOAD localhost/attache-demo-workload attache-demo-workload
mv dist/images.env.new dist/images.env
