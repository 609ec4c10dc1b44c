package awsfake

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxS3ClockSkew is wider than that of IAM and STS (Amazon S3 API Reference,
// "Authenticating requests").
const maxS3ClockSkew = 15 * time.Minute

// payloadHeader says what of the body is signed.
const payloadHeader = "X-Amz-Content-Sha256"

// authenticateS3 verifies the signature of a call's head and notes who made it.
// readPayload verifies the body.
func (s *s3Call) authenticateS3(r *http.Request) error {
	header := r.Header.Get("Authorization")
	switch {
	case s.query.Has("X-Amz-Algorithm"):
		return notImplemented("presigned URLs")
	case header == "":
		return accessDenied("Access Denied")
	}
	signature, err := parseAuthorization(header)
	if err != nil {
		return malformedAuthorization("The authorization header is malformed: %s", asAPIError(err).message)
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	key := s.state.keys[signature.accessKeyID]
	switch {
	case key == nil:
		return errorf(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case !s.state.alive(key, r.Header.Get("X-Amz-Security-Token")):
		return errorf(http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	case key.session != nil && !s.now.Before(key.session.expires):
		return errorf(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	}
	date, err := s.checkS3Head(r, signature)
	if err != nil {
		return err
	}
	canonical := signature.canonicalRequest(r, escapePath(r.URL.Path), canonicalQuery(s.query), r.Header.Get(payloadHeader))
	if !signature.signs(canonical, date, key.secret) {
		return s3SignatureDoesNotMatch()
	}
	s.principal = s.state.principalOf(key)
	s.chunks = &chunkSigner{
		key: signature.signingKey(key.secret), date: date.Format(amzDateLayout), scope: signature.scope.String(), previous: signature.signature,
	}
	return nil
}

// checkS3Head checks date, scope and signed headers.
func (s *s3Call) checkS3Head(r *http.Request, signature *signatureV4) (time.Time, error) {
	date, err := time.Parse(amzDateLayout, r.Header.Get("X-Amz-Date"))
	want := s.scope()
	switch {
	case err != nil:
		return date, accessDenied("AWS authentication requires a valid Date or x-amz-date header")
	case date.Sub(s.now).Abs() > maxS3ClockSkew:
		return date, errorf(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case signature.scope.date != date.Format("20060102"):
		return date, malformedAuthorization("The authorization header is malformed; Invalid credential date %q. This date is not the same as X-Amz-Date.", signature.scope.date)
	case signature.scope.region != want.region:
		return date, malformedAuthorization("The authorization header is malformed; the region '%s' is wrong; expecting '%s'", signature.scope.region, want.region)
	case signature.scope.service != want.service:
		return date, malformedAuthorization("The authorization header is malformed; incorrect service %q. This endpoint belongs to \"s3\".", signature.scope.service)
	case signature.checkSignedHeaders(r) != nil:
		return date, accessDenied("There were headers present in the request which were not signed")
	case r.Header.Get(payloadHeader) == "":
		return date, s3InvalidRequest("Missing required header for this request: x-amz-content-sha256")
	}
	return date, nil
}

// escapePath escapes a key once; unlike other services S3 does not escape twice
// (IAM User Guide, "Create a signed AWS API request").
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, "/")
}

// escape keeps A-Z, a-z, 0-9, hyphen, underscore, period and tilde.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
