package samlprovider

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
)

// scope is what the phases of one reconciliation share. Phases write to it and never to status.
type scope struct {
	// provider as it was read; its status is what was last persisted.
	provider *v1alpha1.SAMLProvider
	// unchanging is a copy of it for what goes on after the reconciliation.
	unchanging *v1alpha1.SAMLProvider
	// namespace of the operator.
	namespace string
	// owner is what the tags of the IAM providers say.
	owner awsiam.Owner
	// accounts are those of the spec, in its order, and then those that it no longer lists.
	accounts []*account
	// keys are the signing keys, newest first; set by the keys phase unless it failed.
	keys []keys.Key
	// settled is set, in a deletion, when nothing in IAM keeps the object any more, keysGone when the
	// key Secret is gone, and released when the finalizer is off.
	settled, keysGone, released bool

	changes  []status.Change
	findings []status.Finding
}

func newScope(p *v1alpha1.SAMLProvider, namespace, clusterUID string) *scope {
	s := &scope{
		provider:  p,
		namespace: namespace,
		owner:     awsiam.Owner{ClusterUID: clusterUID, ObjectUID: string(p.UID), Name: p.Name},
	}
	for _, a := range p.Spec.Accounts {
		s.accounts = append(s.accounts, newAccount(s, a, partition.OfRegion(a.Region).SAMLProviderARN(a.ID, p.ProviderName(a))))
	}
	for _, a := range p.FormerAccounts() {
		s.accounts = append(s.accounts, newFormerAccount(s, a))
	}
	return s
}

// trustedKeys are the keys that IAM holds metadata for, as far as is known, each once.
func (s *scope) trustedKeys() []string {
	var trusted []string
	for _, a := range s.accounts {
		if a.recorded != nil && a.recorded.ActiveKey != "" && !a.former && !slices.Contains(trusted, a.recorded.ActiveKey) {
			trusted = append(trusted, a.recorded.ActiveKey)
		}
	}
	return trusted
}

// requested is the value of the annotation that asks for a reconciliation now.
func (s *scope) requested() string { return s.provider.Annotations[v1alpha1.AnnotationReconcileAt] }

// class tells whether somebody waits: after an edit, a deletion included, or when a look was asked for.
func (s *scope) class() limit.Class {
	if s.provider.Status.ObservedGeneration != s.provider.Generation || s.requested() != s.provider.Status.LastHandledReconcileAt {
		return limit.Interactive
	}
	return limit.Background
}

// attempt names a try with everything that makes it another one, which does not wait for the last
// one's time.
func (s *scope) attempt(what string) string {
	return fmt.Sprintf("%s of generation %d at %q", what, s.provider.Generation, s.requested())
}

// found is the Finding of an outcome, to be looked at again as its row of the table says.
func (s *scope) found(o outcome, message string) status.Finding {
	return outcomes[o].Within(s.provider.Interval()).Found(message)
}

// activeKey is the key to sign with: the newest.
func (s *scope) activeKey() string { return s.keys[0].ID }

func (s *scope) certificates() []*x509.Certificate {
	certificates := make([]*x509.Certificate, 0, len(s.keys))
	for _, k := range s.keys {
		certificates = append(certificates, k.Certificate)
	}
	return certificates
}

// run takes the object through phases and returns the failures of the Kubernetes API.
func (s *scope) run(ctx context.Context, r *Reconciler, todo []step) []error {
	findings, failures := phase.Run(ctx, r, s, todo)
	s.findings = findings
	return failures
}

// report is what package status gets to know.
func (s *scope) report() status.SAMLProviderReport {
	r := status.SAMLProviderReport{
		Findings:               s.findings,
		Changes:                s.changes,
		Audience:               s.provider.Audience(),
		MetadataURL:            deploy.MetadataURL(s.provider.Name, s.namespace),
		DelegationURL:          deploy.DelegationURL(s.provider.Name, s.namespace),
		LastHandledReconcileAt: cmp.Or(s.requested(), s.provider.Status.LastHandledReconcileAt),
	}
	for _, a := range s.accounts {
		if entry := a.entry(); entry != nil {
			r.Accounts = append(r.Accounts, *entry)
		}
	}
	for _, k := range s.keys {
		r.Keys = append(r.Keys, v1alpha1.KeyStatus{
			ID: k.ID, NotBefore: metav1.NewTime(k.Certificate.NotBefore), State: v1alpha1.KeyActive,
		})
	}
	return r
}
