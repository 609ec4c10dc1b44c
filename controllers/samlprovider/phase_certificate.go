package samlprovider

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/internal/tlsca"
)

// reconcileCertificate keeps the serving certificate, signed by the operator's own authority.
func (r *Reconciler) reconcileCertificate(ctx context.Context, s *scope) (status.Finding, error) {
	ca := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: cabundle.Name}, ca)
	if apierrors.IsNotFound(err) {
		return s.found(caAwaited, fmt.Sprintf("Waiting for the operator's certificate authority in Secret %s/%s", s.namespace, cabundle.Name)), nil
	}
	if err != nil {
		return status.Finding{}, err
	}
	authorities, err := tlsca.ParseAuthorities(ca.Data)
	if err != nil {
		return s.found(caAwaited, fmt.Sprintf("Waiting for the operator to repair its certificate authority in Secret %s/%s", s.namespace, cabundle.Name)), nil
	}
	secret := &corev1.Secret{}
	name := deploy.TLSSecretName(s.provider.Name)
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, secret); client.IgnoreNotFound(err) != nil {
		return status.Finding{}, err
	}

	if ssa.IsLeftover(s.provider, secret) {
		return s.found(leftover, fmt.Sprintf("Waiting for the garbage collector: Secret %s/%s %v", s.namespace, name, ssa.ErrLeftover)), nil
	}
	serving, reason := r.servingCertificate(s, secret, authorities)
	if reason != "" {
		ctrl.LoggerFrom(ctx).Info("Issuing serving certificate", "secret", name, "reason", reason)
		if serving, err = authorities.Current.Issue(deploy.DNSNames(s.provider.Name, s.namespace), r.Clock()); err != nil {
			return status.Finding{}, err
		}
	}
	bundle := tlsca.EncodeCertificates(authorities.Bundle())
	if reason != "" || !bytes.Equal(secret.Data[tlsca.BundleKey], bundle) || !marked(s, secret) {
		if err := r.applyServingSecret(ctx, s, serving, authorities); err != nil {
			return status.Finding{}, err
		}
	}
	f := s.found(certificateSet, "The serving certificate is in place")
	f.RequeueAfter = max(serving.RenewAt().Sub(r.Clock()), 0)
	return f, nil
}

// servingCertificate returns what the Secret holds, and why that must be made anew, if so.
func (r *Reconciler) servingCertificate(s *scope, secret *corev1.Secret, authorities tlsca.Authorities) (*tlsca.Serving, string) {
	serving, err := tlsca.ParseServing(secret.Data)
	if err != nil {
		serving = nil
	}
	reason, _ := tlsca.Renew(serving, authorities.Current, deploy.DNSNames(s.provider.Name, s.namespace), r.Clock())
	return serving, reason
}

func (r *Reconciler) applyServingSecret(ctx context.Context, s *scope, serving *tlsca.Serving, authorities tlsca.Authorities) error {
	data, err := serving.SecretData(authorities.Bundle())
	if err != nil {
		return err
	}
	secret := corev1ac.Secret(deploy.TLSSecretName(s.provider.Name), s.namespace).
		WithLabels(deploy.Labels(s.provider)).
		WithOwnerReferences(deploy.OwnerReference(s.provider)).
		WithType(corev1.SecretTypeTLS).
		WithData(data)
	if err := r.Client.Apply(ctx, secret, client.FieldOwner(ssa.FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply the serving certificate: %w", err)
	}
	return nil
}

// marked tells whether an object still names this provider as its owner and in its labels.
func marked(s *scope, o metav1.Object) bool {
	for k, v := range deploy.Labels(s.provider) {
		if o.GetLabels()[k] != v {
			return false
		}
	}
	return metav1.IsControlledBy(o, s.provider)
}
