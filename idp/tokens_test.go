package idp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	. "github.com/onsi/gomega"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/authn"
)

const audience = "attache.dev/corp"

func reviewer(t *testing.T, change ...func(*authn.Options)) *authn.TokenReviewer {
	t.Helper()
	o := authn.Options{Reviews: clientset(t).AuthenticationV1().TokenReviews()}
	for _, c := range change {
		c(&o)
	}
	r, err := authn.NewTokenReviewer(o)
	must(t, err)
	return r
}

func reasonOf(err error) string {
	var refusal *idp.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

func TestTheAPIServerConfirmsTheTokenOfAPod(t *testing.T) {
	g := NewWithT(t)
	namespace := env.Namespace(t, "reports")
	p := pod(t, namespace, "uploader")
	s, err := reviewer(t).Authenticate(t.Context(), tokenOf(t, p, audience), audience, true)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.UID).NotTo(BeEmpty())
	s.UID = ""
	g.Expect(s).To(Equal(idp.Subject{
		Kind: idp.KindServiceAccount, Namespace: namespace, Name: "uploader",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
		Pod:    idp.Pod{Name: p.Name, UID: string(p.UID)},
		Issuer: "https://kubernetes.default.svc",
	}))
}

func TestTheAPIServerIsNotFooled(t *testing.T) {
	p := pod(t, env.Namespace(t, "reports"), "uploader")
	good := tokenOf(t, p, audience)
	for _, tt := range []struct {
		name, token, reason string
		after               time.Duration
	}{
		{name: "an empty token", token: "", reason: authn.ReasonTokenEmpty},
		{name: "what is not a token", token: "hunter2", reason: authn.ReasonTokenMalformed},
		{name: "a token for the API server itself", token: tokenOf(t, p, "https://kubernetes.default.svc"), reason: authn.ReasonTokenWrongAudience},
		{name: "a token for another provider", token: tokenOf(t, p, "attache.dev/lab"), reason: authn.ReasonTokenWrongAudience},
		{name: "a token that is bound to no pod", token: unboundTokenOf(t, p, audience), reason: authn.ReasonTokenNotBound},
		{name: "a token two hours later", token: good, reason: authn.ReasonTokenExpired, after: 2 * time.Hour},
		{name: "a token with another signature", token: tamper(good), reason: authn.ReasonTokenRejected},
		{name: "a token with another service account's name", token: forge(t, good), reason: authn.ReasonTokenRejected},
		{name: "a token that is not signed", token: unsigned(good), reason: authn.ReasonTokenRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			r := reviewer(t, func(o *authn.Options) {
				o.Clock = func() time.Time { return time.Now().Add(tt.after) }
			})
			s, err := r.Authenticate(t.Context(), tt.token, audience, true)
			g.Expect(s).To(BeZero())
			g.Expect(reasonOf(err)).To(Equal(tt.reason))
		})
	}
}

// tamper changes the first character of the signature. The last one may hold unused bits.
func tamper(token string) string {
	i := strings.LastIndex(token, ".") + 1
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

// forge signs the same claims for another service account, with a key that nobody trusts.
func forge(t *testing.T, token string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	must(t, err)
	claims["sub"] = "system:serviceaccount:kube-system:admin"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	forged := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	forged.Header["kid"] = parsed.Header["kid"]
	signed, err := forged.SignedString(key)
	must(t, err)
	return signed
}

func unsigned(token string) string {
	return "eyJhbGciOiJub25lIn0" + token[strings.Index(token, "."):strings.LastIndex(token, ".")+1]
}

// The API server remembers a token for ten seconds and the reviewer for five.
func TestTheTokenOfADeletedPodIsRefusedWithin15Seconds(t *testing.T) {
	g := NewWithT(t)
	p := pod(t, env.Namespace(t, "reports"), "uploader")
	token := tokenOf(t, p, audience)
	r := reviewer(t)
	ask := func() error {
		_, err := r.Authenticate(t.Context(), token, audience, true)
		return err
	}
	g.Expect(ask()).To(Succeed())
	removePod(t, p)
	g.Eventually(func() string { return reasonOf(ask()) }).WithTimeout(15 * time.Second).WithPolling(100 * time.Millisecond).
		Should(Equal(authn.ReasonTokenRejected))
}

func TestATokenIsNotConfirmedWhileTheAPIServerIsAway(t *testing.T) {
	g := NewWithT(t)
	p := pod(t, env.Namespace(t, "reports"), "uploader")
	away := rest.CopyConfig(env.Config)
	away.Host = "https://127.0.0.1:1"
	nobody, err := authenticationclient.NewForConfig(away)
	g.Expect(err).NotTo(HaveOccurred())
	r := reviewer(t, func(o *authn.Options) { o.Reviews = nobody.TokenReviews() })

	_, err = r.Authenticate(t.Context(), tokenOf(t, p, audience), audience, true)
	var refusal *idp.Refusal
	g.Expect(errors.As(err, &refusal)).To(BeTrue())
	g.Expect(refusal.Kind).To(Equal(idp.Unavailable))
	g.Expect(refusal.Reason).To(Equal(authn.ReasonAuthenticatorUnavailable))
	g.Expect(refusal.RetryAfter).To(BeNumerically(">", 0))
}
