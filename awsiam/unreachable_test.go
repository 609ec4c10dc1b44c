package awsiam_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

type apiCall func(context.Context, awsiam.API) error

func step(s role.Step) apiCall {
	return func(ctx context.Context, a awsiam.API) error { return a.Roles().Do(ctx, roleARN, s) }
}

// apiCalls are all that the operator makes, by their operation.
var apiCalls = map[string]apiCall{
	"GetSAMLProvider":    func(ctx context.Context, a awsiam.API) error { _, err := a.Providers().Get(ctx, arn); return err },
	"CreateSAMLProvider": func(ctx context.Context, a awsiam.API) error { return a.Providers().Create(ctx, arn, "<xml/>", nil) },
	"UpdateSAMLProvider": func(ctx context.Context, a awsiam.API) error { return a.Providers().Update(ctx, arn, "<xml/>") },
	"DeleteSAMLProvider": func(ctx context.Context, a awsiam.API) error { return a.Providers().Delete(ctx, arn) },
	"TagSAMLProvider": func(ctx context.Context, a awsiam.API) error {
		return a.Providers().AddTags(ctx, arn, map[string]string{"a": "b"})
	},
	"UntagSAMLProvider":        func(ctx context.Context, a awsiam.API) error { return a.Providers().RemoveTags(ctx, arn, "a") },
	"GetRole":                  get,
	"ListAttachedRolePolicies": get,
	"ListRolePolicies":         get,
	"GetRolePolicy":            get,
	"CreateRole":               func(ctx context.Context, a awsiam.API) error { return a.Roles().Create(ctx, uploader()) },
	"ListInstanceProfilesForRole": func(ctx context.Context, a awsiam.API) error {
		_, err := a.Roles().InstanceProfiles(ctx, role.Name(roleARN))
		return err
	},
	"GetAccountAuthorizationDetails": snapshot,
	"ListRoles":                      snapshot,
	"UpdateAssumeRolePolicy":         step(role.Step{Operation: role.UpdateAssumeRolePolicy, Document: "{}"}),
	"PutRolePermissionsBoundary":     step(role.Step{Operation: role.PutRolePermissionsBoundary, PolicyARN: boundary}),
	"DeleteRolePermissionsBoundary":  step(role.Step{Operation: role.DeleteRolePermissionsBoundary}),
	"AttachRolePolicy":               step(role.Step{Operation: role.AttachRolePolicy, PolicyARN: uploads}),
	"DetachRolePolicy":               step(role.Step{Operation: role.DetachRolePolicy, PolicyARN: uploads}),
	"PutRolePolicy":                  step(role.Step{Operation: role.PutRolePolicy, PolicyName: "p", Document: "{}"}),
	"DeleteRolePolicy":               step(role.Step{Operation: role.DeleteRolePolicy, PolicyName: "p"}),
	"UpdateRole":                     step(role.Step{Operation: role.UpdateRole, MaxSessionDuration: time.Hour}),
	"TagRole":                        step(role.Tag(map[string]string{"a": "b"})),
	"UntagRole":                      step(role.Untag("a")),
	"DeleteRole":                     step(role.Step{Operation: role.DeleteRole}),
}

func get(ctx context.Context, a awsiam.API) error {
	_, err := a.Roles().Get(ctx, role.Name(roleARN))
	return err
}

func snapshot(ctx context.Context, a awsiam.API) error {
	_, err := a.Snapshot(ctx, "/")
	return err
}

func TestEveryCallThatIAMDoesNotAnswerIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.bring(uploader())
	for _, operation := range slices.Sorted(maps.Keys(apiCalls)) {
		for _, row := range []struct {
			fault awsfake.Fault
			words string
		}{
			{awsfake.Fault{Kind: awsfake.FaultReset}, "the connection was cut"},
			{awsfake.Fault{Kind: awsfake.FaultGarbage}, "the answer is not one of IAM's"},
			{awsfake.Fault{Kind: awsfake.FaultUnavailable}, "ServiceUnavailable: The request has failed due to a temporary failure of the server."},
			{awsfake.Fault{Kind: awsfake.FaultFail, Status: 500, Code: "ServiceFailure", Message: "failed"}, "ServiceFailure: failed"},
		} {
			t.Run(fmt.Sprintf("%s meets %s %s", operation, row.fault.Kind, row.fault.Code), func(t *testing.T) {
				g := NewWithT(t)
				row.fault.Operation = operation
				w.fault(row.fault)
				t.Cleanup(func() { w.must(w.control.ClearFaults(context.WithoutCancel(t.Context()))) })
				err := apiCalls[operation](t.Context(), w.api)
				g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
				g.Expect(err).To(MatchError(HavePrefix(operation + ": ")))
				g.Expect(err).To(MatchError(ContainSubstring(row.words)))
				g.Expect(apiCalls[operation](t.Context(), w.api)).To(MatchError(err.Error()), "a condition must be the same at each try")
			})
		}
	}
}

func TestHalfAnAnswerIsNone(t *testing.T) {
	w := newWorld(t)
	w.bring(uploader())
	for _, operation := range []string{"GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy", "GetAccountAuthorizationDetails", "ListRoles"} {
		t.Run(operation, func(t *testing.T) {
			g := NewWithT(t)
			w.fault(awsfake.Fault{Operation: operation, Kind: awsfake.FaultTruncate, Count: 1})
			err := apiCalls[operation](t.Context(), w.api)
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
			g.Expect(err).To(MatchError(ContainSubstring("the answer is not one of IAM's")))
		})
	}
}

func TestAnswersOfOthersThanIAM(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
	}{
		{"a proxy's page", 200, "<html><body>Sign in to the network</body></html>"},
		{"an empty answer", 200, ""},
		{"a gateway's error page", 502, "<html><body>Bad Gateway</body></html>"},
		{"a firewall's refusal", 403, "<html><body>Forbidden by policy</body></html>"},
		{"a refusal in JSON", 403, `{"message": "no"}`},
		{"an empty error", 404, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, row.body)
			}))
			t.Cleanup(server.Close)
			for _, operation := range []string{"GetSAMLProvider", "GetRole", "PutRolePolicy", "CreateRole"} {
				g := NewWithT(t)
				err := apiCalls[operation](t.Context(), clientFor(server.URL))
				g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable), operation)
				g.Expect(err).To(MatchError(operation + ": IAM could not be reached: the answer is not one of IAM's; look at what stands between the operator and IAM"))
			}
		})
	}
}

func TestWhyThereIsNoAnswer(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); silent.Close() })
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for _, row := range []struct{ name, endpoint, words string }{
		{"nobody listens", closed.URL, "the connection was refused"},
		{"nobody answers", silent.URL, "there was no answer in time"},
		{"no such name", "http://iam.invalid", "the name iam.invalid does not resolve"},
		{"a certificate that nobody knows", untrusted.URL, "the TLS certificate was not accepted: its issuer is not known"},
		{"no TLS", "https://" + plain.Listener.Addr().(*net.TCPAddr).String(), "server gave HTTP response to HTTPS client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			try := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				return get(ctx, clientFor(row.endpoint))
			}
			err := try()
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
			g.Expect(err).To(MatchError(ContainSubstring("GetRole: IAM could not be reached: ")))
			g.Expect(err).To(MatchError(ContainSubstring(row.words)))
			g.Expect(try()).To(MatchError(err.Error()), "a condition must be the same at each try")
		})
	}
}
