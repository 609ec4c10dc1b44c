package rolemapping

import (
	"context"
	"fmt"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/mapping"
)

// accept tells whether the provider exists and allows the mapping. Where it does not, the role is
// left as it is: the identity provider refuses by itself.
func (r *Reconciler) accept(_ context.Context, s *scope) (status.Finding, error) {
	return s.accept(), nil
}

func (s *scope) accept() status.Finding {
	if s.provider == nil {
		return s.found(providerNotFound, fmt.Sprintf(
			"SAMLProvider %q does not exist: create it, or delete this RoleMapping and create one with the name of an existing SAMLProvider in spec.providerRef.name",
			s.mapping.Spec.ProviderRef.Name))
	}
	if f, refused := mapping.Refuse(s.provider, s.mapping, s.facts); refused {
		return s.refused(f)
	}
	s.accepted = true
	s.roleARN, _ = mapping.RoleARN(s.provider, s.mapping)
	s.providerARN = partition.OfRegion(s.account.Region).SAMLProviderARN(s.account.ID, s.provider.ProviderName(s.account))
	if s.managed() {
		s.want = wanted(s.provider, s.mapping, s.facts, s.owner)
	}
	return s.found(accepted, fmt.Sprintf("SAMLProvider %q allows this mapping", s.provider.Name))
}

// outcomeOfRefusal says how a mapping ends that package mapping refuses.
var outcomeOfRefusal = map[string]outcome{
	v1alpha1.ReasonDeleting:             providerDeleting,
	v1alpha1.ReasonDenied:               stopped,
	v1alpha1.ReasonAccountNotListed:     accountNotListed,
	v1alpha1.ReasonPartitionMismatch:    partitionMismatch,
	v1alpha1.ReasonTooManyRoles:         tooManyRoles,
	v1alpha1.ReasonNotAllowedByProvider: notAllowed,
}

// refused is the finding of a refusal. A reason that the table lacks is one for a person.
func (s *scope) refused(f mapping.Finding) status.Finding {
	o, ok := outcomeOfRefusal[f.Reason]
	if !ok {
		o = notAllowed
	}
	return s.found(o, f.Message)
}
