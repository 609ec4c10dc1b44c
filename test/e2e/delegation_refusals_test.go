//go:build e2e

package e2e

import (
	"maps"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/harness"
)

func TestTheDoorRefusesInWords(t *testing.T) {
	s := world.New(t).Ready()
	pod := s.LivingPod("app")
	token, door := s.Token(s.Audience(), pod), s.Door()

	for _, tt := range []struct {
		name   string
		change map[string]string
		status int
		code   string
		says   string
	}{
		{"a token for another audience", map[string]string{"id_token": s.Token("someone-else", pod)}, 400, "invalid_grant", s.Audience()},
		{"a token that is bound to no pod", map[string]string{"id_token": s.Token(s.Audience(), nil)}, 400, "invalid_grant", "pod"},
		{"a token whose signature was changed", map[string]string{"id_token": token[:len(token)-6] + "AAAAAA"}, 400, "invalid_grant", "does not accept id_token"},
		{"what is not a JWT", map[string]string{"id_token": "rubbish"}, 400, "invalid_grant", "JSON Web Token"},
		{"an empty token", map[string]string{"id_token": ""}, 400, "invalid_request", "id_token"},
		{"an unknown api_type", map[string]string{"api_type": "firebase"}, 400, "invalid_request", "aws"},
		{"an unknown target", map[string]string{"target": "other"}, 400, "invalid_request", s.Tenant},
		{"an unknown client_id", map[string]string{"client_id": "other"}, 401, "invalid_client", s.Tenant},
		{"an unknown grant_type", map[string]string{"grant_type": "password"}, 400, "unsupported_grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
		{"a role that is not the caller's", map[string]string{"role": harness.RoleARN(s.Tenant + "-admin")}, 403, "access_denied", harness.RoleARN(s.Tenant + "-uploader")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			parameters := s.Parameters(token)
			maps.Copy(parameters, tt.change)
			got := s.Delegate(door, parameters)
			g.Expect(got.Status).To(Equal(tt.status), got.Description)
			g.Expect(got.Error).To(Equal(tt.code))
			g.Expect(got.Description).To(ContainSubstring(tt.says))
			g.Expect(got.Credentials.SecretAccessKey).To(BeEmpty())
			t.Log(got.Description)
		})
	}

	t.Run("a body that is too large", func(t *testing.T) {
		got := s.Post(door, "application/json", []byte(`{"id_token":"`+strings.Repeat("a", 100_000)+`"}`))
		NewWithT(t).Expect(got.Status).To(Equal(413), got.Description)
	})
	t.Run("a content type that is neither JSON nor a form", func(t *testing.T) {
		got := s.Post(door, "text/plain", []byte("id_token=x"))
		NewWithT(t).Expect(got.Status).To(Equal(415), got.Description)
		NewWithT(t).Expect(got.Description).To(ContainSubstring("application/json"))
	})
	t.Run("but not the good request between them", func(t *testing.T) {
		NewWithT(t).Expect(s.Delegate(door, s.Parameters(token)).Status).To(Equal(200))
	})
}
