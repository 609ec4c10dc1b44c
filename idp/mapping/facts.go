package mapping

import (
	"cmp"

	"attache.dev/attache/api/v1alpha1"
)

// Facts are what the cluster says of a RoleMapping beside its own spec and that of its provider.
type Facts struct {
	// NamespaceLabels are the labels of the mapping's namespace. Nil means that the namespace is not
	// known, and then no selector chooses it.
	NamespaceLabels map[string]string
	// ManagedBefore is how many older RoleMappings of the same provider and namespace have a managed
	// role: their roles count first against maxRoles.
	ManagedBefore int
}

// FactsOf gathers the facts of a mapping from the labels of its namespace, nil if that is not known,
// and from other mappings. Those of other providers and namespaces, and the mapping itself, may be
// among them and do not count.
func FactsOf(m *v1alpha1.RoleMapping, namespaceLabels map[string]string, others []*v1alpha1.RoleMapping) Facts {
	f := Facts{NamespaceLabels: namespaceLabels}
	for _, o := range others {
		if o.Spec.Role.Managed != nil && o.Spec.ProviderRef == m.Spec.ProviderRef && o.Namespace == m.Namespace && byAge(o, m) < 0 {
			f.ManagedBefore++
		}
	}
	return f
}

// byAge orders the mappings of a namespace: the older first, and by name those that were created
// within the same second. Neither can be changed later, so nobody can move ahead.
func byAge(a, b *v1alpha1.RoleMapping) int {
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order
	}
	return cmp.Compare(a.Name, b.Name)
}
