package samlprovider

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
)

// KeysFinalizer keeps a key Secret as long as IAM may trust what is in it. The Secret has no owner
// reference, because a foreground deletion of the SAMLProvider would take it first.
const KeysFinalizer = "attache.dev/keys"

// +kubebuilder:rbac:groups="",namespace=attache-system,resources=secrets,verbs=get;list;watch;create;patch;delete

// reconcileKeys makes the key Secret once and never writes over its data.
func (r *Reconciler) reconcileKeys(ctx context.Context, s *scope) (status.Finding, error) {
	secret, err := r.keySecret(ctx, s)
	if apierrors.IsNotFound(err) {
		return r.reconcileMissingKeys(ctx, s)
	}
	if err != nil {
		return status.Finding{}, err
	}
	held, err := keys.FromSecretData(secret.Data)
	if err != nil {
		return s.found(keyInvalid, fmt.Sprintf("Secret %s/%s cannot be used: %v; %s", secret.Namespace, secret.Name, err, restoreKeys)), nil
	}
	if len(held) == 0 {
		return s.found(keyInvalid, fmt.Sprintf("Secret %s/%s holds no key; %s", secret.Namespace, secret.Name, restoreKeys)), nil
	}
	for _, trusted := range s.trustedKeys() {
		if _, ok := keys.Find(held, trusted); !ok {
			return s.found(keyInvalid, fmt.Sprintf("Secret %s/%s does not hold key %s, which IAM trusts; %s", secret.Namespace, secret.Name, trusted, restoreKeys)), nil
		}
	}
	if !secret.DeletionTimestamp.IsZero() {
		err = r.replaceKeySecret(ctx, s, secret)
	} else {
		err = r.repairKeySecret(ctx, s, secret)
	}
	if err != nil {
		return status.Finding{}, err
	}
	s.keys = held
	return s.found(keyActive, fmt.Sprintf("Key %s signs", s.activeKey())), nil
}

const restoreKeys = "restore the Secret from a backup, or delete this SAMLProvider and create it again to start with a new key"

// keySecret reads from the cache, and from the API itself where the cache holds nothing although
// IAM trusts a key: only then would it matter that the cache is behind.
func (r *Reconciler) keySecret(ctx context.Context, s *scope) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.namespace, Name: keys.SecretName(s.provider.Name)}
	err := r.Client.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) && len(s.trustedKeys()) > 0 {
		err = r.Live.Get(ctx, key, secret)
	}
	return secret, err
}

func (r *Reconciler) reconcileMissingKeys(ctx context.Context, s *scope) (status.Finding, error) {
	name := keys.SecretName(s.provider.Name)
	if trusted := s.trustedKeys(); len(trusted) > 0 {
		return s.found(keyInvalid, fmt.Sprintf("Secret %s/%s is gone with key %s, which IAM trusts; %s", s.namespace, name, strings.Join(trusted, ", "), restoreKeys)), nil
	}
	ctrl.LoggerFrom(ctx).Info("Creating signing key", "secret", name)
	key, err := keys.Generate(rand.Reader, s.provider.Name, r.Clock())
	if err != nil {
		return status.Finding{}, err
	}
	data, err := keys.ToSecretData([]keys.Key{key})
	if err != nil {
		return status.Finding{}, err
	}
	if err := r.createKeySecret(ctx, s, data); err != nil {
		return status.Finding{}, err
	}
	s.keys = []keys.Key{key}
	return s.found(keyActive, fmt.Sprintf("Key %s signs", key.ID)), nil
}

func (r *Reconciler) createKeySecret(ctx context.Context, s *scope, data map[string][]byte) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:  s.namespace,
			Name:       keys.SecretName(s.provider.Name),
			Labels:     deploy.Labels(s.provider),
			Finalizers: []string{KeysFinalizer},
		},
		Data: data,
	}
	if err := r.Client.Create(ctx, secret, client.FieldOwner(ssa.FieldManager)); err != nil {
		return fmt.Errorf("create the key Secret: %w", err)
	}
	return nil
}

// replaceKeySecret makes a key Secret again that somebody deleted: the finalizer has kept the keys.
func (r *Reconciler) replaceKeySecret(ctx context.Context, s *scope, secret *corev1.Secret) error {
	ctrl.LoggerFrom(ctx).Info("Replacing key Secret that is being deleted", "secret", secret.Name)
	if err := r.releaseKeySecret(ctx, secret); err != nil {
		return err
	}
	return r.createKeySecret(ctx, s, secret.Data)
}

// repairKeySecret puts back the finalizer and the labels, and leaves the data alone.
func (r *Reconciler) repairKeySecret(ctx context.Context, s *scope, secret *corev1.Secret) error {
	before := secret.DeepCopy()
	changed := controllerutil.AddFinalizer(secret, KeysFinalizer)
	for k, v := range deploy.Labels(s.provider) {
		if secret.Labels[k] != v {
			metav1.SetMetaDataLabel(&secret.ObjectMeta, k, v)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	if err := r.Client.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("repair the key Secret: %w", err)
	}
	return nil
}

// deleteKeys lets the keys go once nothing in IAM trusts them.
func (r *Reconciler) deleteKeys(ctx context.Context, s *scope) (status.Finding, error) {
	if !s.settled {
		return s.found(keysKept, "The keys stay until IAM confirmed that the provider is gone"), nil
	}
	secret := &corev1.Secret{}
	// Live: a Secret that the cache does not have yet would stay behind with its finalizer.
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: keys.SecretName(s.provider.Name)}, secret)
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return status.Finding{}, err
	default:
		if err := r.Client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID}); client.IgnoreNotFound(err) != nil {
			return status.Finding{}, fmt.Errorf("delete the key Secret: %w", err)
		}
		if err := r.releaseKeySecret(ctx, secret); err != nil {
			return status.Finding{}, err
		}
	}
	s.keysGone = true
	return s.found(keyReleased, "The key Secret is gone"), nil
}

func (r *Reconciler) releaseKeySecret(ctx context.Context, secret *corev1.Secret) error {
	released := secret.DeepCopy()
	if !controllerutil.RemoveFinalizer(released, KeysFinalizer) {
		return nil
	}
	// Not locked to a version: the deletion itself has made a new one. The finalizers are the
	// whole list, so nothing is taken from anybody else.
	if err := r.Client.Patch(ctx, released, client.MergeFrom(secret)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release the key Secret: %w", err)
	}
	return nil
}
