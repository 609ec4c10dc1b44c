package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/harness"
)

// Parameters are those of a good delegation request with the token.
func (s *Story) Parameters(token string) map[string]string {
	return map[string]string{
		"client_id":  s.Tenant,
		"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"id_token":   token,
		"target":     s.Tenant,
		"api_type":   "aws",
	}
}

// Door returns a client of the provider's Service that verifies its certificate.
func (s *Story) Door() *http.Client {
	s.Helper()
	bundle, err := s.Cluster.CABundle(s.Context(), s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	c, err := s.Cluster.HTTPClient(s.Context(), harness.Namespace, "attache-"+s.Tenant, 443, bundle)
	s.Expect(err).NotTo(HaveOccurred())
	return c
}

// Answer is what the door said.
type Answer struct {
	Status     int    `json:"-"`
	RetryAfter string `json:"-"`
	Error      string
	// Description is for people.
	Description string `json:"error_description"`
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	AssumedRoleUser struct{ Arn string }
	// Subject and NameQualifier are ${saml:sub} and ${saml:namequalifier} of the session's policies.
	Subject, NameQualifier string
}

// Post sends a body to the door. Port-forwards and Services take a moment to notice a change of
// pods, so a connection that cannot be had is tried again.
func (s *Story) Post(door *http.Client, contentType string, body []byte) Answer {
	s.Helper()
	var a Answer
	s.Eventually(func() error {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.DelegationURL(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", contentType)
		response, err := door.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		a = Answer{Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After")}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			return fmt.Errorf("not JSON: %s", text)
		}
		return json.Unmarshal(text, &a)
	}, "30s", "200ms").Should(Succeed())
	return a
}

// Delegate sends parameters as JSON.
func (s *Story) Delegate(door *http.Client, parameters map[string]string) Answer {
	s.Helper()
	body, err := json.Marshal(parameters)
	s.Expect(err).NotTo(HaveOccurred())
	return s.Post(door, "application/json", body)
}
