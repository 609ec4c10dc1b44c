package mapping

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

// generator makes up clusters from few words.
type generator struct{ *rand.Rand }

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

// some returns up to n of what one makes.
func some[T any](g generator, n int, one func() T) []T {
	var made []T
	for range g.IntN(n + 1) {
		made = append(made, one())
	}
	return made
}

func (g generator) role() string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s%s%s",
		pick(g, "aws", "aws", "aws", "aws", "aws", "aws-cn"), g.account(),
		pick(g, "", "", "team/", "team/sub/", "t!{m/", "te:am/", "a*b/"), pick(g, "r", "s"), pick(g, "", "r", "s", "rs"))
}

func (g generator) account() string {
	if g.IntN(8) == 0 {
		return "444455556666"
	}
	return "111122223333"
}

func (g generator) rolePattern() v1alpha1.RolePattern {
	role := g.role()
	switch g.IntN(4) {
	case 0:
		return v1alpha1.RolePattern(role)
	case 1:
		return v1alpha1.RolePattern(strings.ReplaceAll(role, "r", "*"))
	case 2:
		return v1alpha1.RolePattern(role[:strings.LastIndex(role, "/")+1] + "*")
	default:
		return "arn:aws:iam::111122223333:role/*"
	}
}

func (g generator) policy() v1alpha1.PolicyARN {
	return v1alpha1.PolicyARN(fmt.Sprintf("arn:aws:iam::%s:policy/%s%s", pick(g, "aws", "111122223333"), pick(g, "", "team/"), pick(g, "read", "write")))
}

func (g generator) policyPattern() v1alpha1.PolicyPattern {
	return pick(g, v1alpha1.PolicyPattern(g.policy()), "arn:aws:iam::aws:policy/*", "arn:aws:iam::111122223333:policy/*", "arn:aws:iam::aws:policy/*/r*")
}

func (g generator) boundary() string {
	return pick(g, "", "", "arn:aws:iam::111122223333:policy/tenants", "arn:aws:iam::111122223333:policy/others")
}

func (g generator) path() string {
	return pick(g, "/", "/team/", "/team/", "/teams/", "/team/sub/", "/Team/", "/attache/")
}

func (g generator) namespaces() map[string]map[string]string {
	known := map[string]map[string]string{}
	for _, name := range []string{"a", "b", "ab"} {
		if g.IntN(8) > 0 {
			known[name] = map[string]string{"kubernetes.io/metadata.name": name, "tier": pick(g, "gold", "silver")}
		}
	}
	return known
}

func (g generator) selector() *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	if g.IntN(2) == 0 {
		s.MatchLabels = map[string]string{pick(g, "tier", "tier", "absent"): pick(g, "gold", "silver")}
	}
	s.MatchExpressions = some(g, 1, func() metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{
			Key:      pick(g, "tier", "kubernetes.io/metadata.name", "absent"),
			Operator: pick[metav1.LabelSelectorOperator](g, "In", "NotIn", "Exists", "DoesNotExist", "Like"),
			Values:   pick(g, nil, []string{"gold"}, []string{"a", "silver"}),
		}
	})
	return s
}

func (g generator) provider() *v1alpha1.SAMLProvider {
	return provider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Deny = g.IntN(40) == 0
		p.Spec.Allow = some(g, 4, g.rule)
	})
}

func (g generator) rule() v1alpha1.AllowRule {
	if g.IntN(3) == 0 {
		return g.generousRule()
	}
	rule := v1alpha1.AllowRule{
		Subjects: pick(g, []v1alpha1.SubjectKind{"ServiceAccount"}, []v1alpha1.SubjectKind{"Group"}, []v1alpha1.SubjectKind{"Group", "ServiceAccount"}),
		Roles:    some(g, 2, g.rolePattern),
	}
	if g.IntN(3) == 0 {
		rule.Namespaces.Selector = g.selector()
	} else {
		rule.Namespaces.Names = pick(g, []string{"a"}, []string{"b"}, []string{"b", "a"}, []string{"ab"})
	}
	if g.IntN(2) == 0 {
		rule.Managed = &v1alpha1.AllowManaged{
			PathPrefix: g.path(), PermissionsBoundary: g.boundary(), Policies: some(g, 3, g.policyPattern),
			InlinePolicies: pick(g, true, false), Adoption: pick(g, true, false), MaxRoles: pick(g, nil, new(int32(1)), new(int32(2))),
		}
	}
	return rule
}

// generousRule lacks at most one thing, so that each of the things gets to decide.
func (g generator) generousRule() v1alpha1.AllowRule {
	rule := v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceSelection{Names: []string{"a", "b"}},
		Subjects:   []v1alpha1.SubjectKind{"Group", "ServiceAccount"},
		Roles:      []v1alpha1.RolePattern{"arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/team/*"},
		Managed: &v1alpha1.AllowManaged{
			PathPrefix: "/", Policies: []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*", "arn:aws:iam::111122223333:policy/*", "arn:aws:iam::aws:policy/*/*"},
			InlinePolicies: true, Adoption: true,
		},
	}
	switch g.IntN(9) {
	case 0:
		rule.Namespaces = v1alpha1.NamespaceSelection{Selector: g.selector()}
	case 1:
		rule.Subjects = rule.Subjects[1:]
	case 2:
		rule.Managed.PathPrefix = g.path()
	case 3, 4:
		rule.Managed.PermissionsBoundary = g.boundary()
	case 5:
		rule.Managed.Policies = some(g, 3, g.policyPattern)
	case 6:
		rule.Managed.InlinePolicies = false
	case 7:
		rule.Managed.Adoption = false
	case 8:
		rule.Managed.MaxRoles = new(int32(1 + g.IntN(2)))
	}
	return rule
}

func (g generator) mappings() []*v1alpha1.RoleMapping {
	var all []*v1alpha1.RoleMapping
	for i := range 1 + g.IntN(5) {
		all = append(all, g.mapping(fmt.Sprint(i)))
	}
	return all
}

func (g generator) mapping(name string) *v1alpha1.RoleMapping {
	m := mapping(name, g.role())
	m.CreationTimestamp = metav1.NewTime(time.Unix(int64(1000+g.IntN(3)), 0))
	m.Namespace = pick(g, "a", "a", "b", "ab")
	m.Spec.ProviderRef.Name = pick(g, "corp", "corp", "corp", "corpx")
	m.Spec.Default = pick(g, true, false)
	m.Spec.Deny = g.IntN(20) == 0
	m.Spec.Subjects = nil
	for range 1 + g.IntN(2) {
		m.Spec.Subjects = append(m.Spec.Subjects, v1alpha1.Subject{Kind: pick(g, v1alpha1.SubjectServiceAccount, v1alpha1.SubjectServiceAccount, "Group"), Name: pick(g, "x", "y", "xy")})
	}
	if g.IntN(2) == 0 {
		m.Spec.Role.ARN = pick(g, "", "", "", "", "", "", m.Spec.Role.ARN)
		m.Spec.Role.Managed = g.managed()
		m.Spec.Adoption = pick[v1alpha1.AdoptionPolicy](g, "", "Never", "IfTagged")
		if g.IntN(8) != 0 {
			isMade(m)
		}
	}
	if g.IntN(8) == 0 {
		isBeingDeleted(m)
	}
	return m
}

func (g generator) managed() *v1alpha1.ManagedRole {
	return &v1alpha1.ManagedRole{
		AccountID: g.account(), Name: pick(g, "", "r", "s"), Path: pick(g, "", g.path()),
		PermissionsBoundary: g.boundary(), Policies: some(g, 2, g.policy),
		InlinePolicies: some(g, 1, func() v1alpha1.InlinePolicy { return v1alpha1.InlinePolicy{Name: "s3", Document: "{}"} }),
	}
}
