package idp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/server"
	"attache.dev/attache/test/awsfake"
)

func TestTheDoorGivesCredentialsThatWork(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w)
	token := w.token(t)

	first := d.ask(t, token)
	g.Expect(first.status).To(Equal(http.StatusOK), first.Description)
	identity := w.identity(t, first.Credentials.AccessKeyID, first.Credentials.SecretAccessKey, first.Credentials.SessionToken)
	g.Expect(*identity.Arn).To(Equal("arn:aws:sts::" + accountID + ":assumed-role/" + roleName + "/" + w.pod.Name))

	second := d.ask(t, token, "role", roleARN, "target", w.provider.Name, "scope", "openid")
	g.Expect(second.Credentials).To(Equal(first.Credentials), "the same credentials as long as they last")
	g.Expect(w.exchanges(t)).To(HaveLen(1))

	lines := d.auditLines(t)
	g.Expect(lines).To(HaveLen(2))
	g.Expect(lines[0]).To(And(HaveKeyWithValue("outcome", "allow"), HaveKeyWithValue("cached", false), HaveKeyWithValue("awsRequestID", first.ResponseMetadata.RequestID)))
	g.Expect(lines[1]).To(And(HaveKeyWithValue("cached", true), HaveKeyWithValue("podUID", string(w.pod.UID))))

	metrics := d.get(t, d.ops+"/metrics")
	g.Expect(metrics).To(And(
		ContainSubstring(`attache_delegation_requests_total{outcome="allow",reason=""} 2`),
		ContainSubstring(`attache_exchange_answers_total{source="Hit"} 1`),
		ContainSubstring(`attache_sts_request_duration_seconds_count{outcome="Success"} 1`),
	))

	for _, secret := range []string{token, first.Credentials.SecretAccessKey, first.Credentials.SessionToken} {
		g.Expect(d.log.String()).NotTo(ContainSubstring(secret))
		g.Expect(metrics).NotTo(ContainSubstring(secret))
	}
}

func TestTheDoorServesTheMetadataThatIAMHolds(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w)
	body, response, err := d.do(t.Context(), http.MethodGet, d.url+"/saml/metadata", "", "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.StatusCode).To(Equal(http.StatusOK))
	g.Expect(response.Header.Get("Content-Type")).To(Equal("application/samlmetadata+xml"))
	g.Expect(body).To(Equal(string(w.metadata)))

	_, response, err = d.do(t.Context(), http.MethodPost, d.url+"/saml/metadata", "", "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.StatusCode).To(Equal(http.StatusMethodNotAllowed))
	_, response, err = d.do(t.Context(), http.MethodGet, d.url+"/metrics", "", "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.StatusCode).To(Equal(http.StatusNotFound), "metrics are on the other port")
}

func TestTheDoorRefuses(t *testing.T) {
	w := newWorld(t)
	d := open(t, w)
	token := w.token(t)
	stranger := tokenOf(t, pod(t, w.pod.Namespace, "stranger"), w.provider.Audience())
	for _, tt := range []struct {
		name   string
		token  string
		change []string
		status int
		code   string
		says   string
	}{
		{"an empty token", "", nil, 400, "invalid_request", "id_token is empty"},
		{"what is not a token", "hunter2", nil, 400, "invalid_grant", "not a JSON Web Token"},
		{"a token for somebody else", tokenOf(t, w.pod, "vault"), nil, 400, "invalid_grant", `not made for audience "attache.dev/` + w.provider.Name},
		{"a token that is bound to no pod", unboundTokenOf(t, w.pod, w.provider.Audience()), nil, 400, "invalid_grant", "not bound to a pod"},
		{"a token that was tampered with", tamper(token), nil, 400, "invalid_grant", "does not accept id_token"},
		{"a service account that no mapping names", stranger, nil, 403, "access_denied", `names service account "stranger"`},
		{"a role that is not the caller's", token, []string{"role", "arn:aws:iam::111122223333:role/admin"}, 403, "access_denied", "which may have: " + roleARN},
		{"another principal", token, []string{"principal", "arn:aws:iam::111122223333:saml-provider/other"}, 403, "access_denied", "send " + w.providerARN},
		{"another region", token, []string{"region", "us-east-1"}, 400, "invalid_request", "send eu-west-1"},
		{"an unknown client_id", token, []string{"client_id", "lab"}, 401, "invalid_client", "client_id"},
		{"an unknown target", token, []string{"target", "lab"}, 400, "invalid_request", "target"},
		{"an unknown grant_type", token, []string{"grant_type", "password"}, 400, "unsupported_grant_type", "jwt-bearer"},
		{"an unknown api_type", token, []string{"api_type", "firebase"}, 400, "invalid_request", "send aws"},
		{"a body that is too large", token, []string{"x", strings.Repeat("a", 64<<10)}, 413, "invalid_request", "65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			got := d.ask(t, tt.token, tt.change...)
			g.Expect(got.status).To(Equal(tt.status))
			g.Expect(got.Error).To(Equal(tt.code))
			g.Expect(got.Description).To(ContainSubstring(tt.says))
			g.Expect(got.Credentials).To(BeZero())
		})
	}
}

func TestTheDoorFollowsTheCluster(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w)
	token := w.token(t)
	code := func() string { return d.ask(t, token).Error }
	g.Expect(code()).To(BeEmpty())

	w.provider.Spec.Allow = nil
	g.Expect(env.Client.Update(t.Context(), w.provider)).To(Succeed())
	g.Eventually(func() string { return d.ask(t, token).Description }).Should(ContainSubstring("ask its owner to add: {namespaces: {names: ["+w.pod.Namespace+"]}"),
		"cached credentials do not outlive the rule that gave them")

	w.provider.Spec.Allow = []v1alpha1.AllowRule{{
		Namespaces: v1alpha1.NamespaceSelection{Names: []string{w.pod.Namespace}},
		Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
		Roles:      []v1alpha1.RolePattern{roleARN},
	}}
	g.Expect(env.Client.Update(t.Context(), w.provider)).To(Succeed())
	g.Eventually(code).Should(BeEmpty())

	g.Expect(env.Client.Delete(t.Context(), w.mapping)).To(Succeed())
	g.Eventually(func() string { return d.ask(t, token).Description }).Should(ContainSubstring("no RoleMapping in namespace"))

	g.Expect(env.Client.Delete(t.Context(), w.provider)).To(Succeed())
	g.Eventually(func() string { return d.ask(t, token).Description }).Should(Equal(`there is no SAMLProvider "` + w.provider.Name + `" any more`))
	g.Expect(d.get(t, d.ops+"/readyz")).To(Equal(`there is no SAMLProvider "` + w.provider.Name + "\"\n"))
	g.Expect(d.get(t, d.ops+"/healthz")).To(Equal("ok\n"))
}

// What stops a grant stops it for credentials that are still in the cache too, and these are given
// again, without another call to STS, when it is allowed again.
func TestWhatStopsAGrantStopsItAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stop  func(*testing.T, *world)
		again func(*testing.T, *world)
		says  string
	}{
		{
			"the provider denies",
			func(t *testing.T, w *world) { w.update(t, func() { w.provider.Spec.Deny = true }) },
			func(t *testing.T, w *world) { w.update(t, func() { w.provider.Spec.Deny = false }) },
			"which stops every delegation; ask its owner",
		},
		{
			"the mapping denies",
			func(t *testing.T, w *world) { w.update(t, func() { w.mapping.Spec.Deny = true }) },
			func(t *testing.T, w *world) { w.update(t, func() { w.mapping.Spec.Deny = false }) },
			"which stops every delegation by it",
		},
		{
			"allow names other roles",
			func(t *testing.T, w *world) {
				w.update(t, func() {
					w.provider.Spec.Allow[0].Roles = []v1alpha1.RolePattern{"arn:aws:iam::" + accountID + ":role/billing-*"}
				})
			},
			func(t *testing.T, w *world) {
				w.update(t, func() { w.provider.Spec.Allow[0].Roles = []v1alpha1.RolePattern{roleARN} })
			},
			"none whose roles match " + roleARN,
		},
		{
			"the namespace loses the label that allow selects by",
			func(t *testing.T, w *world) { w.label(t, "") },
			func(t *testing.T, w *world) { w.label(t, "gold") },
			"has no entry for namespace",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.label(t, "gold")
			w.update(t, func() {
				w.provider.Spec.Allow[0].Namespaces = v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}}
			})
			d := open(t, w)
			token := w.token(t)
			first := d.ask(t, token)
			g.Expect(first.status).To(Equal(http.StatusOK), first.Description)

			tt.stop(t, w)
			g.Eventually(func() string { return d.ask(t, token).Description }).Should(ContainSubstring(tt.says))
			refused := d.ask(t, token)
			g.Expect(refused.status).To(Equal(http.StatusForbidden))
			g.Expect(refused.Error).To(Equal("access_denied"))
			g.Expect(refused.Credentials).To(BeZero())

			tt.again(t, w)
			g.Eventually(func() int { return d.ask(t, token).status }).Should(Equal(http.StatusOK))
			g.Expect(d.ask(t, token).Credentials).To(Equal(first.Credentials))
			g.Expect(w.exchanges(t)).To(HaveLen(1))
		})
	}
}

func TestTheDoorRefusesWhileItsProviderIsBeingDeleted(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.provider.Finalizers = []string{"attache.dev/provider"}
	g.Expect(env.Client.Update(t.Context(), w.provider)).To(Succeed())
	t.Cleanup(func() {
		g.Expect(env.Client.Patch(context.WithoutCancel(t.Context()), w.provider, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
	})
	d := open(t, w)
	token := w.token(t)
	g.Expect(d.ask(t, token).status).To(Equal(http.StatusOK))
	g.Expect(env.Client.Delete(t.Context(), w.provider)).To(Succeed())
	g.Eventually(func() string { return d.ask(t, token).Description }).Should(ContainSubstring("is being deleted and gives no more credentials"))
}

func TestTheServingCertificateIsReadAgain(t *testing.T) {
	g := NewWithT(t)
	d := open(t, newWorld(t))
	before := d.peer(t)

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "renewed"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	g.Expect(err).NotTo(HaveOccurred())
	d.writePEM(t, "tls.key", "PRIVATE KEY", keyDER)
	d.writePEM(t, "tls.crt", "CERTIFICATE", der)

	g.Expect(before.Subject.CommonName).NotTo(Equal("renewed"))
	g.Eventually(func() string { return d.peer(t).Subject.CommonName }).WithTimeout(20 * time.Second).Should(Equal("renewed"))
}

func TestTheDoorSpeaksTLS12AndLater(t *testing.T) {
	g := NewWithT(t)
	d := open(t, newWorld(t))
	old := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}
	_, err := old.DialContext(t.Context(), "tcp", strings.TrimPrefix(d.url, "https://"))
	g.Expect(err).To(MatchError(ContainSubstring("protocol version")))
}

func TestAnOrderlyStopFailsReadinessFirst(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w, func(o *server.Options) { o.DrainDelay = 2 * time.Second })
	d.stop()
	g.Eventually(func() string { return d.get(t, d.ops+"/readyz") }).Should(Equal("shutting down\n"))
	g.Expect(d.ask(t, w.token(t)).status).To(Equal(http.StatusOK), "requests that still come are served")
	g.Eventually(d.ended).WithTimeout(15 * time.Second).Should(Receive(BeNil()))
}

func TestTheDoorTellsWhatIsWrongWithSTS(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  func(*testing.T, *world)
		status int
		code   string
		says   string
	}{
		{
			name:   "STS throttles",
			fault:  func(t *testing.T, w *world) { w.fault(t, awsfake.Fault{Kind: awsfake.FaultThrottle}) },
			status: 429, code: "slow_down", says: "more requests than it takes",
		},
		{
			name:   "STS fails",
			fault:  func(t *testing.T, w *world) { w.fault(t, awsfake.Fault{Kind: awsfake.FaultUnavailable}) },
			status: 503, code: "temporarily_unavailable", says: "STS in eu-west-1 does not answer",
		},
		{
			name:   "STS cannot be reached",
			fault:  func(_ *testing.T, w *world) { w.endpoint.Close() },
			status: 503, code: "temporarily_unavailable", says: "STS in eu-west-1 does not answer",
		},
		{
			name: "there is no such role",
			fault: func(t *testing.T, w *world) {
				_, err := w.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String(roleName)})
				must(t, err)
			},
			status: 403, code: "access_denied", says: roleARN + " may not be assumed",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			d := open(t, w)
			tt.fault(t, w)
			got := d.ask(t, w.token(t))
			g.Expect(got.status).To(Equal(tt.status))
			g.Expect(got.Error).To(Equal(tt.code))
			g.Expect(got.Description).To(ContainSubstring(tt.says))
			g.Expect(got.retryAfter != "").To(Equal(tt.status != http.StatusForbidden), "Retry-After where trying again helps")
			g.Expect(got.Credentials).To(BeZero())
			if calls := w.exchanges(t); len(calls) > 0 {
				g.Expect(d.auditLines(t)[0]).To(HaveKeyWithValue("awsRequestID", calls[len(calls)-1].RequestID))
			}
		})
	}
}

func TestCredentialsComeWhenSTSHasRecovered(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w)
	token := w.token(t)
	w.fault(t, awsfake.Fault{Kind: awsfake.FaultThrottle, Count: 1})
	g.Expect(d.ask(t, token).status).To(Equal(http.StatusTooManyRequests))
	g.Eventually(func() int { return d.ask(t, token).status }).WithTimeout(10 * time.Second).WithPolling(100 * time.Millisecond).Should(Equal(http.StatusOK))
	g.Expect(w.exchanges(t)).To(HaveLen(2), "what STS does not want to hear is not said again at once")
}

func TestARequestThatWaitsForASlowSTSOutlivesTheStop(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	d := open(t, w)
	token := w.token(t)
	w.fault(t, awsfake.Fault{Kind: awsfake.FaultDelay, Delay: awsfake.Duration(2 * time.Second), Count: 1})
	answered := make(chan int, 1)
	go func() {
		a, _ := d.post(t.Context(), token) // without an answer the status is 0
		answered <- a.status
	}()
	g.Eventually(func() ([]awsfake.Fault, error) { return w.aws.Control().Faults(t.Context()) }).Should(BeEmpty(), "STS is being asked")
	d.stop()
	g.Eventually(func() string { return d.get(t, d.ops+"/readyz") }).Should(Equal("shutting down\n"))
	g.Eventually(answered).WithTimeout(10 * time.Second).Should(Receive(Equal(http.StatusOK)))
	g.Eventually(d.ended).WithTimeout(15 * time.Second).Should(Receive(BeNil()))
}
