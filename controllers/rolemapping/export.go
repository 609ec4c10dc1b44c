package rolemapping

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp/mapping"
)

// LeftOut is a mapping whose managed role nobody is to make.
type LeftOut struct {
	Mapping client.ObjectKey
	// Why in words.
	Why string
}

// ManagedRoles returns the roles that mappings of a provider ask for in an account, those of suspended
// mappings included: whoever makes what is returned would take the others away.
func ManagedRoles(ctx context.Context, reader client.Client, clusterUID string, p *v1alpha1.SAMLProvider, a v1alpha1.Account) ([]role.Role, []LeftOut, error) {
	r := &Reconciler{Client: reader, ClusterUID: clusterUID}
	all := &v1alpha1.RoleMappingList{}
	if err := reader.List(ctx, all, client.MatchingFields{providerField: p.Name}); err != nil {
		return nil, nil, fmt.Errorf("list the RoleMappings of SAMLProvider %s: %w", p.Name, err)
	}
	mappings := make([]*v1alpha1.RoleMapping, 0, len(all.Items))
	for i := range all.Items {
		mappings = append(mappings, &all.Items[i])
	}
	var roles []role.Role
	var left []LeftOut
	for _, m := range mappings {
		if m.Spec.Role.Managed == nil || accountIDOf(m) != a.ID || !m.DeletionTimestamp.IsZero() {
			continue
		}
		labels, err := r.labelsOf(ctx, m.Namespace)
		if err != nil {
			return nil, nil, err
		}
		s := r.scopeOf(p, m, mapping.FactsOf(m, labels, mappings))
		if f := s.accept(); !s.accepted {
			left = append(left, LeftOut{client.ObjectKeyFromObject(m), f.Message})
			continue
		}
		roles = append(roles, s.want)
	}
	return roles, left, nil
}
