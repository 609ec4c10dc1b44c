package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp"
)

// Reasons of the refusals of Decide, next to the reasons of Finding.
const (
	// ReasonNoMapping: no RoleMapping names the subject.
	ReasonNoMapping = "NoMapping"
	// ReasonRoleNotGranted: the role asked for is in no RoleMapping that names the subject.
	ReasonRoleNotGranted = "RoleNotGranted"
	// ReasonRoleAmbiguous: several RoleMappings match and nothing says which one to take.
	ReasonRoleAmbiguous = "RoleAmbiguous"
	// ReasonPrincipalNotGranted: the principal asked for is not the IAM provider of the grant.
	ReasonPrincipalNotGranted = "PrincipalNotGranted"
	// ReasonRoleNotReady: the operator has not brought about the managed role.
	ReasonRoleNotReady = "RoleNotReady"
	// ReasonRegionNotOffered: the region asked for is not that of the account.
	ReasonRegionNotOffered = "RegionNotOffered"
)

// Want is what the caller asks for. It chooses among the caller's grants and never widens them;
// an empty field leaves the choice to the mappings.
type Want struct {
	// RoleARN of the role to obtain.
	RoleARN string
	// PrincipalARN of the IAM SAML provider that the role trusts.
	PrincipalARN string
	// Region whose STS endpoint to ask.
	Region string
}

// Decide returns what the subject gets from the provider. The error is always an *idp.Refusal.
//
// Without a role in w, the only mapping that the provider allows decides, or the one marked as
// default among several. A default mapping that the provider refuses refuses the request: another
// role than the namespace chose is no substitute.
func Decide(p *v1alpha1.SAMLProvider, candidates []*v1alpha1.RoleMapping, facts func(*v1alpha1.RoleMapping) Facts, s idp.Subject, w Want) (idp.Grant, error) {
	if f, found := providerDenies(p, nil, Facts{}); found {
		return idp.Grant{}, denied(f.Reason, f.Message)
	}
	mine := examine(p, candidates, facts, s)
	if len(mine) == 0 {
		return idp.Grant{}, noMapping(p, s)
	}
	chosen, err := choose(mine, s, w.RoleARN)
	if err != nil {
		return idp.Grant{}, err
	}
	if chosen.refused {
		return idp.Grant{}, denied(chosen.finding.Reason, chosen.finding.Message)
	}
	if !made(chosen) {
		return idp.Grant{}, roleNotReady(chosen)
	}
	g := grant(p, chosen, s)
	if w.PrincipalARN != "" && w.PrincipalARN != g.ProviderARN {
		return idp.Grant{}, denied(ReasonPrincipalNotGranted, fmt.Sprintf("principal %q is not the IAM provider of %s: send %s, or leave principal out",
			w.PrincipalARN, g.RoleARN, g.ProviderARN))
	}
	if w.Region != "" && w.Region != g.Region {
		return idp.Grant{}, malformed(ReasonRegionNotOffered, fmt.Sprintf("region %q is not offered for %s: send %s, or leave region out",
			w.Region, g.RoleARN, g.Region))
	}
	return g, nil
}

// candidate is a mapping that names the subject, and what the provider says of it.
type candidate struct {
	mapping *v1alpha1.RoleMapping
	// role is its ARN, or what messages call it if it has none.
	role    string
	finding Finding
	refused bool
}

// examine asks once for each of the provider's mappings that names the subject.
func examine(p *v1alpha1.SAMLProvider, candidates []*v1alpha1.RoleMapping, facts func(*v1alpha1.RoleMapping) Facts, s idp.Subject) []candidate {
	var mine []candidate
	for _, m := range candidates {
		if names(m, s) && m.Spec.ProviderRef.Name == p.Name {
			f, refused := Refuse(p, m, facts(m))
			mine = append(mine, candidate{mapping: m, role: roleWord(p, m), finding: f, refused: refused})
		}
	}
	return mine
}

// names reports whether the mapping names the subject.
func names(m *v1alpha1.RoleMapping, s idp.Subject) bool {
	return s.Kind == idp.KindServiceAccount && m.Namespace == s.Namespace &&
		slices.ContainsFunc(m.Spec.Subjects, func(subject v1alpha1.Subject) bool {
			return subject.Kind == v1alpha1.SubjectServiceAccount && subject.Name == s.Name
		})
}

// choose picks one of the subject's mappings, which may still be one that the provider refuses.
func choose(mine []candidate, s idp.Subject, roleARN string) (candidate, error) {
	isAllowed := func(c candidate) bool { return !c.refused }
	if roleARN != "" {
		ofRole := filter(mine, func(c candidate) bool { return c.role == roleARN })
		if len(ofRole) == 0 {
			return candidate{}, roleNotGranted(s, roleARN, filter(mine, isAllowed))
		}
		mine = ofRole
	}
	allowed := filter(mine, isAllowed)
	defaults := filter(mine, func(c candidate) bool { return c.mapping.Spec.Default })
	switch {
	case len(mine) == 1:
		return mine[0], nil
	case len(defaults) == 1:
		return defaults[0], nil
	case len(defaults) > 1:
		return candidate{}, ambiguous(s, defaults)
	case len(allowed) == 1:
		return allowed[0], nil
	case len(allowed) == 0:
		return mine[0], nil
	default:
		return candidate{}, ambiguous(s, allowed)
	}
}

func filter(cs []candidate, keep func(candidate) bool) []candidate {
	var kept []candidate
	for _, c := range cs {
		if keep(c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// grant says what an allowed mapping gives. Refuse has made sure that the account is listed.
func grant(p *v1alpha1.SAMLProvider, c candidate, s idp.Subject) idp.Grant {
	account, _ := accountOf(p, c.mapping)
	return idp.Grant{
		Mapping:     nameOf(c.mapping),
		RoleARN:     c.role,
		ProviderARN: partition.OfRegion(account.Region).SAMLProviderARN(account.ID, p.ProviderName(account)),
		AccountID:   account.ID,
		SessionName: sessionName(s),
		Duration:    c.mapping.SessionDuration().Truncate(time.Second),
		Region:      account.Region,
		STSEndpoint: strings.TrimSuffix(account.Endpoints.STS, "/"),
		Tags:        tags(c.mapping),
	}
}

// tags are what only this mapping's sessions carry. Existing roles get none: a session with tags
// needs sts:TagSession in their trust policy.
func tags(m *v1alpha1.RoleMapping) []idp.Tag {
	if m.Spec.Role.Managed == nil {
		return nil
	}
	return []idp.Tag{{Key: idp.MappingTag, Value: nameOf(m)}}
}
