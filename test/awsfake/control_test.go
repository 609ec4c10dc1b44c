package awsfake_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

// eachControl runs a test in process and over HTTP.
func eachControl(t *testing.T, test func(*testing.T, *federation, awsfake.Control)) {
	t.Run("in process", func(t *testing.T) {
		f := newFederation(t, "")
		test(t, f, f.fake.Control())
	})
	t.Run("over HTTP", func(t *testing.T) {
		f := newFederation(t, "")
		server := httptest.NewServer(f.fake.ControlHandler())
		t.Cleanup(server.Close)
		test(t, f, awsfake.NewControlClient(server.URL+"/", adminSecret, nil))
	})
}

func TestCallsAreLogged(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		g.Expect(control.ClearCalls(t.Context())).To(Succeed())
		_, err := f.assume(t, nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("nobody")})
		g.Expect(err).To(HaveOccurred())
		all, err := control.Calls(t.Context(), "")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all).To(HaveLen(2))
		got, err := control.Calls(t.Context(), "GetRole")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(HaveLen(1))
		g.Expect(got[0].RequestID).NotTo(BeEmpty())
		got[0].RequestID = ""
		g.Expect(got[0]).To(Equal(awsfake.Call{
			Operation: "GetRole", Time: f.now(), Status: http.StatusNotFound, Code: "NoSuchEntity",
			Principal: "arn:aws:iam::111122223333:root",
		}))
	})
}

func TestTheControlEndpointAsksForTheSecret(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	server := httptest.NewServer(f.fake.ControlHandler())
	t.Cleanup(server.Close)
	_, err := awsfake.NewControlClient(server.URL, "guessed", nil).Calls(t.Context(), "")
	g.Expect(err).To(MatchError(ContainSubstring("401")))
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	g := NewWithT(t)
	var logged bytes.Buffer
	f := newFederation(t, "")
	f.fake = awsfake.New(awsfake.Options{
		AccountID: account, Region: region, Clock: f.now, AdminAccessKeyID: adminKey, AdminSecretAccessKey: adminSecret,
		Logger: slog.New(slog.NewJSONHandler(&logged, nil)),
	})
	server := httptest.NewServer(f.fake)
	t.Cleanup(server.Close)
	f.url = server.URL
	f.iam, f.sts = f.iamAs(adminKey, adminSecret, ""), f.stsAs(adminKey, adminSecret, "")
	f.createProvider(t, "corp", f.idp.Metadata())
	f.createRole(t, "reports", trustPolicy(f.providerARN, ""), 3600)
	answer, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())

	text := logged.String()
	for _, secret := range []string{adminSecret, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken, "subject-123"} {
		g.Expect(text).NotTo(ContainSubstring(secret))
	}
	var line map[string]any
	g.Expect(json.Unmarshal([]byte(strings.SplitN(text, "\n", 2)[0]), &line)).To(Succeed())
	g.Expect(line).To(HaveKeyWithValue("operation", "CreateSAMLProvider"))
	g.Expect(line).To(HaveKeyWithValue("principal", "arn:aws:iam::111122223333:root"))
}
