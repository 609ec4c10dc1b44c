package samlprovider

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
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
	// namespace of the operator.
	namespace string
	// account is the one of the spec, arn the IAM provider's in it, and owner what its tags say.
	account v1alpha1.Account
	arn     string
	owner   awsiam.Owner

	// ledger is the entry that status will have; nil when nothing stands in IAM. It starts as what
	// was persisted, and recorded stays that.
	ledger, recorded *v1alpha1.AccountStatus
	// keys are the signing keys, newest first; set by the keys phase unless it failed.
	keys []keys.Key
	// settled is set, in a deletion, when nothing in IAM keeps the object any more, keysGone when the
	// key Secret is gone, and released when the finalizer is off.
	settled, keysGone, released bool

	changes  []status.Change
	findings []status.Finding
}

func newScope(p *v1alpha1.SAMLProvider, namespace, clusterUID string) *scope {
	account := p.Spec.Accounts[0]
	s := &scope{
		provider:  p,
		namespace: namespace,
		account:   account,
		arn:       partition.OfRegion(account.Region).SAMLProviderARN(account.ID, p.ProviderName(account)),
		owner:     awsiam.Owner{ClusterUID: clusterUID, ObjectUID: string(p.UID), Name: p.Name},
	}
	for i := range p.Status.Accounts {
		if p.Status.Accounts[i].ID == account.ID {
			s.recorded = p.Status.Accounts[i].DeepCopy()
			s.ledger = s.recorded.DeepCopy()
		}
	}
	return s
}

// trustedKey is the key that IAM holds metadata for, as far as is known; empty if none.
func (s *scope) trustedKey() string {
	if s.recorded == nil {
		return ""
	}
	return s.recorded.ActiveKey
}

// requested is the value of the annotation that asks for a reconciliation now.
func (s *scope) requested() string { return s.provider.Annotations[v1alpha1.AnnotationReconcileAt] }

// attempt names a try with everything that makes it another one, which does not wait for the last
// one's time.
func (s *scope) attempt(what string) string {
	return fmt.Sprintf("%s of generation %d at %q", what, s.provider.Generation, s.requested())
}

// found is the Finding of an outcome, to be looked at again as its row of the table says.
func (s *scope) found(o outcome, message string) status.Finding {
	return outcomes[o].Within(s.provider.Interval()).Found(message)
}

// tell has an event sent of something done in AWS.
func (s *scope) tell(reason, note string) {
	s.changes = append(s.changes, status.Change{Reason: reason, Note: note})
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
		Account:                s.ledger,
		Audience:               s.provider.Audience(),
		MetadataURL:            deploy.MetadataURL(s.provider.Name, s.namespace),
		DelegationURL:          deploy.DelegationURL(s.provider.Name, s.namespace),
		LastHandledReconcileAt: cmp.Or(s.requested(), s.provider.Status.LastHandledReconcileAt),
	}
	for _, k := range s.keys {
		r.Keys = append(r.Keys, v1alpha1.KeyStatus{
			ID: k.ID, NotBefore: metav1.NewTime(k.Certificate.NotBefore), State: v1alpha1.KeyActive,
		})
	}
	return r
}
