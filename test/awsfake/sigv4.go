package awsfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Signature Version 4 (IAM User Guide, "AWS Signature Version 4 for API
// requests").
const (
	algorithm       = "AWS4-HMAC-SHA256"
	scopeTerminator = "aws4_request"
	amzDateLayout   = "20060102T150405Z"
	maxClockSkew    = 5 * time.Minute
)

type scope struct{ date, region, service string }

func (s scope) String() string {
	return strings.Join([]string{s.date, s.region, s.service, scopeTerminator}, "/")
}

// signatureV4 is a parsed Authorization header.
type signatureV4 struct {
	accessKeyID   string
	scope         scope
	signedHeaders []string
	signature     string
}

func incompleteSignature(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "IncompleteSignature", format, args...)
}

func signatureDoesNotMatch(format string, args ...any) *apiError {
	return errorf(http.StatusForbidden, "SignatureDoesNotMatch", format, args...)
}

func parseAuthorization(header string) (*signatureV4, error) {
	rest, found := strings.CutPrefix(header, algorithm+" ")
	if !found {
		return nil, incompleteSignature("Unsupported algorithm in Authorization: want %s", algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return nil, incompleteSignature("Authorization header requires '%s' parameter.", name)
		}
	}
	credential := strings.Split(fields["Credential"], "/")
	if len(credential) != 5 || credential[4] != scopeTerminator {
		return nil, incompleteSignature("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")
	}
	return &signatureV4{
		accessKeyID:   credential[0],
		scope:         scope{date: credential[1], region: credential[2], service: credential[3]},
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"),
		signature:     fields["Signature"],
	}, nil
}

// verify checks scope, date, signed headers, payload hash and signature.
func (s *signatureV4) verify(r *http.Request, body []byte, secret string, want scope, now time.Time) error {
	date, err := s.checkDate(r, now)
	if err != nil {
		return err
	}
	if s.scope.region != want.region {
		return signatureDoesNotMatch("Credential should be scoped to a valid region, not '%s': %s takes '%s' here.", s.scope.region, want.service, want.region)
	}
	if s.scope.service != want.service {
		return signatureDoesNotMatch("Credential should be scoped to correct service: '%s'.", want.service)
	}
	if err := s.checkSignedHeaders(r); err != nil {
		return err
	}
	payloadHash := hexSHA256(body)
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" && given != payloadHash {
		return signatureDoesNotMatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	// The server takes no path but / and no query.
	if !s.signs(s.canonicalRequest(r, "/", "", payloadHash), date, secret) {
		return signatureDoesNotMatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// signs says whether the signature is of the canonical request by the secret.
func (s *signatureV4) signs(canonicalRequest string, date time.Time, secret string) bool {
	toSign := strings.Join([]string{algorithm, date.Format(amzDateLayout), s.scope.String(), hexSHA256([]byte(canonicalRequest))}, "\n")
	computed := hex.EncodeToString(hmacSHA256(s.signingKey(secret), toSign))
	return hmac.Equal([]byte(computed), []byte(s.signature))
}

func (s *signatureV4) checkDate(r *http.Request, now time.Time) (time.Time, error) {
	date, err := time.Parse(amzDateLayout, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return date, incompleteSignature("Date must be in ISO-8601 'basic format' in X-Amz-Date.")
	}
	if s.scope.date != date.Format("20060102") {
		return date, signatureDoesNotMatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	now = now.UTC()
	earliest, latest := now.Add(-maxClockSkew), now.Add(maxClockSkew)
	switch {
	case date.Before(earliest.Truncate(time.Second)):
		return date, signatureDoesNotMatch("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			date.Format(amzDateLayout), earliest.Format(amzDateLayout), now.Format(amzDateLayout))
	case date.After(latest):
		return date, signatureDoesNotMatch("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			date.Format(amzDateLayout), latest.Format(amzDateLayout), now.Format(amzDateLayout))
	}
	return date, nil
}

// checkSignedHeaders demands host and every x-amz- header among the signed ones.
func (s *signatureV4) checkSignedHeaders(r *http.Request) error {
	signed := map[string]bool{}
	for _, name := range s.signedHeaders {
		signed[name] = true
	}
	if !sort.StringsAreSorted(s.signedHeaders) {
		return signatureDoesNotMatch("SignedHeaders must be sorted.")
	}
	required := []string{"host"}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			required = append(required, name)
		}
	}
	for _, name := range required {
		if !signed[name] {
			return signatureDoesNotMatch("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}

func (s *signatureV4) canonicalRequest(r *http.Request, path, query, payloadHash string) string {
	lines := []string{r.Method, path, query}
	for _, name := range s.signedHeaders {
		lines = append(lines, name+":"+canonicalHeader(r, name))
	}
	return strings.Join(append(lines, "", strings.Join(s.signedHeaders, ";"), payloadHash), "\n")
}

// canonicalHeader puts back the headers that net/http takes out of the map.
func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, value := range values {
		trimmed[i] = strings.Join(strings.Fields(value), " ")
	}
	return strings.Join(trimmed, ",")
}

func (s *signatureV4) signingKey(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.scope.date, s.scope.region, s.scope.service, scopeTerminator} {
		key = hmacSHA256(key, part)
	}
	return key
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, data string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(data))
	return mac.Sum(nil)
}
