package samlprovider

import (
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/cabundle"
)

// workers reconcile at once. Calls to IAM take most of their time, and IAM throttles a whole
// account.
const workers = 2

// SetupWithManager registers the reconciler and what it watches: whoever touches or deletes one of
// a provider's objects sees it put back.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.answered = make(chan event.GenericEvent)
	return ctrl.NewControllerManagedBy(mgr).
		Named("samlprovider").
		For(&v1alpha1.SAMLProvider{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}, builder.OnlyMetadata).
		Owns(&corev1.ServiceAccount{}, builder.OnlyMetadata).
		Owns(&policyv1.PodDisruptionBudget{}, builder.OnlyMetadata).
		Owns(&rbacv1.Role{}, builder.OnlyMetadata).
		Owns(&rbacv1.RoleBinding{}, builder.OnlyMetadata).
		Owns(&rbacv1.ClusterRole{}, builder.OnlyMetadata).
		Owns(&rbacv1.ClusterRoleBinding{}, builder.OnlyMetadata).
		Watches(&v1alpha1.RoleMapping{}, handler.EnqueueRequestsFromMapFunc(r.waitingProviderOf), builder.WithPredicates(roleReleased)).
		WatchesRawSource(source.Channel(r.answered, &handler.EnqueueRequestForObject{})).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.providersOfSecret)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// roleReleased lets pass what a deletion may have waited for: a RoleMapping whose role is gone, or
// that is gone itself. There are thousands of them, and most of the time nothing waits.
var roleReleased = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
	UpdateFunc:  func(e event.UpdateEvent) bool { return hasRole(e.ObjectOld) && !hasRole(e.ObjectNew) },
	DeleteFunc:  func(event.DeleteEvent) bool { return true },
}

func hasRole(o client.Object) bool {
	m, ok := o.(*v1alpha1.RoleMapping)
	return ok && mayHaveRole(m)
}

// waitingProviderOf calls for the provider of a RoleMapping if it is being deleted, or leaves an
// account.
func (r *Reconciler) waitingProviderOf(ctx context.Context, o client.Object) []ctrl.Request {
	m, ok := o.(*v1alpha1.RoleMapping)
	if !ok {
		return nil
	}
	key := types.NamespacedName{Name: m.Spec.ProviderRef.Name}
	p := &v1alpha1.SAMLProvider{}
	if err := r.Client.Get(ctx, key, p); err != nil || p.DeletionTimestamp.IsZero() && len(p.FormerAccounts()) == 0 {
		return nil
	}
	return []ctrl.Request{{NamespacedName: key}}
}

// providersOfSecret goes by the Secret's name, which nobody can take off it.
func (r *Reconciler) providersOfSecret(ctx context.Context, secret client.Object) []ctrl.Request {
	if secret.GetNamespace() != r.Namespace {
		return nil
	}
	if secret.GetName() == cabundle.Name {
		return r.allProviders(ctx)
	}
	name, ok := strings.CutPrefix(secret.GetName(), "attache-")
	if !ok {
		return nil
	}
	for _, suffix := range []string{"-keys", "-tls"} {
		if provider, ok := strings.CutSuffix(name, suffix); ok {
			return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: provider}}}
		}
	}
	return nil
}

func (r *Reconciler) allProviders(ctx context.Context) []ctrl.Request {
	all := &v1alpha1.SAMLProviderList{}
	if err := r.Client.List(ctx, all); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing SAMLProviders failed")
		return nil
	}
	requests := make([]ctrl.Request, 0, len(all.Items))
	for i := range all.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
	}
	return requests
}

// Cached returns an empty object to read a kind into, of the form in which SetupWithManager has it
// cached. Deployments are cached whole for their status.
func Cached(kind schema.GroupVersionKind) client.Object {
	if kind.Kind == "Deployment" {
		return &appsv1.Deployment{}
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(kind)
	return metadata
}
