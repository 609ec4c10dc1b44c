package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/idp"
	"attache.dev/attache/internal/clock"
)

const (
	// maxAge of an answer of the API server, counted from the question. The API server remembers a
	// token for 10 s itself, so a deleted pod is refused 15 s after its removal.
	maxAge = 5 * time.Second

	defaultTimeout    = 3 * time.Second
	defaultMaxEntries = 10_000
	defaultRetryAfter = 2 * time.Second
)

// Keys of status.user.extra (Kubernetes documentation, "Managing Service Accounts", "Additional
// metadata in Pod bound tokens").
const (
	extraPodName = "authentication.kubernetes.io/pod-name"
	extraPodUID  = "authentication.kubernetes.io/pod-uid"
)

// Reviews asks the API server about a token. client-go's TokenReviewInterface is one.
type Reviews interface {
	Create(ctx context.Context, review *authenticationv1.TokenReview, opts metav1.CreateOptions) (*authenticationv1.TokenReview, error)
}

// Options of a TokenReviewer. Reviews is required.
type Options struct {
	Reviews Reviews
	// Clock defaults to time.Now.
	Clock func() time.Time
	// Timeout of one review; 3 s by default.
	Timeout time.Duration
	// MaxEntries is the number of answers that are remembered; 10,000 by default.
	MaxEntries int
}

// TokenReviewer authenticates service accounts by their tokens. It may be used by many goroutines.
type TokenReviewer struct {
	reviews Reviews
	clock   func() time.Time
	timeout time.Duration
	// answers holds what the API server confirmed, never what it refused.
	answers *otter.Cache[question, answer]
	flights singleflight.Group
}

// question identifies a review without holding the token.
type question struct {
	token    [sha256.Size]byte
	audience string
}

type answer struct {
	subject idp.Subject
	asked   time.Time
}

// NewTokenReviewer returns a TokenReviewer.
func NewTokenReviewer(o Options) (*TokenReviewer, error) {
	if o.Reviews == nil {
		return nil, errors.New("a TokenReviewer needs Reviews")
	}
	r := &TokenReviewer{reviews: o.Reviews, clock: o.Clock, timeout: o.Timeout}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.timeout == 0 {
		r.timeout = defaultTimeout
	}
	entries := o.MaxEntries
	if entries == 0 {
		entries = defaultMaxEntries
	}
	var err error
	r.answers, err = otter.New(&otter.Options[question, answer]{
		MaximumSize: entries,
		Clock:       clock.Otter(r.clock),
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[question, answer]) time.Duration {
			return maxAge - r.clock().Sub(e.Value.asked)
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of token reviews: %w", err)
	}
	return r, nil
}

// Authenticate returns whose token it is. The token must be made for the audience and, with
// requireBoundPod, be bound to a pod that exists. The error is always an *idp.Refusal.
func (r *TokenReviewer) Authenticate(ctx context.Context, token, audience string, requireBoundPod bool) (idp.Subject, error) {
	issuer, err := read(token, audience, r.clock())
	if err != nil {
		return idp.Subject{}, err
	}
	subject, err := r.confirm(ctx, token, audience)
	if err != nil {
		return idp.Subject{}, err
	}
	if requireBoundPod && (subject.Pod.Name == "" || subject.Pod.UID == "") {
		return idp.Subject{}, refuse(ReasonTokenNotBound, fmt.Sprintf(
			"id_token is not bound to a pod: use the token of a projected volume (volumes[].projected.sources[].serviceAccountToken) with audience %q, or let the provider's owner set spec.delegation.requireBoundPod: false", audience))
	}
	subject.Issuer = issuer
	return subject, nil
}

// confirm answers from memory, or from one review for all who ask at the same time.
func (r *TokenReviewer) confirm(ctx context.Context, token, audience string) (idp.Subject, error) {
	q := question{sha256.Sum256([]byte(token)), audience}
	if a, found := r.answers.GetIfPresent(q); found {
		return a.subject, nil
	}
	flight := r.flights.DoChan(string(q.token[:])+q.audience, func() (any, error) {
		// Who asked first may give up; the others still want the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
		defer cancel()
		asked := r.clock()
		subject, err := r.review(ctx, token, audience)
		if err != nil {
			return idp.Subject{}, err
		}
		r.answers.Set(q, answer{subject, asked})
		return subject, nil
	})
	select {
	case <-ctx.Done():
		return idp.Subject{}, unavailable(context.Cause(ctx), defaultRetryAfter)
	case result := <-flight:
		return result.Val.(idp.Subject), result.Err
	}
}

func (r *TokenReviewer) review(ctx context.Context, token, audience string) (idp.Subject, error) {
	review, err := r.reviews.Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		retryAfter := defaultRetryAfter
		if seconds, suggested := apierrors.SuggestsClientDelay(err); suggested {
			retryAfter = max(retryAfter, time.Duration(seconds)*time.Second)
		}
		return idp.Subject{}, unavailable(fmt.Errorf("create a TokenReview: %w", err), retryAfter)
	}
	return subjectOf(review.Status, audience)
}

// subjectOf reads the API server's answer. An authenticator that does not know audiences leaves
// them empty, which must not pass (TokenReviewStatus.audiences in the Kubernetes API reference).
func subjectOf(status authenticationv1.TokenReviewStatus, audience string) (idp.Subject, error) {
	if !status.Authenticated {
		refusal := refuse(ReasonTokenRejected, "the Kubernetes API server does not accept id_token: its signature is wrong, or the pod or service account that it was made for is gone")
		if status.Error != "" {
			refusal.Err = errors.New(status.Error)
		}
		return idp.Subject{}, refusal
	}
	if !slices.Contains(status.Audiences, audience) {
		return idp.Subject{}, wrongAudience(audience)
	}
	namespace, name, ok := splitUsername(status.User.Username)
	if !ok {
		return idp.Subject{}, refuse(ReasonNotServiceAccount, "id_token is not the token of a service account")
	}
	return idp.Subject{
		Kind:      idp.KindServiceAccount,
		Namespace: namespace,
		Name:      name,
		UID:       status.User.UID,
		Groups:    status.User.Groups,
		Pod:       idp.Pod{Name: first(status.User.Extra[extraPodName]), UID: first(status.User.Extra[extraPodUID])},
	}, nil
}

// splitUsername splits system:serviceaccount:NAMESPACE:NAME.
func splitUsername(username string) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(username, "system:serviceaccount:")
	if !ok {
		return "", "", false
	}
	namespace, name, ok = strings.Cut(rest, ":")
	return namespace, name, ok && namespace != "" && name != "" && !strings.Contains(name, ":")
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
