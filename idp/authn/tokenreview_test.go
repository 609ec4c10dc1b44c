package authn

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"attache.dev/attache/idp"
)

const audience = "attache.dev/corp"

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// reviews is an API server that counts its questions.
type reviews struct {
	asked  atomic.Int32
	answer func(*authenticationv1.TokenReview) (*authenticationv1.TokenReview, error)
}

func (r *reviews) Create(_ context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	r.asked.Add(1)
	return r.answer(review)
}

func status(s authenticationv1.TokenReviewStatus) *reviews {
	return &reviews{answer: func(review *authenticationv1.TokenReview) (*authenticationv1.TokenReview, error) {
		review.Status = s
		return review, nil
	}}
}

func failing(err error) *reviews {
	return &reviews{answer: func(*authenticationv1.TokenReview) (*authenticationv1.TokenReview, error) { return nil, err }}
}

func confirmed(change ...func(*authenticationv1.TokenReviewStatus)) authenticationv1.TokenReviewStatus {
	s := authenticationv1.TokenReviewStatus{
		Authenticated: true,
		Audiences:     []string{audience},
		User: authenticationv1.UserInfo{
			Username: "system:serviceaccount:reports:uploader",
			UID:      "0f6e",
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:reports"},
			Extra: map[string]authenticationv1.ExtraValue{
				extraPodName: {"uploader-x2x4p"},
				extraPodUID:  {"6c1b"},
			},
		},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func token(t testing.TB, change ...func(*jwt.RegisteredClaims)) string {
	t.Helper()
	claims := jwt.RegisteredClaims{
		Issuer:    "https://kubernetes.default.svc",
		Audience:  jwt.ClaimStrings{audience},
		ExpiresAt: jwt.NewNumericDate(now.Add(10 * time.Minute)),
	}
	for _, c := range change {
		c(&claims)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("a key that nobody trusts"))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func reviewer(t *testing.T, r Reviews, clock *clocktesting.FakePassiveClock) *TokenReviewer {
	t.Helper()
	reviewer, err := NewTokenReviewer(Options{Reviews: r, Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return reviewer
}

func TestAuthenticateTellsWhoseTokenItIs(t *testing.T) {
	g := NewWithT(t)
	s, err := reviewer(t, status(confirmed()), clocktesting.NewFakePassiveClock(now)).Authenticate(t.Context(), token(t), audience, true)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s).To(Equal(idp.Subject{
		Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader", UID: "0f6e",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:reports"},
		Pod:    idp.Pod{Name: "uploader-x2x4p", UID: "6c1b"},
		Issuer: "https://kubernetes.default.svc",
	}))
}

func TestAuthenticateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		token   string
		reviews *reviews
		want    idp.Refusal
		message string
		asked   int32
	}{
		{
			name: "no token, without asking the API server",
			want: idp.Refusal{Kind: idp.Malformed, Reason: ReasonTokenEmpty}, message: `made for audience "attache.dev/corp"`,
		},
		{
			name:  "what is not a token, without asking",
			token: "hunter2",
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenMalformed}, message: "not a JSON Web Token",
		},
		{
			name:  "three parts that are not JSON, without asking",
			token: "aaaa.bbbb.cccc",
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenMalformed}, message: "not a JSON Web Token",
		},
		{
			name:  "a token with a new line behind it, without asking",
			token: token(t) + "\n",
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenMalformed}, message: "without quotes or white space",
		},
		{
			name:  "a token that is too large, without asking",
			token: strings.Repeat("a", maxTokenSize+1),
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenMalformed}, message: "more than 16384 bytes",
		},
		{
			name:  "a token without expiry, without asking",
			token: token(t, func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }),
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenMalformed}, message: "tokens from Secrets are not accepted",
		},
		{
			name:  "a token that expires this very second, without asking",
			token: token(t, func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now) }),
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenExpired}, message: "id_token expired at 2026-11-23T09:00:00Z",
		},
		{
			name:  "a token for somebody else, without asking",
			token: token(t, func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"vault"} }),
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenWrongAudience}, message: `not made for audience "attache.dev/corp"`,
		},
		{
			name:  "a token for nobody, without asking",
			token: token(t, func(c *jwt.RegisteredClaims) { c.Audience = nil }),
			want:  idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenWrongAudience}, message: `not made for audience "attache.dev/corp"`,
		},
		{
			name:    "a token that the API server does not accept",
			token:   token(t),
			reviews: status(authenticationv1.TokenReviewStatus{Error: "invalid bearer token"}),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenRejected}, message: "its signature is wrong, or the pod", asked: 1,
		},
		{
			name:    "a token that was confirmed for another audience",
			token:   token(t),
			reviews: status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.Audiences = []string{"vault"} })),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenWrongAudience}, message: "not made for audience", asked: 1,
		},
		{
			name:    "a token of an authenticator that knows no audiences",
			token:   token(t),
			reviews: status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.Audiences = nil })),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenWrongAudience}, message: "not made for audience", asked: 1,
		},
		{
			name:    "a person's token",
			token:   token(t),
			reviews: status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.User.Username = "jane" })),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonNotServiceAccount}, message: "not the token of a service account", asked: 1,
		},
		{
			name:    "a name that only starts like a service account's",
			token:   token(t),
			reviews: status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.User.Username = "system:serviceaccount:reports:a:b" })),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonNotServiceAccount}, message: "not the token of a service account", asked: 1,
		},
		{
			name:    "a token that is bound to no pod",
			token:   token(t),
			reviews: status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.User.Extra = nil })),
			want:    idp.Refusal{Kind: idp.Unauthenticated, Reason: ReasonTokenNotBound}, message: `use the token of a projected volume (volumes[].projected.sources[].serviceAccountToken) with audience "attache.dev/corp"`, asked: 1,
		},
		{
			name:    "any token while the API server does not answer",
			token:   token(t),
			reviews: failing(errors.New("connection refused")),
			want:    idp.Refusal{Kind: idp.Unavailable, Reason: ReasonAuthenticatorUnavailable, RetryAfter: 2 * time.Second}, message: "try again", asked: 1,
		},
		{
			name:    "any token while the API server is too busy, for as long as it says",
			token:   token(t),
			reviews: failing(apierrors.NewTooManyRequests("slow down", 7)),
			want:    idp.Refusal{Kind: idp.Unavailable, Reason: ReasonAuthenticatorUnavailable, RetryAfter: 7 * time.Second}, message: "try again", asked: 1,
		},
		{
			name:    "any token while the IdP may not create TokenReviews",
			token:   token(t),
			reviews: failing(apierrors.NewForbidden(schema.GroupResource{Resource: "tokenreviews"}, "", errors.New("no"))),
			want:    idp.Refusal{Kind: idp.Unavailable, Reason: ReasonAuthenticatorUnavailable, RetryAfter: 2 * time.Second}, message: "try again", asked: 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			r := tt.reviews
			if r == nil {
				r = status(confirmed())
			}
			s, err := reviewer(t, r, clocktesting.NewFakePassiveClock(now)).Authenticate(t.Context(), tt.token, audience, true)
			g.Expect(s).To(BeZero())
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue())
			g.Expect(refusal.Message).To(ContainSubstring(tt.message))
			if tt.token != "" {
				g.Expect(refusal.Message).NotTo(ContainSubstring(tt.token))
			}
			got := idp.Refusal{Kind: refusal.Kind, Reason: refusal.Reason, RetryAfter: refusal.RetryAfter}
			g.Expect(got).To(Equal(tt.want))
			g.Expect(r.asked.Load()).To(Equal(tt.asked))
		})
	}
}

func TestAnUnboundTokenPassesWhereTheProviderSaysSo(t *testing.T) {
	g := NewWithT(t)
	unbound := status(confirmed(func(s *authenticationv1.TokenReviewStatus) { s.User.Extra = nil }))
	r := reviewer(t, unbound, clocktesting.NewFakePassiveClock(now))
	s, err := r.Authenticate(t.Context(), token(t), audience, false)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Pod).To(BeZero())
	_, err = r.Authenticate(t.Context(), token(t), audience, true)
	g.Expect(err).To(MatchError(HavePrefix(ReasonTokenNotBound)), "the remembered answer is held to the rule of this request")
}

func TestAnAnswerIsRememberedForFiveSeconds(t *testing.T) {
	g := NewWithT(t)
	api := status(confirmed())
	clock := clocktesting.NewFakePassiveClock(now)
	r := reviewer(t, api, clock)
	ask := func(token string) {
		t.Helper()
		_, err := r.Authenticate(t.Context(), token, audience, true)
		g.Expect(err).NotTo(HaveOccurred())
	}
	ask(token(t))
	clock.SetTime(now.Add(5*time.Second - time.Millisecond))
	ask(token(t))
	g.Expect(api.asked.Load()).To(BeEquivalentTo(1))

	ask(token(t, func(c *jwt.RegisteredClaims) { c.ID = "another" }))
	g.Expect(api.asked.Load()).To(BeEquivalentTo(2), "another token is another question")

	clock.SetTime(now.Add(5 * time.Second))
	ask(token(t))
	g.Expect(api.asked.Load()).To(BeEquivalentTo(3))
}

func TestTheAgeOfAnAnswerCountsFromTheQuestion(t *testing.T) {
	g := NewWithT(t)
	clock := clocktesting.NewFakePassiveClock(now)
	api := &reviews{answer: func(review *authenticationv1.TokenReview) (*authenticationv1.TokenReview, error) {
		clock.SetTime(now.Add(3 * time.Second)) // a slow answer
		review.Status = confirmed()
		return review, nil
	}}
	r := reviewer(t, api, clock)
	_, err := r.Authenticate(t.Context(), token(t), audience, true)
	g.Expect(err).NotTo(HaveOccurred())
	clock.SetTime(now.Add(6 * time.Second))
	_, err = r.Authenticate(t.Context(), token(t), audience, true)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(api.asked.Load()).To(BeEquivalentTo(2))
}

func TestARememberedTokenStillExpires(t *testing.T) {
	g := NewWithT(t)
	clock := clocktesting.NewFakePassiveClock(now)
	r := reviewer(t, status(confirmed()), clock)
	short := token(t, func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(time.Second)) })
	_, err := r.Authenticate(t.Context(), short, audience, true)
	g.Expect(err).NotTo(HaveOccurred())
	clock.SetTime(now.Add(time.Second))
	_, err = r.Authenticate(t.Context(), short, audience, true)
	g.Expect(err).To(MatchError(HavePrefix(ReasonTokenExpired)))
}

func TestARefusalIsNotRemembered(t *testing.T) {
	g := NewWithT(t)
	api := failing(errors.New("connection refused"))
	r := reviewer(t, api, clocktesting.NewFakePassiveClock(now))
	for range 2 {
		_, err := r.Authenticate(t.Context(), token(t), audience, true)
		g.Expect(err).To(HaveOccurred())
	}
	g.Expect(api.asked.Load()).To(BeEquivalentTo(2))
}

func TestManyWhoAskTogetherCauseOneReview(t *testing.T) {
	g := NewWithT(t)
	release := make(chan struct{})
	api := &reviews{answer: func(review *authenticationv1.TokenReview) (*authenticationv1.TokenReview, error) {
		<-release
		review.Status = confirmed()
		return review, nil
	}}
	r := reviewer(t, api, clocktesting.NewFakePassiveClock(now))

	impatient, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := r.Authenticate(impatient, token(t), audience, true)
		gone <- err
	}()
	g.Eventually(api.asked.Load).Should(BeEquivalentTo(1))

	var waiting sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		waiting.Go(func() {
			_, err := r.Authenticate(t.Context(), token(t), audience, true)
			errs <- err
		})
	}
	cancel()
	g.Eventually(gone).Should(Receive(HaveOccurred()), "who gives up is not kept")
	close(release)
	waiting.Wait()
	for range 50 {
		g.Expect(<-errs).NotTo(HaveOccurred(), "the others get the answer all the same")
	}
	g.Expect(api.asked.Load()).To(BeEquivalentTo(1))
}

func FuzzRead(f *testing.F) {
	f.Add(token(f))
	f.Add("")
	f.Add("e30.e30.")
	f.Add("bnVsbA.bnVsbA.")
	f.Add("eyJhbGciOiJub25lIn0.eyJleHAiOjFlMzA4LCJhdWQiOltdfQ.")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := read(token, audience, now)
		if err == nil {
			return
		}
		var refusal *idp.Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Message == "" {
			t.Errorf("read(%q) refuses without a reason: %v", token, err)
		}
	})
}
