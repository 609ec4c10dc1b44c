// Package drift finds out what has changed in AWS behind the operator's back. At each interval of a
// SAMLProvider it takes one snapshot of its account, and calls for the RoleMappings whose role is
// not as their status says. A quiet account costs no call for any single role.
package drift

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/controllers/status"
)

// retry is when a snapshot that failed is taken again. Meanwhile each mapping looks at its own role
// when its interval is over.
var retry = status.Every(5 * time.Minute)

// atOnce is how many accounts are read at the same time: one that does not answer must not delay the
// next, and each that does is held in memory a page at a time.
const atOnce = 16

// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings;samlproviders,verbs=get;list;watch

// Reconciler takes the snapshots. Its requests are SAMLProviders.
type Reconciler struct {
	Client    client.Client
	IAM       func(v1alpha1.Account) awsiam.API
	Snapshots *snapshot.Store
	Mappings  *rolemapping.Reconciler
	// Changed gets the mappings whose role differs. It is the channel that Mappings listens on.
	Changed chan<- event.GenericEvent
	// Taken hears how long a snapshot took, how many calls, and how it ended; nil for nobody.
	Taken func(took time.Duration, calls int, err error)
	Clock func() time.Time
}

// SetupWithManager registers the reconciler. It works on the leader only, as all controllers do.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("drift").
		For(&v1alpha1.SAMLProvider{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// Reconcile takes a snapshot of each account of a provider, if one is due.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := &v1alpha1.SAMLProvider{}
	if err := r.Client.Get(ctx, req.NamespacedName, p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	gone := p.FormerAccounts()
	if !p.DeletionTimestamp.IsZero() {
		gone = append(gone, p.Spec.Accounts...)
	}
	for _, a := range gone {
		r.Snapshots.Forget(rolemapping.SnapshotKey(p, a)) // no mapping of it is accepted any more
	}
	if !p.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	next, err := r.eachAccount(ctx, p)
	return ctrl.Result{RequeueAfter: next}, err
}

// eachAccount returns when to look again at the first of them.
func (r *Reconciler) eachAccount(ctx context.Context, p *v1alpha1.SAMLProvider) (time.Duration, error) {
	next := make([]time.Duration, len(p.Spec.Accounts))
	failures := make([]error, len(p.Spec.Accounts))
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, a := range p.Spec.Accounts {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			next[i], failures[i] = r.account(ctx, p, a)
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	return slices.Min(next), nil
}

// account returns when to look again.
func (r *Reconciler) account(ctx context.Context, p *v1alpha1.SAMLProvider, a v1alpha1.Account) (time.Duration, error) {
	interval := p.Interval()
	key := rolemapping.SnapshotKey(p, a)
	if age := r.Clock().Sub(r.Snapshots.TakenAt(key)); age < interval*8/10 {
		return interval - age, nil // called by an edit
	}
	arns, err := r.Mappings.RoleARNs(ctx, p, a)
	if err != nil {
		return 0, err
	}
	if len(arns) == 0 {
		return interval / 2, nil // before mappings that come meanwhile would look for themselves
	}
	taken, err := r.take(ctx, a, key, arns)
	if err != nil {
		if wait, ok := limit.RetryAfter(err); ok {
			return min(interval, wait), nil
		}
		ctrl.LoggerFrom(ctx).Info("Taking a snapshot failed", "account", a.ID, "error", err.Error())
		return min(interval, retry.After(0, status.Jitter())), nil
	}
	if err := r.call(ctx, p, a, taken); err != nil {
		return 0, err
	}
	return status.Every(interval).After(0, status.Jitter()), nil
}

func (r *Reconciler) take(ctx context.Context, a v1alpha1.Account, key string, arns []string) (map[string]role.Role, error) {
	slices.Sort(arns)
	named := func(held role.Role) bool {
		_, ok := slices.BinarySearch(arns, held.ARN)
		return ok
	}
	prefix := snapshot.PathPrefix(arns...)
	began := r.Clock()
	taken, err := r.Snapshots.Take(ctx, key, func(ctx context.Context) (awsiam.Snapshot, error) {
		return r.IAM(a).Snapshot(limit.Work(ctx, limit.Background), prefix)
	}, named)
	if r.Taken != nil {
		r.Taken(r.Clock().Sub(began), taken.Calls, err)
	}
	return taken.Roles, err
}

// call hands on the mappings whose role is not as it was left.
func (r *Reconciler) call(ctx context.Context, p *v1alpha1.SAMLProvider, a v1alpha1.Account, held map[string]role.Role) error {
	differing, err := r.Mappings.Differing(ctx, p, a, held)
	if err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Compared the account with the mappings", "account", a.ID, "roles", len(held), "differing", len(differing))
	for _, m := range differing {
		select {
		case r.Changed <- event.GenericEvent{Object: m}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
