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

// users returns the RoleMappings whose roles only the provider knows how to reach, sorted, by account.
func (r *Reconciler) users(ctx context.Context, provider string) (map[string][]string, error) {
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, client.MatchingFields{v1alpha1.FieldProvider: provider}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the RoleMappings of SAMLProvider %s: %w", provider, err)
	}
	byAccount := map[string][]string{}
	for i := range all.Items {
		m := &all.Items[i]
		if mayHaveRole(m) {
			id := ""
			if m.Spec.Role.Managed != nil {
				id = m.Spec.Role.Managed.AccountID
			}
			byAccount[id] = append(byAccount[id], client.ObjectKeyFromObject(m).String())
		}
	}
	for _, names := range byAccount {
		slices.Sort(names)
	}
	return byAccount, nil
}

// usersOfFormerAccounts asks nobody as long as the ledger names no account but those of the spec.
func (r *Reconciler) usersOfFormerAccounts(ctx context.Context, s *scope) (map[string][]string, error) {
	if !slices.ContainsFunc(s.accounts, func(a *account) bool { return a.former }) {
		return nil, nil
	}
	return r.users(ctx, s.provider.Name)
}

// named lists as many RoleMappings as people read.
func named(users []string) string {
	more := ""
	if n := len(users) - maxNamed; n > 0 {
		users, more = users[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(users, ", ") + more
}

func inUseMessage(users []string) string {
	return fmt.Sprintf("Waiting for RoleMappings whose roles in AWS can only be deleted through this provider: %s; delete them, and meanwhile every delegation is refused", named(users))
}

func accountInUseMessage(a *account, users []string) string {
	return fmt.Sprintf("Waiting for RoleMappings whose roles in account %s, which spec.accounts no longer lists, can only be deleted through this provider: %s; delete them, or put the account back", a.spec, named(users))
}
