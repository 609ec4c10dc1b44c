package v1alpha1

import "time"

// DefaultSessionDuration is what a RoleMapping without session.duration asks for, and what AWS
// grants by default (STS API reference, AssumeRoleWithSAML, DurationSeconds).
const DefaultSessionDuration = time.Hour

// DefaultReplicas is the number of IdP pods when workload.replicas is unset.
const DefaultReplicas int32 = 2

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

// SessionDuration returns how long the credentials of a mapping last.
func (m *RoleMapping) SessionDuration() time.Duration {
	if m.Spec.Session.Duration != nil {
		return m.Spec.Session.Duration.Duration
	}
	return DefaultSessionDuration
}
