package awsfake

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// chunkSigner signs chunks one after the other: each signature covers the one
// before, the first one that of the head (Amazon S3 API Reference, "Transferring
// payload in multiple chunks").
type chunkSigner struct {
	key                   []byte
	date, scope, previous string
}

func (s *chunkSigner) chunk(data []byte) string {
	return s.sign("AWS4-HMAC-SHA256-PAYLOAD", hexSHA256(nil), hexSHA256(data))
}

func (s *chunkSigner) trailer(lines string) string {
	return s.sign("AWS4-HMAC-SHA256-TRAILER", hexSHA256([]byte(lines)))
}

func (s *chunkSigner) sign(kind string, hashes ...string) string {
	lines := append([]string{kind, s.date, s.scope, s.previous}, hashes...)
	s.previous = hex.EncodeToString(hmacSHA256(s.key, strings.Join(lines, "\n")))
	return s.previous
}

func incompleteBody() *apiError {
	return errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
}

func malformedTrailer() *apiError {
	return errorf(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
}

// decodeChunks decodes the content coding aws-chunked:
//
//	LENGTH[;chunk-signature=SIGNATURE] CRLF DATA CRLF ... 0[;chunk-signature=SIGNATURE] CRLF TRAILERS CRLF
//
// It demands the signatures if signer is not nil, and just the trailers of that list.
func decodeChunks(body []byte, signer *chunkSigner, trailers []string) (data []byte, sent map[string]string, err error) {
	for {
		size, signature, rest, err := chunkHead(body)
		if err != nil {
			return nil, nil, err
		}
		if size > len(rest) {
			return nil, nil, incompleteBody()
		}
		chunk := rest[:size]
		if (signature != "") != (signer != nil) || (signer != nil && !hmac.Equal([]byte(signer.chunk(chunk)), []byte(signature))) {
			return nil, nil, s3SignatureDoesNotMatch()
		}
		body = rest[size:]
		if size == 0 {
			break
		}
		data = append(data, chunk...)
		var found bool
		if body, found = bytes.CutPrefix(body, []byte("\r\n")); !found {
			return nil, nil, incompleteBody()
		}
	}
	sent, err = readTrailers(body, signer, trailers)
	return data, sent, err
}

func chunkHead(body []byte) (size int, signature string, rest []byte, err error) {
	line, rest, found := bytes.Cut(body, []byte("\r\n"))
	if !found {
		return 0, "", nil, incompleteBody()
	}
	length, extension, extended := strings.Cut(string(line), ";")
	parsed, parseErr := strconv.ParseUint(length, 16, 31)
	if parseErr != nil {
		return 0, "", nil, incompleteBody()
	}
	if extended {
		if signature, found = strings.CutPrefix(extension, "chunk-signature="); !found || signature == "" {
			return 0, "", nil, incompleteBody()
		}
	}
	return int(parsed), signature, rest, nil
}

// readTrailers reads NAME:VALUE lines up to an empty one, the last of them the
// signature of the others where the payload is signed.
func readTrailers(body []byte, signer *chunkSigner, trailers []string) (map[string]string, error) {
	sent, signed, signature := map[string]string{}, "", ""
	for {
		line, rest, found := bytes.Cut(body, []byte("\r\n"))
		if !found {
			return nil, incompleteBody()
		}
		body = rest
		if len(line) == 0 {
			break
		}
		name, value, found := strings.Cut(string(line), ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == trailerSignatureHeader {
			signature = value
			continue
		}
		if !found || signature != "" || sent[name] != "" || !slices.Contains(trailers, name) {
			return nil, malformedTrailer()
		}
		sent[name] = value
		signed += name + ":" + value + "\n"
	}
	switch {
	case len(body) != 0, len(sent) != len(trailers):
		return nil, malformedTrailer()
	case len(trailers) > 0 && signer != nil && !hmac.Equal([]byte(signer.trailer(signed)), []byte(signature)):
		return nil, s3SignatureDoesNotMatch()
	}
	return sent, nil
}
