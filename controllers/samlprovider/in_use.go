package samlprovider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/rolemapping"
)

// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings,verbs=get;list;watch

// mayHaveRole tells whether a role of a RoleMapping may have to be deleted in AWS, which only the
// mapping's provider knows how to reach. Its finalizer is older than the role, and one that was never
// allowed has none: a tenant cannot keep a provider by asking for what it does not get.
func mayHaveRole(m *v1alpha1.RoleMapping) bool {
	return controllerutil.ContainsFinalizer(m, rolemapping.Finalizer)
}

// users returns the RoleMappings that the provider has to wait for when it is deleted, sorted.
func (r *Reconciler) users(ctx context.Context, provider string) ([]string, error) {
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, client.MatchingFields{v1alpha1.FieldProvider: provider}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the RoleMappings of SAMLProvider %s: %w", provider, err)
	}
	var names []string
	for i := range all.Items {
		if mayHaveRole(&all.Items[i]) {
			names = append(names, client.ObjectKeyFromObject(&all.Items[i]).String())
		}
	}
	slices.Sort(names)
	return names, nil
}

// maxNamed is how many RoleMappings a message names.
const maxNamed = 5

func inUseMessage(users []string) string {
	named, more := users, ""
	if n := len(users) - maxNamed; n > 0 {
		named, more = users[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("Waiting for RoleMappings whose roles in AWS can only be deleted through this provider: %s%s; delete them, and meanwhile every delegation is refused",
		strings.Join(named, ", "), more)
}
