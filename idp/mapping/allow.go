package mapping

import (
	"fmt"
	"slices"
	"strings"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
)

// Finding is why a provider does not honour a RoleMapping.
type Finding struct {
	// Reason is a condition reason of api/v1alpha1.
	Reason string
	// Message says what to change, and where.
	Message string
}

// check finds one thing wrong with a mapping, or nothing.
type check func(*v1alpha1.SAMLProvider, *v1alpha1.RoleMapping) (Finding, bool)

// The order is the order in which a person would have to put things right: nothing helps while an
// object goes away, no line of allow helps in an account that the provider does not serve, and the
// role's pattern matters only in an entry that speaks of the namespace.
var checks = []check{
	mappingIsBeingDeleted,
	providerIsBeingDeleted,
	mappingNamesAnotherProvider,
	roleIsNotARole,
	accountIsNotListed,
	partitionDoesNotMatch,
	namespaceIsNotAllowed,
	subjectKindIsNotAllowed,
	rolePatternDoesNotMatch,
}

// Refuse reports whether the provider must not honour the mapping, and the first reason why. It
// reads specs and metadata only.
func Refuse(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	for _, find := range checks {
		if f, found := find(p, m); found {
			return f, true
		}
	}
	return Finding{}, false
}

func mappingIsBeingDeleted(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	if m.DeletionTimestamp.IsZero() {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDeleting,
		Message: fmt.Sprintf("RoleMapping %s is being deleted", nameOf(m)),
	}, true
}

func providerIsBeingDeleted(p *v1alpha1.SAMLProvider, _ *v1alpha1.RoleMapping) (Finding, bool) {
	if p.DeletionTimestamp.IsZero() {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDeleting,
		Message: fmt.Sprintf("SAMLProvider %q is being deleted", p.Name),
	}, true
}

func mappingNamesAnotherProvider(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	if m.Spec.ProviderRef.Name == p.Name {
		return Finding{}, false
	}
	return Finding{
		Reason: v1alpha1.ReasonProviderNotFound,
		Message: fmt.Sprintf("spec.providerRef.name of RoleMapping %s is %q, which SAMLProvider %q does not answer for",
			nameOf(m), m.Spec.ProviderRef.Name, p.Name),
	}, true
}

func roleIsNotARole(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	_, _, err := partition.ParseRoleARN(m.Spec.Role.ARN)
	if err == nil {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonNotAllowedByProvider,
		Message: fmt.Sprintf("spec.role.arn of RoleMapping %s: %v", nameOf(m), err),
	}, true
}

func accountIsNotListed(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	if _, listed := accountOf(p, m); listed {
		return Finding{}, false
	}
	_, id, _ := partition.ParseRoleARN(m.Spec.Role.ARN)
	ids := make([]string, len(p.Spec.Accounts))
	for i, a := range p.Spec.Accounts {
		ids[i] = a.ID
	}
	return Finding{
		Reason: v1alpha1.ReasonAccountNotListed,
		Message: fmt.Sprintf("%s is a role of account %s, which spec.accounts of SAMLProvider %q does not list; use a role of %s, or a SAMLProvider that lists %s",
			m.Spec.Role.ARN, id, p.Name, strings.Join(ids, ", "), id),
	}, true
}

func partitionDoesNotMatch(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	account, listed := accountOf(p, m)
	if !listed {
		return Finding{}, false
	}
	got, _, _ := partition.ParseRoleARN(m.Spec.Role.ARN)
	want := partition.OfRegion(account.Region).ID
	if got == want {
		return Finding{}, false
	}
	return Finding{
		Reason: v1alpha1.ReasonPartitionMismatch,
		Message: fmt.Sprintf("%s is in partition %s, but SAMLProvider %q reaches account %s in region %s, which is in partition %s; write arn:%s:iam::...",
			m.Spec.Role.ARN, got, p.Name, account.ID, account.Region, want, want),
	}, true
}

func namespaceIsNotAllowed(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	if len(rulesFor(p, m.Namespace)) > 0 {
		return Finding{}, false
	}
	return Finding{
		Reason: v1alpha1.ReasonNotAllowedByProvider,
		Message: fmt.Sprintf("spec.allow of SAMLProvider %q has no entry for namespace %q that covers %s; ask its owner to add: %s",
			p.Name, m.Namespace, m.Spec.Role.ARN, missingLine(m)),
	}, true
}

func subjectKindIsNotAllowed(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	for _, kind := range kindsOf(m) {
		if len(rulesForKind(p, m.Namespace, kind)) == 0 {
			return Finding{
				Reason: v1alpha1.ReasonNotAllowedByProvider,
				Message: fmt.Sprintf("spec.allow of SAMLProvider %q has an entry for namespace %q, but none whose subjects include %s; ask its owner to add: %s",
					p.Name, m.Namespace, kind, missingLine(m)),
			}, true
		}
	}
	return Finding{}, false
}

func rolePatternDoesNotMatch(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (Finding, bool) {
	for _, kind := range kindsOf(m) {
		rules := rulesForKind(p, m.Namespace, kind)
		if !slices.ContainsFunc(rules, func(r v1alpha1.AllowRule) bool { return coversRole(r, m.Spec.Role.ARN) }) {
			return Finding{
				Reason: v1alpha1.ReasonNotAllowedByProvider,
				Message: fmt.Sprintf("spec.allow of SAMLProvider %q has an entry for namespace %q, but none whose roles match %s (* never matches / or :); ask its owner to add: %s",
					p.Name, m.Namespace, m.Spec.Role.ARN, missingLine(m)),
			}, true
		}
	}
	return Finding{}, false
}

func rulesFor(p *v1alpha1.SAMLProvider, namespace string) []v1alpha1.AllowRule {
	var rules []v1alpha1.AllowRule
	for _, r := range p.Spec.Allow {
		if slices.Contains(r.Namespaces.Names, namespace) {
			rules = append(rules, r)
		}
	}
	return rules
}

func rulesForKind(p *v1alpha1.SAMLProvider, namespace string, kind v1alpha1.SubjectKind) []v1alpha1.AllowRule {
	return slices.DeleteFunc(rulesFor(p, namespace), func(r v1alpha1.AllowRule) bool {
		return !slices.Contains(r.Subjects, kind)
	})
}

func coversRole(r v1alpha1.AllowRule, arn string) bool {
	return slices.ContainsFunc(r.Roles, func(pattern v1alpha1.RolePattern) bool {
		return matchRole(string(pattern), arn)
	})
}

func kindsOf(m *v1alpha1.RoleMapping) []v1alpha1.SubjectKind {
	var kinds []v1alpha1.SubjectKind
	for _, s := range m.Spec.Subjects {
		if !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// accountOf returns the provider's account that the mapping's role is in.
func accountOf(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (v1alpha1.Account, bool) {
	_, id, err := partition.ParseRoleARN(m.Spec.Role.ARN)
	if err != nil {
		return v1alpha1.Account{}, false
	}
	i := slices.IndexFunc(p.Spec.Accounts, func(a v1alpha1.Account) bool { return a.ID == id })
	if i < 0 {
		return v1alpha1.Account{}, false
	}
	return p.Spec.Accounts[i], true
}

func nameOf(m *v1alpha1.RoleMapping) string { return m.Namespace + "/" + m.Name }
