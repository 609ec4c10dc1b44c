package rolemapping

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"attache.dev/attache/api/v1alpha1"
)

// workers reconcile at once: writing a status is all that takes time.
const workers = 4

// providerField indexes the cache by the name in providerRef.
const providerField = v1alpha1.FieldProvider

type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]

// SetupWithManager registers the reconciler, the index and what it watches.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	index := func(o client.Object) []string {
		m, ok := o.(*v1alpha1.RoleMapping)
		if !ok {
			return nil
		}
		return []string{m.Spec.ProviderRef.Name}
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.RoleMapping{}, providerField, index); err != nil {
		return fmt.Errorf("index RoleMappings by provider: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("rolemapping").
		For(&v1alpha1.RoleMapping{}).
		Watches(&v1alpha1.SAMLProvider{}, r.fanOut()).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// fanOut calls for all mappings of a provider, but only when something changed that a mapping can
// tell.
func (r *Reconciler) fanOut() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			// At the start every mapping is in the queue already.
			if !e.IsInInitialList {
				r.enqueue(ctx, e.Object.GetName(), q)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if viewOf(e.ObjectOld) != viewOf(e.ObjectNew) {
				r.enqueue(ctx, e.ObjectNew.GetName(), q)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			r.enqueue(ctx, e.Object.GetName(), q)
		},
	}
}

// enqueue lets the mappings of a provider wait behind those that somebody has just changed.
func (r *Reconciler) enqueue(ctx context.Context, provider string, q queue) {
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, client.MatchingFields{providerField: provider}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing RoleMappings failed", "provider", provider)
		return
	}
	low := handler.LowPriority
	prioritized, ok := q.(priorityqueue.PriorityQueue[ctrl.Request])
	for i := range all.Items {
		request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])}
		if ok {
			prioritized.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request)
		} else {
			q.Add(request)
		}
	}
}

// view is what of a provider can change how its mappings stand.
type view struct {
	uid        string
	generation int64
	deleting   bool
	account    v1alpha1.AccountStatus
	workload   string
}

func viewOf(o client.Object) view {
	p, ok := o.(*v1alpha1.SAMLProvider)
	if !ok {
		return view{}
	}
	v := view{uid: string(p.UID), generation: p.Generation, deleting: !p.DeletionTimestamp.IsZero()}
	if len(p.Status.Accounts) > 0 {
		a := p.Status.Accounts[0]
		v.account = v1alpha1.AccountStatus{ID: a.ID, State: a.State, ActiveKey: a.ActiveKey}
	}
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWorkloadReady); c != nil {
		v.workload = string(c.Status) + c.Reason
	}
	return v
}
