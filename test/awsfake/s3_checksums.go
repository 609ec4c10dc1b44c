package awsfake

import (
	"crypto/sha1" // one of the checksums that S3 offers
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

const checksumPrefix = "x-amz-checksum-"

// crc64NVME is the reversed polynomial of CRC-64/NVME.
const crc64NVME = 0x9a6c9329ac4bc9b5

// checksumAlgorithms are by the end of the header's name (Amazon S3 User Guide,
// "Checking object integrity").
var checksumAlgorithms = map[string]func() hash.Hash{
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(crc64NVME)) },
	"sha1":      sha1.New,
	"sha256":    sha256.New,
}

// checkChecksums verifies the checksums that headers and trailers carry, and
// returns them by header.
func checkChecksums(header http.Header, trailers map[string]string, data []byte) (map[string]string, error) {
	given := map[string]string{}
	for name, values := range header {
		given[strings.ToLower(name)] = values[0]
	}
	for name, value := range trailers {
		given[name] = value
	}
	checksums := map[string]string{}
	for name, value := range given {
		algorithm, isChecksum := strings.CutPrefix(name, checksumPrefix)
		if !isChecksum {
			continue
		}
		if checksumAlgorithms[algorithm] == nil {
			return nil, notImplemented("the header %s", name)
		}
		h := checksumAlgorithms[algorithm]()
		_, _ = h.Write(data) // a hash never fails
		if base64.StdEncoding.EncodeToString(h.Sum(nil)) != value {
			return nil, badDigest("The %s you specified did not match the calculated checksum.", strings.ToUpper(algorithm))
		}
		checksums[name] = value
	}
	return checksums, nil
}
