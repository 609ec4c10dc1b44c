package rolemapping

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
)

// examineProvider tells whether the provider can serve the mapping. A provider that serves while
// something about it is being changed does serve: its mappings must not all turn over for a rollout.
func (r *Reconciler) examineProvider(_ context.Context, s *scope) (status.Finding, error) {
	p := s.provider
	if !trusted(p, s.account.ID) {
		return s.found(providerNotReady, fmt.Sprintf("IAM does not trust SAMLProvider %q in account %s yet: see kubectl describe samlprovider %s", p.Name, s.account, p.Name)), nil
	}
	workload := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWorkloadReady)
	if workload == nil || workload.Status != metav1.ConditionTrue && workload.Reason == v1alpha1.ReasonWorkloadUnavailable {
		return s.found(providerNotReady, fmt.Sprintf("No pod of SAMLProvider %q is ready: see kubectl describe samlprovider %s", p.Name, p.Name)), nil
	}
	return s.found(providerReady, fmt.Sprintf("SAMLProvider %q serves this mapping", p.Name)), nil
}

func trusted(p *v1alpha1.SAMLProvider, accountID string) bool {
	for _, a := range p.Status.Accounts {
		if a.ID == accountID {
			return a.ActiveKey != "" && a.State != v1alpha1.AccountDeleting
		}
	}
	return false
}
