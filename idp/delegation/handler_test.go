package delegation

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/idp/mapping"
	"attache.dev/attache/internal/audit"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

var signingKey = sync.OnceValue(func() keys.Key {
	k, err := keys.Generate(rand.Reader, "corp", now)
	if err != nil {
		panic(err)
	}
	return k
})

type authenticate func(token, audience string, requireBoundPod bool) (idp.Subject, error)

func (f authenticate) Authenticate(_ context.Context, token, audience string, requireBoundPod bool) (idp.Subject, error) {
	return f(token, audience, requireBoundPod)
}

type exchanger func(idp.Grant, func(context.Context) (string, error)) (idp.Credentials, bool, error)

func (f exchanger) Credentials(_ context.Context, g idp.Grant, _ idp.Subject, assert func(context.Context) (string, error)) (idp.Credentials, bool, error) {
	return f(g, assert)
}

func asUploader(string, string, bool) (idp.Subject, error) {
	return idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader", Pod: idp.Pod{Name: "uploader-x2x4p", UID: "6c1b"}}, nil
}

func give(c idp.Credentials, cached bool) exchanger {
	return func(idp.Grant, func(context.Context) (string, error)) (idp.Credentials, bool, error) {
		return c, cached, nil
	}
}

func refusing(r *idp.Refusal) exchanger {
	return func(idp.Grant, func(context.Context) (string, error)) (idp.Credentials, bool, error) {
		return idp.Credentials{}, false, r
	}
}

func credentialsOfUploader() idp.Credentials {
	return idp.Credentials{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "the-secret-key", SessionToken: "the-session-token",
		Expiration:     now.Add(time.Hour).In(time.FixedZone("CET", 3600)),
		AssumedRoleID:  "AROAEXAMPLE:uploader-x2x4p",
		AssumedRoleARN: "arn:aws:sts::111122223333:assumed-role/reports-uploader/uploader-x2x4p",
		Subject:        "system:serviceaccount:reports:uploader", SubjectType: "persistent",
		Issuer: "https://login.corp.example/saml/metadata", Audience: "https://signin.aws.amazon.com/saml",
		NameQualifier: "SbdGOnUkh1i4+EXAMPLExL/jEvs=", RequestID: "c6104cbe-af31-11e0-8154-cbc7ccf896c7",
	}
}

// world is a handler with all that is around it.
type world struct {
	state  State
	opts   Options
	log    bytes.Buffer
	counts []string
}

func newWorld(t *testing.T, change ...func(*world)) (*world, http.Handler) {
	t.Helper()
	w := &world{state: State{
		Provider: &v1alpha1.SAMLProvider{
			ObjectMeta: metav1.ObjectMeta{Name: "corp"},
			Spec: v1alpha1.SAMLProviderSpec{
				Issuer:   "https://login.corp.example/saml/metadata",
				Accounts: []v1alpha1.Account{{ID: "111122223333", Region: "eu-west-1"}},
				Allow: []v1alpha1.AllowRule{{
					Namespaces: v1alpha1.NamespaceSelection{Names: []string{"reports"}},
					Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
					Roles:      []v1alpha1.RolePattern{"arn:aws:iam::111122223333:role/reports-*"},
				}},
			},
			Status: v1alpha1.SAMLProviderStatus{Accounts: []v1alpha1.AccountStatus{{ID: "111122223333", ActiveKey: signingKey().ID}}},
		},
		Keys: []keys.Key{signingKey()},
	}}
	index := mapping.NewIndex()
	index.Set(&v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: "uploader"},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: "arn:aws:iam::111122223333:role/reports-uploader"},
		},
	})
	logger := slog.New(slog.NewJSONHandler(&w.log, nil))
	w.opts = Options{
		Provider: "corp", State: func() State { return w.state },
		Authenticator: authenticate(asUploader), Mappings: index, Exchanger: give(credentialsOfUploader(), false),
		Audit: audit.New(logger), Logger: logger, Clock: func() time.Time { return now },
		Observe: func(reason string, _ time.Duration) { w.counts = append(w.counts, reason) },
	}
	for _, c := range change {
		c(w)
	}
	h, err := New(w.opts)
	if err != nil {
		t.Fatal(err)
	}
	return w, h
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (w *world) auditLines(g *WithT) []map[string]any {
	var lines []map[string]any
	for line := range strings.Lines(w.log.String()) {
		fields := map[string]any{}
		g.Expect(json.Unmarshal([]byte(line), &fields)).To(Succeed())
		if fields["logger"] == "audit" {
			lines = append(lines, fields)
		}
	}
	return lines
}

func TestCredentialsAreAnsweredInTheFormOfAuth0(t *testing.T) {
	for _, tt := range []struct{ name, contentType, body string }{
		{"to a form", typeForm, goodForm},
		{"to JSON", typeJSON, goodJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			w, h := newWorld(t)
			got := answer(h, post(tt.contentType, tt.body))
			g.Expect(got.Code).To(Equal(http.StatusOK))
			g.Expect(got.Header()).To(HaveKeyWithValue("Content-Type", []string{"application/json"}))
			g.Expect(got.Header()).To(HaveKeyWithValue("Cache-Control", []string{"no-store"}))
			g.Expect(got.Body).To(MatchJSON(`{
				"Credentials": {
					"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "the-secret-key", "SessionToken": "the-session-token",
					"Expiration": "2026-11-23T10:00:00Z"
				},
				"AssumedRoleUser": {
					"AssumedRoleId": "AROAEXAMPLE:uploader-x2x4p",
					"Arn": "arn:aws:sts::111122223333:assumed-role/reports-uploader/uploader-x2x4p"
				},
				"Subject": "system:serviceaccount:reports:uploader", "SubjectType": "persistent",
				"Issuer": "https://login.corp.example/saml/metadata", "Audience": "https://signin.aws.amazon.com/saml",
				"NameQualifier": "SbdGOnUkh1i4+EXAMPLExL/jEvs=",
				"ResponseMetadata": {"RequestId": "c6104cbe-af31-11e0-8154-cbc7ccf896c7"}
			}`))
			g.Expect(w.counts).To(Equal([]string{""}))
		})
	}
}

func TestEachStepGetsWhatTheOneBeforeFound(t *testing.T) {
	g := NewWithT(t)
	var grant idp.Grant
	var assertion string
	_, h := newWorld(t, func(w *world) {
		unbound := false
		w.state.Provider.Spec.Delegation = v1alpha1.Delegation{Audience: "sts.corp.example", RequireBoundPod: &unbound}
		w.opts.Authenticator = authenticate(func(token, audience string, requireBoundPod bool) (idp.Subject, error) {
			g.Expect(token).To(Equal("a.b.c"))
			g.Expect(audience).To(Equal("sts.corp.example"))
			g.Expect(requireBoundPod).To(BeFalse())
			return asUploader(token, audience, requireBoundPod)
		})
		w.opts.Exchanger = exchanger(func(asked idp.Grant, assert func(context.Context) (string, error)) (idp.Credentials, bool, error) {
			grant = asked
			var err error
			assertion, err = assert(t.Context())
			return credentialsOfUploader(), false, err
		})
	})
	g.Expect(answer(h, post(typeForm, goodForm)).Code).To(Equal(http.StatusOK))
	g.Expect(grant).To(Equal(idp.Grant{
		Mapping: "reports/uploader", RoleARN: "arn:aws:iam::111122223333:role/reports-uploader",
		ProviderARN: "arn:aws:iam::111122223333:saml-provider/corp", AccountID: "111122223333",
		SessionName: "uploader-x2x4p", Duration: time.Hour, Region: "eu-west-1",
	}))
	g.Expect(assertion).To(MatchRegexp(`^[A-Za-z0-9+/]+=*$`))
}

func TestRefusalsAreAnsweredInTheFormOfOAuth(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*world)
		request *http.Request
		status  int
		code    string
		reason  string
		message string
		header  http.Header
	}{
		{
			name: "a request that cannot be read", request: post(typeJSON, "{"),
			status: 400, code: "invalid_request", reason: "InvalidRequest", message: "the body is not a JSON object",
		},
		{
			name: "another method", request: httptest.NewRequest(http.MethodGet, "/delegation", nil),
			status: 405, code: "invalid_request", reason: "MethodNotAllowed", message: "method GET is not allowed: send POST",
			header: http.Header{"Allow": {"POST"}},
		},
		{
			name: "another content type", request: post("text/plain", goodForm),
			status: 415, code: "invalid_request", reason: "UnsupportedContentType", message: "Content-Type must be application/json",
		},
		{
			name: "a body that is too large", request: post(typeForm, strings.Repeat("a", maxBody+1)),
			status: 413, code: "invalid_request", reason: "BodyTooLarge", message: "more than 65536 bytes",
		},
		{
			name: "another client", request: post(typeForm, strings.Replace(goodForm, "client_id=corp", "client_id=lab", 1)),
			status: 401, code: "invalid_client", reason: "UnknownClient", message: `send "corp"`,
			header: http.Header{"Www-Authenticate": {"Bearer"}},
		},
		{
			name: "another grant_type", request: post(typeForm, strings.Replace(goodForm, "jwt-bearer", "password", 1)),
			status: 400, code: "unsupported_grant_type", reason: "UnsupportedGrantType", message: "send " + grantType,
		},
		{
			name: "another target", request: post(typeForm, strings.Replace(goodForm, "target=corp", "target=lab", 1)),
			status: 400, code: "invalid_request", reason: "UnknownTarget", message: "leave target out",
		},
		{
			name: "another api_type", request: post(typeForm, strings.Replace(goodForm, "api_type=aws", "api_type=layer", 1)),
			status: 400, code: "invalid_request", reason: "UnsupportedAPIType", message: "send aws",
		},
		{
			name: "a token that is not good",
			change: func(w *world) {
				w.opts.Authenticator = authenticate(func(string, string, bool) (idp.Subject, error) {
					return idp.Subject{}, &idp.Refusal{Kind: idp.Unauthenticated, Reason: "TokenExpired", Message: "id_token expired"}
				})
			},
			status: 400, code: "invalid_grant", reason: "TokenExpired", message: "id_token expired",
		},
		{
			name: "an API server that is away",
			change: func(w *world) {
				w.opts.Authenticator = authenticate(func(string, string, bool) (idp.Subject, error) {
					return idp.Subject{}, &idp.Refusal{Kind: idp.Unavailable, Reason: "AuthenticatorUnavailable", Message: "try again", RetryAfter: 1500 * time.Millisecond}
				})
			},
			status: 503, code: "temporarily_unavailable", reason: "AuthenticatorUnavailable", message: "try again",
			header: http.Header{"Retry-After": {"2"}},
		},
		{
			name: "a role that is not the caller's", request: post(typeForm, goodForm+"&role=arn:aws:iam::111122223333:role/admin"),
			status: 403, code: "access_denied", reason: "RoleNotGranted", message: "which may have: arn:aws:iam::111122223333:role/reports-uploader",
		},
		{
			name: "a throttled STS",
			change: func(w *world) {
				w.opts.Exchanger = refusing(&idp.Refusal{Kind: idp.Throttled, Reason: "Throttled", Message: "Rate exceeded", RetryAfter: 3 * time.Second, AWSRequestID: "req-1"})
			},
			status: 429, code: "slow_down", reason: "Throttled", message: "Rate exceeded",
			header: http.Header{"Retry-After": {"3"}},
		},
		{
			name: "an account without an active key",
			change: func(w *world) {
				w.state.Provider.Status.Accounts[0].ActiveKey = ""
			},
			status: 503, code: "temporarily_unavailable", reason: "KeyUnavailable", message: "no active signing key for account 111122223333 yet",
			header: http.Header{"Retry-After": {"5"}},
		},
		{
			name: "an account without an active key, whatever another has",
			change: func(w *world) {
				w.state.Provider.Status.Accounts = []v1alpha1.AccountStatus{{ID: "444455556666", ActiveKey: signingKey().ID}, {ID: "111122223333"}}
			},
			status: 503, code: "temporarily_unavailable", reason: "KeyUnavailable", message: "no active signing key for account 111122223333 yet",
			header: http.Header{"Retry-After": {"5"}},
		},
		{
			name: "an active key that the Secret does not hold", change: func(w *world) { w.state.Keys = nil },
			status: 503, code: "temporarily_unavailable", reason: "KeyUnavailable", message: "see its conditions",
			header: http.Header{"Retry-After": {"5"}},
		},
		{
			name: "a provider that is gone", change: func(w *world) { w.state = State{} },
			status: 403, code: "access_denied", reason: "ProviderNotFound", message: `there is no SAMLProvider "corp" any more`,
		},
		{
			name: "a provider that is being deleted",
			change: func(w *world) {
				w.state.Provider.DeletionTimestamp = &metav1.Time{Time: now}
			},
			status: 403, code: "access_denied", reason: "ProviderDeleting", message: `SAMLProvider "corp" is being deleted and gives no more credentials`,
		},
		{
			name: "a provider that denies", change: func(w *world) { w.state.Provider.Spec.Deny = true },
			status: 403, code: "access_denied", reason: "Denied", message: `spec.deny of SAMLProvider "corp" is true, which stops every delegation`,
		},
		{
			name: "an allow that selects other namespaces",
			change: func(w *world) {
				w.state.Provider.Spec.Allow[0].Namespaces = v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}}
			},
			status: 403, code: "access_denied", reason: "NotAllowedByProvider", message: `ask its owner to add: {namespaces: {names: [reports]}`,
		},
		{
			name: "what should not happen",
			change: func(w *world) {
				w.opts.Exchanger = exchanger(func(idp.Grant, func(context.Context) (string, error)) (idp.Credentials, bool, error) {
					return idp.Credentials{}, false, errors.New("boom")
				})
			},
			status: 500, code: "server_error", reason: "Internal", message: "the log of the identity provider says what",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			w, h := newWorld(t, func(w *world) {
				if tt.change != nil {
					tt.change(w)
				}
			})
			if tt.request == nil {
				tt.request = post(typeForm, goodForm)
			}
			got := answer(h, tt.request)
			g.Expect(got.Code).To(Equal(tt.status))
			var body map[string]string
			g.Expect(json.Unmarshal(got.Body.Bytes(), &body)).To(Succeed())
			g.Expect(body).To(HaveLen(2))
			g.Expect(body).To(HaveKeyWithValue("error", tt.code))
			g.Expect(body).To(HaveKeyWithValue("error_description", ContainSubstring(tt.message)))
			g.Expect(got.Header()).To(HaveKeyWithValue("Content-Type", []string{"application/json"}))
			g.Expect(got.Header()).To(HaveKeyWithValue("Cache-Control", []string{"no-store"}))
			for _, name := range []string{"Allow", "Www-Authenticate", "Retry-After"} {
				g.Expect(got.Header()[name]).To(Equal(tt.header[name]), name)
			}
			g.Expect(w.counts).To(Equal([]string{tt.reason}))
			lines := w.auditLines(g)
			g.Expect(lines).To(HaveLen(1), "one line for each decision")
			g.Expect(lines[0]).To(HaveKeyWithValue("reason", tt.reason))
			g.Expect(lines[0]).To(HaveKeyWithValue("message", body["error_description"]))
		})
	}
}

func TestEveryKindOfRefusalHasAnAnswerOfItsOwn(t *testing.T) {
	g := NewWithT(t)
	seen := map[outcome]idp.RefusalKind{}
	for _, kind := range []idp.RefusalKind{idp.Malformed, idp.Unauthenticated, idp.Denied, idp.Throttled, idp.Unavailable} {
		o := outcomeOf(&idp.Refusal{Kind: kind, Reason: "Any"})
		g.Expect(o).NotTo(Equal(internal), string(kind))
		g.Expect(seen).NotTo(HaveKey(o))
		seen[o] = kind
	}
	g.Expect(outcomeOf(&idp.Refusal{Kind: "New"})).To(Equal(internal))
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	g := NewWithT(t)
	w, h := newWorld(t, func(w *world) { w.opts.Exchanger = give(credentialsOfUploader(), true) })
	answer(h, post(typeForm, strings.Replace(goodForm, "a.b.c", "the-id-token", 1)))
	answer(h, post(typeForm, strings.Replace(goodForm, "a.b.c", "the-id-token", 1)+"&role=none"))

	lines := w.auditLines(g)
	g.Expect(lines).To(HaveLen(2))
	g.Expect(lines[0]).To(And(
		HaveKeyWithValue("outcome", "allow"), HaveKeyWithValue("cached", true),
		HaveKeyWithValue("awsRequestID", "c6104cbe-af31-11e0-8154-cbc7ccf896c7"),
		HaveKeyWithValue("mapping", "reports/uploader"), HaveKeyWithValue("pod", "uploader-x2x4p"),
	))
	g.Expect(lines[1]).To(And(
		HaveKeyWithValue("outcome", "deny"), HaveKeyWithValue("reason", "RoleNotGranted"),
		HaveKeyWithValue("wantedRole", "none"), HaveKeyWithValue("subject", "system:serviceaccount:reports:uploader"),
	))
	for _, secret := range []string{"the-secret-key", "the-session-token", "the-id-token"} {
		g.Expect(w.log.String()).NotTo(ContainSubstring(secret))
	}
}

func TestNewWantsAllItsParts(t *testing.T) {
	_, err := New(Options{Provider: "corp"})
	NewWithT(t).Expect(err).To(HaveOccurred())
}
