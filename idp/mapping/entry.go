package mapping

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"attache.dev/attache/api/v1alpha1"
)

// entry is one entry of a provider's allow, held against a mapping. Its index is -1 where allow is
// empty.
type entry struct {
	provider *v1alpha1.SAMLProvider
	index    int
	mapping  *v1alpha1.RoleMapping
	facts    Facts
}

func (e entry) rule() *v1alpha1.AllowRule { return &e.provider.Spec.Allow[e.index] }

// String names the entry in messages.
func (e entry) String() string {
	return fmt.Sprintf("spec.allow[%d] of SAMLProvider %q", e.index, e.provider.Name)
}

// entryChecks find what keeps an entry from covering a mapping. The order is from the coarse to the
// fine, so that the entry that passes most of them is the one that its owner had in mind. What to
// say is worked out only for that one.
var entryChecks = []struct {
	finds func(entry) bool
	tells func(entry) Finding
}{
	{namespaceIsNotAllowed, tellNamespace},
	{subjectKindIsNotAllowed, tellSubjectKind},
	{rolePatternDoesNotMatch, tellRolePattern},
	{managedIsNotAllowed, tellManaged},
	{pathIsOutsidePrefix, tellPath},
	{boundaryDiffers, tellBoundary},
	{policyIsNotAllowed, tellPolicy},
	{inlinePoliciesAreNotAllowed, tellInlinePolicies},
	{adoptionIsNotAllowed, tellAdoption},
	{thereAreTooManyRoles, tellMaxRoles},
}

// closestEntry returns the first entry that covers the whole mapping. If there is none, it returns
// the first of those that pass the most checks. Entries do not add up: two that each cover a part
// would together give what neither of their authors wrote.
func closestEntry(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, f Facts) (closest entry, covers bool) {
	closest = entry{p, -1, m, f}
	furthest := -1
	for i := range p.Spec.Allow {
		e := entry{p, i, m, f}
		passed := e.passed()
		if passed == len(entryChecks) {
			return e, true
		}
		if passed > furthest {
			closest, furthest = e, passed
		}
	}
	return closest, false
}

// passed returns how many checks the entry passes before the first that finds something.
func (e entry) passed() int {
	if e.index < 0 {
		return 0
	}
	for i, c := range entryChecks {
		if c.finds(e) {
			return i
		}
	}
	return len(entryChecks)
}

// noEntryCovers is the end of the chain of Refuse: it finds that no entry of allow covers the
// mapping, and says what the closest one lacks.
func noEntryCovers(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, f Facts) (Finding, bool) {
	closest, covers := closestEntry(p, m, f)
	if covers {
		return Finding{}, false
	}
	return entryChecks[closest.passed()].tells(closest), true
}

func namespaceIsNotAllowed(e entry) bool {
	return !chooses(e.rule().Namespaces, e.mapping.Namespace, e.facts.NamespaceLabels)
}

// chooses reports whether the selection chooses the namespace. What the API server would not take, a
// broken selector or one beside names, chooses nothing.
func chooses(s v1alpha1.NamespaceSelection, namespace string, known map[string]string) bool {
	if s.Selector == nil {
		return slices.Contains(s.Names, namespace)
	}
	if known == nil || len(s.Names) > 0 {
		return false
	}
	for key, value := range s.Selector.MatchLabels {
		if known[key] != value {
			return false // quickly: a selector takes a hundred times longer to build than to rule out
		}
	}
	selector, err := metav1.LabelSelectorAsSelector(s.Selector)
	return err == nil && selector.Matches(labels.Set(known))
}

func subjectKindIsNotAllowed(e entry) bool { return missingKind(e) != "" }

// missingKind returns the first kind of the mapping's subjects that the entry does not list.
func missingKind(e entry) v1alpha1.SubjectKind {
	for _, s := range e.mapping.Spec.Subjects {
		if !slices.Contains(e.rule().Subjects, s.Kind) {
			return s.Kind
		}
	}
	return ""
}

func rolePatternDoesNotMatch(e entry) bool {
	return e.mapping.Spec.Role.Managed == nil && !matchesAny(e.rule().Roles, e.mapping.Spec.Role.ARN)
}

func matchesAny[P ~string](patterns []P, arn string) bool {
	return slices.ContainsFunc(patterns, func(p P) bool { return matchARN(string(p), arn) })
}

func managedIsNotAllowed(e entry) bool {
	return e.mapping.Spec.Role.Managed != nil && e.rule().Managed == nil
}

// Each of the checks below finds nothing about an existing role; that the entry has bounds for a
// managed one is known from managedIsNotAllowed.

func pathIsOutsidePrefix(e entry) bool {
	if e.mapping.Spec.Role.Managed == nil {
		return false
	}
	// Without its last slash, /team would admit /team-b/ as well.
	prefix := e.rule().Managed.PathPrefix
	return !strings.HasSuffix(prefix, "/") || !strings.HasPrefix(e.mapping.ManagedRolePath(), prefix)
}

func boundaryDiffers(e entry) bool {
	if e.mapping.Spec.Role.Managed == nil {
		return false
	}
	own, demanded := e.mapping.Spec.Role.Managed.PermissionsBoundary, e.rule().Managed.PermissionsBoundary
	return own != "" && demanded != "" && own != demanded
}

func policyIsNotAllowed(e entry) bool { return foreignPolicy(e) != "" }

// foreignPolicy returns the first policy of the mapping's role that the entry does not list.
func foreignPolicy(e entry) string {
	if e.mapping.Spec.Role.Managed == nil {
		return ""
	}
	for _, arn := range e.mapping.Spec.Role.Managed.Policies {
		if !matchesAny(e.rule().Managed.Policies, string(arn)) {
			return string(arn)
		}
	}
	return ""
}

func inlinePoliciesAreNotAllowed(e entry) bool {
	managed := e.mapping.Spec.Role.Managed
	return managed != nil && len(managed.InlinePolicies) > 0 && !e.rule().Managed.InlinePolicies
}

func adoptionIsNotAllowed(e entry) bool {
	return e.mapping.Spec.Role.Managed != nil && adopts(e.mapping) && !e.rule().Managed.Adoption
}

func adopts(m *v1alpha1.RoleMapping) bool {
	return m.Spec.Adoption != "" && m.Spec.Adoption != v1alpha1.AdoptionNever
}

func thereAreTooManyRoles(e entry) bool {
	return e.mapping.Spec.Role.Managed != nil && e.facts.ManagedBefore >= e.rule().Managed.RoleLimit()
}
