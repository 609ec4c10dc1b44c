package cabundle

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/internal/tlsca"
)

// Name of the authority's Secret, in the operator's namespace, and of the bundle's ConfigMaps.
const Name = "attache-ca"

// longestSleep bounds the time until the authority is looked at again, for clocks that jump.
const longestSleep = 24 * time.Hour

// AuthorityReconciler makes the operator's certificate authority and rotates it.
type AuthorityReconciler struct {
	Client    client.Client
	Namespace string
	Clock     func() time.Time
}

// SetupWithManager registers the reconciler. It also runs once at the start, when there is no
// Secret yet that could call it.
func (r *AuthorityReconciler) SetupWithManager(mgr ctrl.Manager) error {
	start := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		queue.Add(ctrl.Request{NamespacedName: r.key()})
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("ca").
		For(&corev1.Secret{}, builder.WithPredicates(predicate.NewPredicateFuncs(r.isAuthority))).
		WatchesRawSource(start).
		Complete(r)
}

// Reconcile takes the step that the authority's plan asks for. An authority that cannot be read is
// made anew: everything that it signed is signed again.
func (r *AuthorityReconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	secret := &corev1.Secret{}
	if err := r.Client.Get(ctx, r.key(), secret); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	authorities, err := tlsca.ParseAuthorities(secret.Data)
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("Making the certificate authority anew", "cause", err.Error())
		authorities = tlsca.Authorities{}
	}
	now := r.Clock()
	step, again := authorities.Plan(now)
	for step != tlsca.Keep {
		ctrl.LoggerFrom(ctx).Info("Changing the certificate authority", "step", step)
		if authorities, err = authorities.Take(step, now); err != nil {
			return ctrl.Result{}, err
		}
		step, again = authorities.Plan(now)
	}
	if err := r.write(ctx, secret, authorities); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: min(again.Sub(now), longestSleep)}, nil
}

func (r *AuthorityReconciler) write(ctx context.Context, live *corev1.Secret, authorities tlsca.Authorities) error {
	data, err := authorities.SecretData()
	if err != nil {
		return err
	}
	if equality.Semantic.DeepEqual(live.Data, data) && hasLabels(live.Labels) {
		return nil
	}
	if live.ResourceVersion == "" {
		// Created, not applied: a cache that is behind must not cost the authority that there is.
		return r.create(ctx, data)
	}
	secret := corev1ac.Secret(Name, r.Namespace).
		WithResourceVersion(live.ResourceVersion).
		WithLabels(labels()).
		WithType(corev1.SecretTypeTLS).
		WithData(data)
	if err := r.Client.Apply(ctx, secret, client.FieldOwner(ssa.FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply the authority's Secret: %w", err)
	}
	return nil
}

func (r *AuthorityReconciler) create(ctx context.Context, data map[string][]byte) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: Name, Labels: labels()},
		Type:       corev1.SecretTypeTLS,
		Data:       data,
	}
	if err := r.Client.Create(ctx, secret, client.FieldOwner(ssa.FieldManager)); err != nil {
		return fmt.Errorf("create the authority's Secret: %w", err)
	}
	return nil
}

func (r *AuthorityReconciler) key() client.ObjectKey {
	return client.ObjectKey{Namespace: r.Namespace, Name: Name}
}

func (r *AuthorityReconciler) isAuthority(o client.Object) bool {
	return client.ObjectKeyFromObject(o) == r.key()
}

func labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "attache",
		"app.kubernetes.io/component":  "ca",
		"app.kubernetes.io/managed-by": "attache",
	}
}

func hasLabels(have map[string]string) bool {
	for k, v := range labels() {
		if have[k] != v {
			return false
		}
	}
	return true
}
