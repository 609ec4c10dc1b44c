package mapping

import (
	"fmt"
	"strings"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp"
)

// maxTagValue is the length of a session tag's value (AWS STS API Reference, Tag).
const maxTagValue = 256

// Finding is why a provider does not honour a RoleMapping.
type Finding struct {
	// Reason is a condition reason of api/v1alpha1.
	Reason string
	// Message says what to change, and where.
	Message string
}

// check finds one thing wrong with a mapping, or nothing.
type check func(*v1alpha1.SAMLProvider, *v1alpha1.RoleMapping, Facts) (Finding, bool)

// The order is the order in which a person would have to put things right: nothing helps while an
// object goes away or somebody has pulled the emergency stop, and no line of allow helps in an
// account that the provider does not serve.
var checks = []check{
	mappingIsBeingDeleted,
	providerIsBeingDeleted,
	providerDenies,
	mappingDenies,
	mappingNamesAnotherProvider,
	roleIsNotARole,
	accountIsNotListed,
	partitionDoesNotMatch,
	nameIsTooLongForTheTag,
	noEntryCovers,
}

// Refuse reports whether the provider must not honour the mapping, and the first reason why. It
// reads specs, metadata and the facts only.
func Refuse(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, f Facts) (Finding, bool) {
	for _, find := range checks {
		if finding, found := find(p, m, f); found {
			return finding, true
		}
	}
	return Finding{}, false
}

func mappingIsBeingDeleted(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if m.DeletionTimestamp.IsZero() {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDeleting,
		Message: fmt.Sprintf("RoleMapping %s is being deleted", nameOf(m)),
	}, true
}

func providerIsBeingDeleted(p *v1alpha1.SAMLProvider, _ *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if p.DeletionTimestamp.IsZero() {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDeleting,
		Message: fmt.Sprintf("SAMLProvider %q is being deleted", p.Name),
	}, true
}

func providerDenies(p *v1alpha1.SAMLProvider, _ *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if !p.Spec.Deny {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDenied,
		Message: fmt.Sprintf("spec.deny of SAMLProvider %q is true, which stops every delegation; ask its owner when that will end", p.Name),
	}, true
}

func mappingDenies(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if !m.Spec.Deny {
		return Finding{}, false
	}
	return Finding{
		Reason:  v1alpha1.ReasonDenied,
		Message: fmt.Sprintf("spec.deny of RoleMapping %s is true, which stops every delegation by it; take it out to allow them again", nameOf(m)),
	}, true
}

func mappingNamesAnotherProvider(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if m.Spec.ProviderRef.Name == p.Name {
		return Finding{}, false
	}
	return Finding{
		Reason: v1alpha1.ReasonProviderNotFound,
		Message: fmt.Sprintf("spec.providerRef.name of RoleMapping %s is %q, which SAMLProvider %q does not answer for",
			nameOf(m), m.Spec.ProviderRef.Name, p.Name),
	}, true
}

func roleIsNotARole(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if m.Spec.Role.Managed != nil {
		if m.Spec.Role.ARN == "" {
			return Finding{}, false
		}
		return notAllowed("spec.role of RoleMapping %s has both arn and managed: leave one of them out", nameOf(m)), true
	}
	if _, _, err := partition.ParseRoleARN(m.Spec.Role.ARN); err != nil {
		return notAllowed("spec.role.arn of RoleMapping %s: %v", nameOf(m), err), true
	}
	return Finding{}, false
}

func accountIsNotListed(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if _, listed := accountOf(p, m); listed {
		return Finding{}, false
	}
	id, _ := accountIDOf(m)
	return Finding{
		Reason: v1alpha1.ReasonAccountNotListed,
		Message: fmt.Sprintf("%s is a role of account %s, which spec.accounts of SAMLProvider %q does not list; use a role of %s, or a SAMLProvider that lists %s",
			roleWord(p, m), id, p.Name, accountsOf(p), id),
	}, true
}

// maxNamedAccounts is how many accounts a message names.
const maxNamedAccounts = 5

// accountsOf lists the provider's accounts for people.
func accountsOf(p *v1alpha1.SAMLProvider) string {
	var names []string
	for _, a := range p.Spec.Accounts[:min(len(p.Spec.Accounts), maxNamedAccounts)] {
		names = append(names, a.String())
	}
	list := strings.Join(names, ", ")
	if n := len(p.Spec.Accounts) - maxNamedAccounts; n > 0 {
		list += fmt.Sprintf(" or one of %d more accounts", n)
	}
	return list
}

// partitionDoesNotMatch is about existing roles: the ARN of a managed one is made in the partition
// of its account.
func partitionDoesNotMatch(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	account, listed := accountOf(p, m)
	if !listed || m.Spec.Role.Managed != nil {
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

// nameIsTooLongForTheTag is about managed roles: their trust policy demands the mapping's name as a
// session tag, and AWS takes no longer ones.
func nameIsTooLongForTheTag(_ *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, _ Facts) (Finding, bool) {
	if m.Spec.Role.Managed == nil || len(nameOf(m)) <= maxTagValue {
		return Finding{}, false
	}
	return notAllowed("the name of RoleMapping %s has %d characters with its namespace, and the session tag %s takes %d: create it with a shorter name",
		nameOf(m), len(nameOf(m)), idp.MappingTag, maxTagValue), true
}
