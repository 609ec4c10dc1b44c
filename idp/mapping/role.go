package mapping

import (
	"slices"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
)

// RoleARN returns the ARN of the mapping's role. That of a managed role follows from its account,
// the partition of the account's region, its path and its name. It reports false if the provider
// does not list the account of a managed role, or if the ARN is not one of a role.
func RoleARN(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (string, bool) {
	arn := m.Spec.Role.ARN
	if m.Spec.Role.Managed != nil {
		account, listed := accountOf(p, m)
		if !listed {
			return "", false
		}
		arn = partition.OfRegion(account.Region).RoleARN(account.ID, m.ManagedRolePath(), m.ManagedRoleName())
	}
	_, _, err := partition.ParseRoleARN(arn)
	return arn, err == nil
}

// Bounds returns what the provider's allow says of the mapping's managed role: that of the first
// entry that covers the whole mapping. It is nil if none does, or if the role is not managed.
func Bounds(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, f Facts) *v1alpha1.AllowManaged {
	if m.Spec.Role.Managed == nil {
		return nil
	}
	closest, covers := closestEntry(p, m, f)
	if !covers {
		return nil
	}
	return closest.rule().Managed
}

// PermissionsBoundary returns the ARN of the boundary that the mapping's managed role must have: its
// own, or else that of Bounds. It is empty if there is none.
func PermissionsBoundary(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, f Facts) string {
	if m.Spec.Role.Managed == nil {
		return ""
	}
	if own := m.Spec.Role.Managed.PermissionsBoundary; own != "" {
		return own
	}
	if b := Bounds(p, m, f); b != nil {
		return b.PermissionsBoundary
	}
	return ""
}

// accountIDOf returns the account that the mapping's role is in.
func accountIDOf(m *v1alpha1.RoleMapping) (string, error) {
	if m.Spec.Role.Managed != nil {
		return m.Spec.Role.Managed.AccountID, nil
	}
	_, id, err := partition.ParseRoleARN(m.Spec.Role.ARN)
	return id, err
}

// accountOf returns the provider's account that the mapping's role is in.
func accountOf(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (v1alpha1.Account, bool) {
	id, err := accountIDOf(m)
	if err != nil {
		return v1alpha1.Account{}, false
	}
	i := slices.IndexFunc(p.Spec.Accounts, func(a v1alpha1.Account) bool { return a.ID == id })
	if i < 0 {
		return v1alpha1.Account{}, false
	}
	return p.Spec.Accounts[i], true
}

// roleWord is what messages call the mapping's role.
func roleWord(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) string {
	if arn, ok := RoleARN(p, m); ok {
		return arn
	}
	if m.Spec.Role.Managed != nil {
		return "managed role " + m.ManagedRoleName()
	}
	return m.Spec.Role.ARN
}

func nameOf(m *v1alpha1.RoleMapping) string { return m.Namespace + "/" + m.Name }

// made reports whether the operator has brought about the role of a managed mapping, by the ledger in
// its status. A spec can name a role that somebody else has made: the operator leaves that one alone,
// and only IAM knows whose it is. Status can take a Grant away here, and never gives one.
func made(c candidate) bool {
	if c.mapping.Spec.Role.Managed == nil {
		return true
	}
	ledger := c.mapping.Status.Role
	return ledger != nil && ledger.ARN == c.role && ledger.Hash != ""
}
