package rolemapping

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"attache.dev/attache/api/v1alpha1"
)

// workers reconcile at once. Calls to IAM take most of their time: IAM throttles a whole account, and
// an account that is silent holds one of them now and then.
const workers = 8

// providerField indexes the cache by the name in providerRef.
const providerField = v1alpha1.FieldProvider

type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]

// SetupWithManager registers the reconciler, the index and what it watches.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.RoleMapping{}, providerField, indexByProvider); err != nil {
		return fmt.Errorf("index RoleMappings by provider: %w", err)
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("rolemapping").
		For(&v1alpha1.RoleMapping{}).
		Watches(&v1alpha1.SAMLProvider{}, r.onProvider()).
		Watches(&v1alpha1.RoleMapping{}, r.onDeparture()).
		Watches(&corev1.Namespace{}, r.onNamespace(), builder.OnlyMetadata).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers})
	if r.Changed != nil {
		b = b.WatchesRawSource(source.Channel(r.Changed, onChange()))
	}
	return b.Complete(r)
}

func indexByProvider(o client.Object) []string {
	m, ok := o.(*v1alpha1.RoleMapping)
	if !ok {
		return nil
	}
	return []string{m.Spec.ProviderRef.Name}
}

// onProvider calls for all mappings of a provider, or for those of some of its accounts, but only when
// something changed that a mapping can tell.
func (r *Reconciler) onProvider() handler.EventHandler {
	call := func(ctx context.Context, provider string, q queue) {
		r.callAll(ctx, q, client.MatchingFields{providerField: provider})
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			// At the start every mapping is in the queue already.
			if !e.IsInInitialList {
				call(ctx, e.Object.GetName(), q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if viewOf(e.ObjectOld) != viewOf(e.ObjectNew) {
				call(ctx, e.ObjectNew.GetName(), q)
				return
			}
			r.callForAccounts(ctx, q, e.ObjectNew.GetName(), changedAccounts(e.ObjectOld, e.ObjectNew))
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			call(ctx, e.Object.GetName(), q)
		},
	}
}

// onNamespace calls for the mappings of a namespace whose labels changed: allow may select by them.
func (r *Reconciler) onNamespace() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList {
				r.callAll(ctx, q, client.InNamespace(e.Object.GetName()))
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) {
				r.callAll(ctx, q, client.InNamespace(e.ObjectNew.GetName()))
			}
		},
	}
}

// onDeparture forgets a mapping that is gone, and calls for those that wait for the place that it
// leaves within maxRoles.
func (r *Reconciler) onDeparture() handler.EventHandler {
	return handler.Funcs{
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			r.attempts.Forget(e.Object.GetUID())
			r.looks.forget(e.Object.GetUID())
			m, ok := e.Object.(*v1alpha1.RoleMapping)
			if !ok || m.Spec.Role.Managed == nil {
				return
			}
			for _, waiting := range r.list(ctx, client.InNamespace(m.Namespace), client.MatchingFields{providerField: m.Spec.ProviderRef.Name}) {
				c := meta.FindStatusCondition(waiting.Status.Conditions, v1alpha1.ConditionAccepted)
				if c != nil && c.Reason == v1alpha1.ReasonTooManyRoles {
					enqueue(q, client.ObjectKeyFromObject(&waiting))
				}
			}
		},
	}
}

// onChange calls for a mapping whose role was seen to have changed.
func onChange() handler.EventHandler {
	return handler.Funcs{
		GenericFunc: func(_ context.Context, e event.GenericEvent, q queue) {
			enqueue(q, client.ObjectKeyFromObject(e.Object))
		},
	}
}

func (r *Reconciler) callAll(ctx context.Context, q queue, which ...client.ListOption) {
	for _, m := range r.list(ctx, which...) {
		enqueue(q, client.ObjectKeyFromObject(&m))
	}
}

// list returns mappings of the cache, which nobody may change.
func (r *Reconciler) list(ctx context.Context, which ...client.ListOption) []v1alpha1.RoleMapping {
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, append(which, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing RoleMappings failed")
	}
	return all.Items
}

// enqueue lets a mapping wait behind those that somebody has just changed.
func enqueue(q queue, name client.ObjectKey) {
	low := handler.LowPriority
	request := ctrl.Request{NamespacedName: name}
	if prioritized, ok := q.(priorityqueue.PriorityQueue[ctrl.Request]); ok {
		prioritized.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request)
		return
	}
	q.Add(request)
}

// callForAccounts calls for the mappings whose role is in one of the accounts: what happens in one of a
// hundred is no concern of the others'.
func (r *Reconciler) callForAccounts(ctx context.Context, q queue, provider string, ids map[string]bool) {
	if len(ids) == 0 {
		return
	}
	for _, m := range r.list(ctx, client.MatchingFields{providerField: provider}) {
		if ids[accountIDOf(&m)] {
			enqueue(q, client.ObjectKeyFromObject(&m))
		}
	}
}

// view is what of a provider can change how all of its mappings stand.
type view struct {
	uid        string
	generation int64
	deleting   bool
	workload   string
}

func viewOf(o client.Object) view {
	p, ok := o.(*v1alpha1.SAMLProvider)
	if !ok {
		return view{}
	}
	v := view{uid: string(p.UID), generation: p.Generation, deleting: !p.DeletionTimestamp.IsZero()}
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWorkloadReady); c != nil {
		v.workload = string(c.Status) + c.Reason
	}
	return v
}

// accountView is what of an account can change how the mappings in it stand.
type accountView struct {
	state     v1alpha1.AccountState
	activeKey string
}

func accountViewsOf(o client.Object) map[string]accountView {
	p, ok := o.(*v1alpha1.SAMLProvider)
	if !ok {
		return nil
	}
	views := make(map[string]accountView, len(p.Status.Accounts))
	for _, a := range p.Status.Accounts {
		views[a.ID] = accountView{a.State, a.ActiveKey}
	}
	return views
}

// changedAccounts are those that stand otherwise than before, or are there no more.
func changedAccounts(before, after client.Object) map[string]bool {
	was, is := accountViewsOf(before), accountViewsOf(after)
	changed := map[string]bool{}
	for id := range was {
		changed[id] = true
	}
	for id := range is {
		changed[id] = true
	}
	maps.DeleteFunc(changed, func(id string, _ bool) bool { return was[id] == is[id] })
	return changed
}
