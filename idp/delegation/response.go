package delegation

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"attache.dev/attache/idp"
)

// success is the answer of Auth0's delegation endpoint for api_type aws, field by field.
type success struct {
	Credentials      credentials
	AssumedRoleUser  assumedRoleUser
	Subject          string
	SubjectType      string
	Issuer           string
	Audience         string
	NameQualifier    string
	ResponseMetadata responseMetadata
}

type credentials struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

type assumedRoleUser struct {
	AssumedRoleID string `json:"AssumedRoleId"`
	Arn           string
}

type responseMetadata struct {
	RequestID string `json:"RequestId"`
}

// failure is the error answer of RFC 6749 section 5.2.
type failure struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func writeSuccess(w http.ResponseWriter, c idp.Credentials) error {
	return writeJSON(w, http.StatusOK, success{
		Credentials: credentials{
			AccessKeyID:     c.AccessKeyID,
			SecretAccessKey: c.SecretAccessKey,
			SessionToken:    c.SessionToken,
			Expiration:      c.Expiration.UTC(),
		},
		AssumedRoleUser:  assumedRoleUser{AssumedRoleID: c.AssumedRoleID, Arn: c.AssumedRoleARN},
		Subject:          c.Subject,
		SubjectType:      c.SubjectType,
		Issuer:           c.Issuer,
		Audience:         c.Audience,
		NameQualifier:    c.NameQualifier,
		ResponseMetadata: responseMetadata{RequestID: c.RequestID},
	})
}

func writeFailure(w http.ResponseWriter, r *idp.Refusal) error {
	o := outcomeOf(r)
	switch o.status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		// RFC 9110 section 15.5.2 wants a challenge. The token goes into the body all the same.
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds()))))
	}
	return writeJSON(w, o.status, failure{Error: o.code, Description: r.Message})
}

// writeJSON writes an answer that nobody may keep (RFC 6749 section 5.1).
func writeJSON(w http.ResponseWriter, status int, body any) error {
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}
