package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// DefaultSessionDuration is what a RoleMapping without session.duration asks for, and what AWS
// grants by default (STS API reference, AssumeRoleWithSAML, DurationSeconds). It is also the
// shortest and the default maximum of a role (IAM API reference, CreateRole, MaxSessionDuration).
const DefaultSessionDuration = time.Hour

// DefaultReplicas is the number of IdP pods when workload.replicas is unset.
const DefaultReplicas int32 = 2

// DefaultInterval is how often AWS is compared with the spec when interval is unset.
const DefaultInterval = time.Hour

// DefaultMaxRoles is how many managed roles a namespace may have when maxRoles is unset.
const DefaultMaxRoles int32 = 20

// maxRoleName is the longest name of an IAM role (IAM API reference, CreateRole, RoleName).
const maxRoleName = 64

// Audience returns what service-account tokens must be made for.
func (p *SAMLProvider) Audience() string {
	if p.Spec.Delegation.Audience != "" {
		return p.Spec.Delegation.Audience
	}
	return GroupVersion.Group + "/" + p.Name
}

// RequiresBoundPod tells whether tokens must be bound to a living pod.
func (p *SAMLProvider) RequiresBoundPod() bool {
	return p.Spec.Delegation.RequireBoundPod == nil || *p.Spec.Delegation.RequireBoundPod
}

// ProviderName returns the name of the IAM SAML provider in the account.
func (p *SAMLProvider) ProviderName(a Account) string {
	if a.ProviderName != "" {
		return a.ProviderName
	}
	return p.Name
}

// Replicas returns the wanted number of IdP pods.
func (p *SAMLProvider) Replicas() int32 {
	if p.Spec.Workload.Replicas != nil {
		return *p.Spec.Workload.Replicas
	}
	return DefaultReplicas
}

// Interval returns how often AWS is compared with the spec.
func (p *SAMLProvider) Interval() time.Duration {
	if p.Spec.Interval != nil {
		return p.Spec.Interval.Duration
	}
	return DefaultInterval
}

// Retains tells whether the IAM SAML provider, adopted or not, outlives the object.
func (p *SAMLProvider) Retains(adopted bool) bool { return retains(p.Spec.DeletionPolicy, adopted) }

// Observed tells that the operator must not write to IAM in the account.
func (a Account) Observed() bool { return a.Management == ManagementObserved }

// String is what messages call the account: its ID, with its alias if it has one.
func (a Account) String() string {
	if a.Alias == "" {
		return a.ID
	}
	return a.ID + " (" + a.Alias + ")"
}

// LastSpec returns what the ledger keeps of the account.
func (a Account) LastSpec() *AccountLastSpec {
	return &AccountLastSpec{
		Alias: a.Alias, Region: a.Region, Access: *a.Access.DeepCopy(), Management: a.Management,
		IAMEndpoint: a.Endpoints.IAM, STSEndpoint: a.Endpoints.STS,
	}
}

// Account returns an account of spec by its ID, and whether spec lists it.
func (p *SAMLProvider) Account(id string) (Account, bool) {
	for _, a := range p.Spec.Accounts {
		if a.ID == id {
			return a, true
		}
	}
	return Account{}, false
}

// FormerAccounts returns the accounts that spec no longer lists and the ledger still does, as spec
// last had them.
func (p *SAMLProvider) FormerAccounts() []Account {
	var former []Account
	for _, e := range p.Status.Accounts {
		if _, listed := p.Account(e.ID); listed || e.ProviderARN == "" || e.LastSpec == nil {
			continue
		}
		former = append(former, Account{
			ID: e.ID, Alias: e.LastSpec.Alias, Region: e.LastSpec.Region, Access: *e.LastSpec.Access.DeepCopy(),
			Management: e.LastSpec.Management, Endpoints: AccountEndpoints{IAM: e.LastSpec.IAMEndpoint, STS: e.LastSpec.STSEndpoint},
		})
	}
	return former
}

// RoleLimit returns how many roles may be made for one namespace.
func (a *AllowManaged) RoleLimit() int {
	if a.MaxRoles != nil {
		return int(*a.MaxRoles)
	}
	return int(DefaultMaxRoles)
}

// SessionDuration returns how long the credentials of a mapping last.
func (m *RoleMapping) SessionDuration() time.Duration {
	if m.Spec.Session.Duration != nil {
		return m.Spec.Session.Duration.Duration
	}
	return DefaultSessionDuration
}

// Retains tells whether the managed role, adopted or not, outlives the object.
func (m *RoleMapping) Retains(adopted bool) bool { return retains(m.Spec.DeletionPolicy, adopted) }

func retains(policy DeletionPolicy, adopted bool) bool {
	if policy == "" {
		return adopted
	}
	return policy == DeletionRetain
}

// ManagedRoleName returns the name of the managed role: NAMESPACE.NAME of the mapping unless the
// spec has one. A namespace has no dot, so that two mappings never share one; what is too long
// keeps its beginning and ends in 64 bits of its SHA-256.
func (m *RoleMapping) ManagedRoleName() string {
	if m.Spec.Role.Managed != nil && m.Spec.Role.Managed.Name != "" {
		return m.Spec.Role.Managed.Name
	}
	name := m.Namespace + "." + m.Name
	if len(name) <= maxRoleName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := "-" + hex.EncodeToString(sum[:8])
	return name[:maxRoleName-len(hash)] + hash
}

// ManagedRolePath returns the path of the managed role: /attache/NAMESPACE/ unless the spec has one.
func (m *RoleMapping) ManagedRolePath() string {
	if m.Spec.Role.Managed != nil && m.Spec.Role.Managed.Path != "" {
		return m.Spec.Role.Managed.Path
	}
	return "/attache/" + m.Namespace + "/"
}

// RoleMaxSessionDuration returns the longest session that the managed role allows.
func (m *RoleMapping) RoleMaxSessionDuration() time.Duration {
	if m.Spec.Role.Managed != nil && m.Spec.Role.Managed.MaxSessionDuration != nil {
		return m.Spec.Role.Managed.MaxSessionDuration.Duration
	}
	return max(DefaultSessionDuration, m.SessionDuration())
}
