package awsfake

import (
	"crypto/md5" // S3 checks Content-MD5 where a client sends it
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Values of x-amz-content-sha256 that are no hash (Amazon S3 API Reference,
// "Signature calculations for the authorization header").
const (
	unsignedPayload        = "UNSIGNED-PAYLOAD"
	unsignedChunksTrailer  = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	signedChunks           = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	signedChunksTrailer    = signedChunks + "-TRAILER"
	maxChunkOverhead       = maxObjectBytes/64 + 4096
	decodedLengthHeader    = "X-Amz-Decoded-Content-Length"
	trailerHeader          = "X-Amz-Trailer"
	trailerSignatureHeader = "x-amz-trailer-signature"
)

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// payload is a body whose hash, chunks, trailers and checksums hold.
type payload struct {
	data []byte
	// checksums are x-amz-checksum- headers, sent ahead or as trailers.
	checksums map[string]string
}

// readPayload reads the body and verifies it as x-amz-content-sha256 says.
func (s *s3Call) readPayload() (payload, error) {
	body, err := s.readBody()
	if err != nil {
		return payload{}, err
	}
	p := payload{data: body}
	trailers := map[string]string{}
	switch kind := s.r.Header.Get(payloadHeader); {
	case hexHash.MatchString(kind):
		if hexSHA256(body) != kind {
			return p, errorf(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	case kind == unsignedPayload:
	case kind == unsignedChunksTrailer, kind == signedChunks, kind == signedChunksTrailer:
		if p.data, trailers, err = s.decodeChunks(kind, body); err != nil {
			return p, err
		}
	case strings.HasPrefix(kind, "STREAMING-"):
		return p, notImplemented("the payload %s", kind)
	default:
		return p, errorf(http.StatusBadRequest, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
	}
	if len(p.data) > maxObjectBytes {
		return p, entityTooLarge()
	}
	if p.checksums, err = checkChecksums(s.r.Header, trailers, p.data); err != nil {
		return p, err
	}
	return p, checkMD5(s.r.Header.Get("Content-Md5"), p.data)
}

func entityTooLarge() *apiError {
	return errorf(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
}

func (s *s3Call) readBody() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(s.w, s.r.Body, maxObjectBytes+maxChunkOverhead))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, entityTooLarge()
	case err != nil:
		return nil, errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	}
	return body, nil
}

// decodeChunks takes the chunks of a body apart and verifies their signatures
// where they have some.
func (s *s3Call) decodeChunks(kind string, body []byte) ([]byte, map[string]string, error) {
	declared := s.r.Header.Get(decodedLengthHeader)
	length, err := strconv.Atoi(declared)
	if err != nil || length < 0 {
		return nil, nil, errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	var trailers []string
	if kind != signedChunks {
		for name := range strings.SplitSeq(s.r.Header.Get(trailerHeader), ",") {
			trailers = append(trailers, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	signer := s.chunks
	if kind == unsignedChunksTrailer {
		signer = nil
	}
	data, sent, err := decodeChunks(body, signer, trailers)
	if err != nil {
		return nil, nil, err
	}
	if len(data) != length {
		return nil, nil, errorf(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.")
	}
	return data, sent, nil
}

func checkMD5(given string, data []byte) error {
	if given == "" {
		return nil
	}
	sum := md5.Sum(data)
	if base64.StdEncoding.EncodeToString(sum[:]) != given {
		return badDigest("The Content-MD5 you specified did not match what we received.")
	}
	return nil
}
