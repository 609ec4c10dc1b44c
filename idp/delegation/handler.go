package delegation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/idp/mapping"
	"attache.dev/attache/internal/audit"
)

// Door is the name of this door in audit lines.
const Door = "delegation"

// keyRetryAfter is when a request may find the key that the operator is about to publish.
const keyRetryAfter = 5 * time.Second

// Authenticator finds out who asks; *authn.TokenReviewer is one. Its errors are *idp.Refusal.
type Authenticator interface {
	Authenticate(ctx context.Context, token, audience string, requireBoundPod bool) (idp.Subject, error)
}

// Mappings finds the RoleMappings that name a subject and knows the facts about them;
// *mapping.Index is one.
type Mappings interface {
	Candidates(s idp.Subject) []*v1alpha1.RoleMapping
	// Facts returns what the cluster says of a mapping beside its spec.
	Facts(m *v1alpha1.RoleMapping) mapping.Facts
}

// Exchanger turns an assertion into credentials, or finds those that it still has;
// *exchange.Exchanger is one. Its errors are *idp.Refusal.
type Exchanger interface {
	Credentials(ctx context.Context, g idp.Grant, s idp.Subject, assert func(context.Context) (string, error)) (c idp.Credentials, cached bool, err error)
}

// State is what the cluster says of the provider at one moment. Nobody changes what it holds.
type State struct {
	// Provider is nil while there is none.
	Provider *v1alpha1.SAMLProvider
	// Keys are those of the provider's key Secret.
	Keys []keys.Key
}

// ActiveKey returns the key that signs for the account: the one that the operator has published
// there.
func (s State) ActiveKey(accountID string) (keys.Key, bool) {
	if s.Provider == nil {
		return keys.Key{}, false
	}
	for _, a := range s.Provider.Status.Accounts {
		if a.ID == accountID {
			return keys.Find(s.Keys, a.ActiveKey)
		}
	}
	return keys.Key{}, false
}

// Options of a Handler. All are required but Clock.
type Options struct {
	// Provider is the name of the SAMLProvider that is served.
	Provider string
	// State returns the provider as it is now.
	State         func() State
	Authenticator Authenticator
	Mappings      Mappings
	Exchanger     Exchanger
	Audit         *audit.Log
	Logger        *slog.Logger
	// Observe is told the end of each request. The reason is empty when credentials were given, and
	// else one of a closed set.
	Observe func(reason string, took time.Duration)
	// Clock defaults to time.Now.
	Clock func() time.Time
}

// Handler serves POST /delegation.
type Handler struct{ Options }

// New returns a Handler.
func New(o Options) (*Handler, error) {
	if o.Provider == "" || o.State == nil || o.Authenticator == nil || o.Mappings == nil || o.Exchanger == nil ||
		o.Audit == nil || o.Logger == nil || o.Observe == nil {
		return nil, errors.New("a delegation handler needs all its options but Clock")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Handler{o}, nil
}

// ServeHTTP implements http.Handler. The audit line is written before the answer, so that no
// credentials leave without one.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := h.Clock()
	d := audit.Decision{Door: Door, Remote: r.RemoteAddr}
	c, err := h.walk(w, r, &d)
	d.Duration = h.Clock().Sub(started)
	if err != nil {
		h.refuse(w, r, &d, err)
		return
	}
	d.Expiration, d.AWSRequestID = c.Expiration, c.RequestID
	h.Audit.Record(r.Context(), d)
	h.Observe("", d.Duration)
	if err := writeSuccess(w, c); err != nil {
		h.Logger.WarnContext(r.Context(), "Could not write an answer", "error", err)
	}
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, d *audit.Decision, err error) {
	if !errors.As(err, &d.Refusal) {
		d.Refusal = &idp.Refusal{Reason: reasonInternal, Message: "something went wrong here; the log of the identity provider says what", Err: err}
	}
	h.Audit.Record(r.Context(), *d)
	h.Observe(d.Refusal.Reason, d.Duration)
	if d.Refusal.Err != nil {
		h.Logger.WarnContext(r.Context(), "Refused a request for a cause that the caller does not see", "reason", d.Refusal.Reason, "error", d.Refusal.Err)
	}
	if err := writeFailure(w, d.Refusal); err != nil {
		h.Logger.WarnContext(r.Context(), "Could not write an answer", "error", err)
	}
}

// walk takes the request through each step, in the order of the package idp's picture, and notes in
// d how far it came.
func (h *Handler) walk(w http.ResponseWriter, r *http.Request, d *audit.Decision) (idp.Credentials, error) {
	ctx := r.Context()
	parameters, err := readRequest(w, r)
	if err != nil {
		return idp.Credentials{}, err
	}
	d.WantedRole = parameters["role"]
	request, err := parameters.forProvider(h.Provider)
	if err != nil {
		return idp.Credentials{}, err
	}
	state := h.State()
	p, err := h.living(state)
	if err != nil {
		return idp.Credentials{}, err
	}
	if d.Subject, err = h.Authenticator.Authenticate(ctx, request.idToken, p.Audience(), p.RequiresBoundPod()); err != nil {
		return idp.Credentials{}, err
	}
	if d.Grant, err = mapping.Decide(p, h.Mappings.Candidates(d.Subject), h.Mappings.Facts, d.Subject, request.want); err != nil {
		return idp.Credentials{}, err
	}
	assert, err := h.assert(state, d.Subject, d.Grant)
	if err != nil {
		return idp.Credentials{}, err
	}
	c, cached, err := h.Exchanger.Credentials(ctx, d.Grant, d.Subject, assert)
	d.Cached = cached
	return c, err
}

// living returns the provider, unless it is gone or about to go.
func (h *Handler) living(state State) (*v1alpha1.SAMLProvider, error) {
	if state.Provider == nil {
		return nil, &idp.Refusal{Kind: idp.Denied, Reason: reasonProviderNotFound, Message: fmt.Sprintf("there is no SAMLProvider %q any more", h.Provider)}
	}
	if !state.Provider.DeletionTimestamp.IsZero() {
		return nil, &idp.Refusal{Kind: idp.Denied, Reason: reasonProviderDeleting, Message: fmt.Sprintf("SAMLProvider %q is being deleted and gives no more credentials", h.Provider)}
	}
	return state.Provider, nil
}

// assert returns a function that signs a fresh assertion for the grant. What stands in the way is
// said at once, whether credentials are still in the cache or not.
func (h *Handler) assert(state State, s idp.Subject, g idp.Grant) (func(context.Context) (string, error), error) {
	key, found := state.ActiveKey(g.AccountID)
	if !found {
		return nil, &idp.Refusal{
			Kind: idp.Unavailable, Reason: reasonKeyUnavailable, RetryAfter: keyRetryAfter,
			Message: fmt.Sprintf("SAMLProvider %q has no active signing key for account %s yet: see its conditions KeysReady and ProvidersSynced", h.Provider, g.AccountID),
		}
	}
	statement, err := assertion.ForAWS(state.Provider.Spec.Issuer, s, g)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (string, error) {
		response, err := assertion.Response(statement, key, h.Clock(), rand.Reader)
		if err != nil {
			return "", fmt.Errorf("sign an assertion: %w", err)
		}
		return assertion.Encode(response)
	}, nil
}
