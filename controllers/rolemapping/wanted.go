package rolemapping

import (
	"maps"
	"slices"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/idp/mapping"
)

// wanted is the role that an accepted managed mapping asks for. In an account that is Observed it
// carries no tags of the operator, whose role it is not.
func wanted(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, facts mapping.Facts, owner awsiam.Owner) role.Role {
	spec := m.Spec.Role.Managed
	account, _ := accountOf(p, m)
	of := partition.OfRegion(account.Region)
	arn, _ := mapping.RoleARN(p, m)
	r := role.Role{
		ARN:                 arn,
		Description:         spec.Description,
		MaxSessionDuration:  m.RoleMaxSessionDuration(),
		PermissionsBoundary: mapping.PermissionsBoundary(p, m, facts),
		InlinePolicies:      make(map[string]string, len(spec.InlinePolicies)),
		Tags:                make(map[string]string, len(spec.Tags)),
		TrustPolicy: trust.ForMapping(trust.Input{
			ProviderARN: of.SAMLProviderARN(account.ID, p.ProviderName(account)),
			ACS:         of.ACSForms(account.Region),
			Mapping:     m.Namespace + "/" + m.Name,
		}),
	}
	for _, arn := range spec.Policies {
		r.Policies = append(r.Policies, string(arn))
	}
	slices.Sort(r.Policies)
	for _, policy := range spec.InlinePolicies {
		r.InlinePolicies[policy.Name] = policy.Document
	}
	for _, tag := range spec.Tags {
		r.Tags[tag.Key] = tag.Value
	}
	if !account.Observed() {
		maps.Copy(r.Tags, owner.Tags())
	}
	if m.Status.Role != nil && m.Status.Role.Adopted {
		r.Tags[awsiam.TagAdopted] = adoptedValue
	}
	return r
}

// adoptedValue is the value of awsiam.TagAdopted.
const adoptedValue = "true"
