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
			Account: account, Principal: "arn:aws:iam::111122223333:root",
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

// The README shows these bodies.
func TestTheControlEndpointTakesTheDocumentedJSON(t *testing.T) {
	for name, row := range map[string]struct {
		method, path, body string
		status             int
	}{
		"a delay": {http.MethodPost, "/_awsfake/faults",
			`{"operation":"AssumeRoleWithSAML","kind":"delay","delay":"2s","count":1}`, http.StatusNoContent},
		"a failure of one role": {http.MethodPost, "/_awsfake/faults",
			`{"operation":"UpdateRole","kind":"fail","resource":"reports","status":409,"code":"ConcurrentModification","message":"Later"}`, http.StatusNoContent},
		"a reset after the call": {http.MethodPost, "/_awsfake/faults",
			`{"operation":"CreateRole","kind":"reset","after":true}`, http.StatusNoContent},
		"settings": {http.MethodPut, "/_awsfake/settings",
			`{"pageSize":10,"emptyFirstPage":true,"maxExpiration":"60s","iamPropagation":"5s",` +
				`"stsEndpoints":{"*":{"rolePropagation":"10s"},"sts-far.aws.svc":{"region":"us-west-2","providerPropagation":"30s","random":true}}}`, http.StatusNoContent},
		"a seed": {http.MethodPost, "/_awsfake/seed",
			`{"roles":20,"rolePrefix":"team","buckets":["reports"]}`, http.StatusNoContent},
		"an account": {http.MethodPost, "/_awsfake/accounts",
			`{"id":"222233334444","adminAccessKeyID":"AKIAMEMBERMEMBERMEM0","adminSecretAccessKey":"a secret of the test"}`, http.StatusNoContent},
		"a fault of one account": {http.MethodPost, "/_awsfake/faults",
			`{"operation":"*","kind":"unavailable","account":"111122223333"}`, http.StatusNoContent},
		"a rate": {http.MethodPut, "/_awsfake/settings",
			`{"iamRate":{"*":{"perSecond":15,"burst":30},"111122223333":{"perSecond":0.5,"burst":1}}}`, http.StatusNoContent},
		"the inventory of one account":  {http.MethodGet, "/_awsfake/inventory?account=111122223333", "", http.StatusOK},
		"the inventory of no account":   {http.MethodGet, "/_awsfake/inventory?account=444455556666", "", http.StatusBadRequest},
		"the counts of calls":           {http.MethodGet, "/_awsfake/calls/counts", "", http.StatusOK},
		"a field that is not there":     {http.MethodPut, "/_awsfake/settings", `{"pagesize2":10}`, http.StatusBadRequest},
		"a path that is not there":      {http.MethodGet, "/_awsfake/nothing", "", http.StatusNotFound},
		"a method that is not honoured": {http.MethodDelete, "/_awsfake/inventory", "", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := httptest.NewServer(newWorld(t).fake.ControlHandler())
			t.Cleanup(server.Close)
			request, err := http.NewRequestWithContext(t.Context(), row.method, server.URL+row.path, strings.NewReader(row.body))
			g.Expect(err).NotTo(HaveOccurred())
			request.Header.Set("Authorization", "Bearer "+adminSecret)
			response, err := http.DefaultClient.Do(request)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(response.Body.Close()).To(Succeed())
			g.Expect(response.StatusCode).To(Equal(row.status))
		})
	}
}
