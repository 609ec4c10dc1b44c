package cabundle

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/internal/tlsca"
)

// Label asks for the bundle in a namespace when its value is LabelValue.
const (
	Label      = "attache.dev/ca"
	LabelValue = "true"
)

// BundleKey is the key of the ConfigMaps' data under which the bundle stands.
const BundleKey = tlsca.BundleKey

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=attache-ca,verbs=get;list;watch;create;patch;delete

// BundleReconciler keeps the ConfigMaps. Its requests are namespaces. The cache it reads from holds
// all namespaces, as metadata, and only ConfigMaps of that name.
type BundleReconciler struct {
	Client client.Client
	// Namespace of the operator.
	Namespace string
}

// SetupWithManager registers the reconciler.
func (r *BundleReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("cabundle").
		For(&corev1.Namespace{}, builder.OnlyMetadata).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(namespaceOf)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.namespacesWithBundle)).
		Complete(r)
}

// Reconcile makes the ConfigMap of one namespace right, or removes it.
func (r *BundleReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Client.Get(ctx, req.NamespacedName, namespace)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, err
	case err != nil || namespace.Labels[Label] != LabelValue:
		return ctrl.Result{}, r.remove(ctx, req.Name)
	case !namespace.DeletionTimestamp.IsZero():
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, r.write(ctx, req.Name)
}

func (r *BundleReconciler) write(ctx context.Context, namespace string) error {
	authority := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: Name}, authority)
	if err != nil {
		return client.IgnoreNotFound(err) // its watch calls again
	}
	bundle := string(authority.Data[tlsca.BundleKey])
	live := &corev1.ConfigMap{}
	err = r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: Name}, live)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if bundle == "" || live.Data[BundleKey] == bundle && hasLabels(live.Labels) {
		return nil
	}
	ctrl.LoggerFrom(ctx).Info("Writing CA bundle", "namespace", namespace)
	wanted := corev1ac.ConfigMap(Name, namespace).WithLabels(labels()).WithData(map[string]string{BundleKey: bundle})
	if err := r.Client.Apply(ctx, wanted, client.FieldOwner(ssa.FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply the CA bundle in namespace %s: %w", namespace, err)
	}
	return nil
}

// remove deletes the ConfigMap of a namespace that does not ask for it any more, unless somebody
// else made it.
func (r *BundleReconciler) remove(ctx context.Context, namespace string) error {
	live := &corev1.ConfigMap{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: Name}, live)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !hasLabels(live.Labels) {
		return nil
	}
	ctrl.LoggerFrom(ctx).Info("Removing CA bundle", "namespace", namespace)
	if err := r.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the CA bundle in namespace %s: %w", namespace, err)
	}
	return nil
}

func namespaceOf(_ context.Context, o client.Object) []ctrl.Request {
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
}

// namespacesWithBundle are those that hear of a change of the authority.
func (r *BundleReconciler) namespacesWithBundle(ctx context.Context, secret client.Object) []ctrl.Request {
	if secret.GetNamespace() != r.Namespace || secret.GetName() != Name {
		return nil
	}
	all := &metav1.PartialObjectMetadataList{}
	all.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := r.Client.List(ctx, all, client.MatchingLabels{Label: LabelValue}); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing namespaces failed")
		return nil
	}
	requests := make([]ctrl.Request, 0, len(all.Items))
	for i := range all.Items {
		requests = append(requests, ctrl.Request{NamespacedName: types.NamespacedName{Name: all.Items[i].Name}})
	}
	return requests
}
