// Package identity gives the operator a signing key of its own, with which it signs in to AWS accounts,
// and publishes what an administrator needs to trust it.
package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/idp/keys"
)

const (
	// Name of the operator: its ServiceAccount, and the ConfigMap that is published.
	Name = "attache-operator"
	// MetadataEntry of the ConfigMap is the SAML metadata of the operator's own identity provider.
	MetadataEntry = "metadata.xml"
	// NameIDEntry of the ConfigMap is the operator's name in assertions.
	NameIDEntry = "nameID"

	// provider stands for the operator where keys are named by their SAMLProvider: no such object can
	// have this name.
	provider = "operator"

	// again is how soon what somebody has changed in the ConfigMap, which is not watched, is put right.
	again = 10 * time.Minute
)

// +kubebuilder:rbac:groups="",namespace=attache-system,resources=secrets,verbs=get;list;watch;create
// +kubebuilder:rbac:groups="",namespace=attache-system,resources=configmaps,resourceNames=attache-operator,verbs=create;patch

// Of returns the identity of the operator of a namespace, whose key comes from a reader such as the
// manager's cache.
func Of(reader client.Reader, namespace, clusterUID string) access.Identity {
	return access.Identity{
		Issuer: access.Issuer(clusterUID), Namespace: namespace, ServiceAccount: Name,
		Key: func(ctx context.Context) (keys.Key, error) {
			secret := &corev1.Secret{}
			if err := reader.Get(ctx, secretKey(namespace), secret); err != nil {
				return keys.Key{}, fmt.Errorf("read the operator's signing key: %w", err)
			}
			return newest(secret)
		},
	}
}

func newest(secret *corev1.Secret) (keys.Key, error) {
	all, err := keys.FromSecretData(secret.Data)
	if err != nil {
		return keys.Key{}, fmt.Errorf("secret %s: %w", secret.Name, err)
	}
	if len(all) == 0 {
		return keys.Key{}, fmt.Errorf("secret %s holds no key: delete it, and run `attache bootstrap --repair` for each account when there is another", secret.Name)
	}
	return all[0], nil
}

// Reconciler makes the key if there is none, and publishes its metadata.
type Reconciler struct {
	Client     client.Client
	Namespace  string
	ClusterUID string
	Clock      func() time.Time
}

// SetupWithManager registers the reconciler. It also runs once at the start, when there is no Secret
// yet that could call it.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	start := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		queue.Add(ctrl.Request{NamespacedName: secretKey(r.Namespace)})
		return nil
	})
	isKey := func(o client.Object) bool { return client.ObjectKeyFromObject(o) == secretKey(r.Namespace) }
	return ctrl.NewControllerManagedBy(mgr).
		Named("identity").
		For(&corev1.Secret{}, builder.WithPredicates(predicate.NewPredicateFuncs(isKey))).
		WatchesRawSource(start).
		Complete(r)
}

// Reconcile never replaces a key that is there: what it signs for would not know the other.
func (r *Reconciler) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	secret := &corev1.Secret{}
	err := r.Client.Get(ctx, secretKey(r.Namespace), secret)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil {
		// Its creation calls again, with the Secret in the cache.
		return ctrl.Result{}, r.create(ctx)
	}
	identity := Of(r.Client, r.Namespace, r.ClusterUID)
	metadata, err := identity.Metadata(ctx)
	if err != nil {
		return ctrl.Result{}, errors.Join(errors.New("nobody can let the operator in by its own key"), err)
	}
	published := corev1ac.ConfigMap(Name, r.Namespace).WithLabels(labels()).
		WithData(map[string]string{MetadataEntry: metadata, NameIDEntry: identity.NameID()})
	if err := r.Client.Apply(ctx, published, client.FieldOwner(ssa.FieldManager), client.ForceOwnership); err != nil {
		return ctrl.Result{}, fmt.Errorf("publish the operator's metadata: %w", err)
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

// create creates, and does not apply: a cache that is behind must not cost the key that there is.
func (r *Reconciler) create(ctx context.Context) error {
	key, err := keys.Generate(rand.Reader, Name, r.Clock())
	if err != nil {
		return err
	}
	data, err := keys.ToSecretData([]keys.Key{key})
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: secretKey(r.Namespace).Name, Labels: labels()},
		Data:       data,
	}
	ctrl.LoggerFrom(ctx).Info("Making the operator's own signing key", "id", key.ID)
	if err := r.Client.Create(ctx, secret, client.FieldOwner(ssa.FieldManager)); err != nil {
		return fmt.Errorf("create the Secret of the operator's signing key: %w", err)
	}
	return nil
}

func secretKey(namespace string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: keys.SecretName(provider)}
}

func labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "attache",
		"app.kubernetes.io/component":  "identity",
		"app.kubernetes.io/managed-by": "attache",
	}
}
