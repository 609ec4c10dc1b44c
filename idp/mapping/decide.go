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
	mine := slices.DeleteFunc(slices.Clone(candidates), func(m *v1alpha1.RoleMapping) bool {
		return !names(m, s) || m.Spec.ProviderRef.Name != p.Name
	})
	if len(mine) == 0 {
		return idp.Grant{}, noMapping(p, s)
	}
	m, err := choose(p, mine, facts, s, w.RoleARN)
	if err != nil {
		return idp.Grant{}, err
	}
	if f, found := Refuse(p, m, facts(m)); found {
		return idp.Grant{}, denied(f.Reason, f.Message)
	}
	g := grant(p, m, s)
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

// names reports whether the mapping names the subject.
func names(m *v1alpha1.RoleMapping, s idp.Subject) bool {
	return s.Kind == idp.KindServiceAccount && m.Namespace == s.Namespace &&
		slices.ContainsFunc(m.Spec.Subjects, func(subject v1alpha1.Subject) bool {
			return subject.Kind == v1alpha1.SubjectServiceAccount && subject.Name == s.Name
		})
}

// choose picks one of the subject's mappings, which may still be one that the provider refuses.
func choose(p *v1alpha1.SAMLProvider, mine []*v1alpha1.RoleMapping, facts func(*v1alpha1.RoleMapping) Facts, s idp.Subject, roleARN string) (*v1alpha1.RoleMapping, error) {
	allowed := slices.DeleteFunc(slices.Clone(mine), func(m *v1alpha1.RoleMapping) bool {
		_, refused := Refuse(p, m, facts(m))
		return refused
	})
	if roleARN != "" {
		ofRole := func(m *v1alpha1.RoleMapping) bool {
			arn, _ := RoleARN(p, m)
			return arn == roleARN
		}
		if mine = filter(mine, ofRole); len(mine) == 0 {
			return nil, roleNotGranted(p, s, roleARN, allowed)
		}
		allowed = filter(allowed, ofRole)
	}
	defaults := filter(mine, func(m *v1alpha1.RoleMapping) bool { return m.Spec.Default })
	switch {
	case len(mine) == 1:
		return mine[0], nil
	case len(defaults) == 1:
		return defaults[0], nil
	case len(defaults) > 1:
		return nil, ambiguous(p, s, defaults)
	case len(allowed) == 1:
		return allowed[0], nil
	case len(allowed) == 0:
		return mine[0], nil
	default:
		return nil, ambiguous(p, s, allowed)
	}
}

func filter(ms []*v1alpha1.RoleMapping, keep func(*v1alpha1.RoleMapping) bool) []*v1alpha1.RoleMapping {
	var kept []*v1alpha1.RoleMapping
	for _, m := range ms {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	return kept
}

// grant says what an allowed mapping gives. Refuse has made sure that the account is listed.
func grant(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, s idp.Subject) idp.Grant {
	account, _ := accountOf(p, m)
	arn, _ := RoleARN(p, m)
	return idp.Grant{
		Mapping:     nameOf(m),
		RoleARN:     arn,
		ProviderARN: partition.OfRegion(account.Region).SAMLProviderARN(account.ID, p.ProviderName(account)),
		AccountID:   account.ID,
		SessionName: sessionName(s),
		Duration:    m.SessionDuration().Truncate(time.Second),
		Region:      account.Region,
		STSEndpoint: strings.TrimSuffix(account.Endpoints.STS, "/"),
		Tags:        tags(m),
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
