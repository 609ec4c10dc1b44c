package controllers_test

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

// What administrators do to SAMLProviders in the cluster, and to what belongs to them in IAM.

// reconcileNow asks for a reconciliation and waits until it was acted upon.
func (w *world) reconcileNow(p *v1alpha1.SAMLProvider) {
	w.t.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	update(w, p, func(p *v1alpha1.SAMLProvider) {
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, at)
	})
	w.Eventually(func() string {
		w.condition(p, v1alpha1.ConditionReady)()
		return p.Status.LastHandledReconcileAt
	}).Should(Equal(at))
}

// loseStatus is what a restore from a backup does.
func (w *world) loseStatus(p *v1alpha1.SAMLProvider) {
	w.t.Helper()
	w.Eventually(func() error {
		if err := env.Client.Get(w.t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
			return err
		}
		p.Status = v1alpha1.SAMLProviderStatus{}
		return env.Client.Status().Update(w.t.Context(), p)
	}).Should(Succeed())
}

// gone returns a function that tells whether an object was let go, for Eventually.
func (w *world) gone(o client.Object) func() bool {
	read := o.DeepCopyObject().(client.Object)
	return func() bool {
		return apierrors.IsNotFound(w.env.Client.Get(context.WithoutCancel(w.t.Context()), client.ObjectKeyFromObject(o), read))
	}
}

// foreignMetadata is a document for an issuer with the key of somebody else.
func (w *world) foreignMetadata(issuer string) string {
	w.t.Helper()
	key, err := keys.Generate(nil, "other", time.Now())
	w.Expect(err).NotTo(HaveOccurred())
	document, err := assertion.Metadata(issuer, []*x509.Certificate{key.Certificate})
	w.Expect(err).NotTo(HaveOccurred())
	return string(document)
}

func providerARN(name string) *string {
	return aws.String(partition.OfRegion(region).SAMLProviderARN(accountID, name))
}

func (f *fakeAWS) setMetadata(provider, document string) {
	f.t.Helper()
	if _, err := f.root.UpdateSAMLProvider(f.t.Context(), &iam.UpdateSAMLProviderInput{SAMLProviderArn: aws.String(f.arnOf(provider)), SAMLMetadataDocument: &document}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeAWS) delete(provider string) {
	f.t.Helper()
	if _, err := f.root.DeleteSAMLProvider(f.t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: aws.String(f.arnOf(provider))}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeAWS) tag(provider, key, value string) {
	f.t.Helper()
	if _, err := f.root.TagSAMLProvider(f.t.Context(), &iam.TagSAMLProviderInput{
		SAMLProviderArn: aws.String(f.arnOf(provider)), Tags: []types.Tag{{Key: &key, Value: &value}},
	}); err != nil {
		f.t.Fatal(err)
	}
}

// tags are those of an IAM SAML provider that exists.
func (f *fakeAWS) tags(provider string) map[string]string {
	f.t.Helper()
	tags := map[string]string{}
	for _, t := range f.provider(provider).Tags {
		tags[*t.Key] = *t.Value
	}
	return tags
}
