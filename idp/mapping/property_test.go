package mapping

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

// FuzzNothingIsGivenThatAllowDoesNotGive builds a provider, namespaces, mappings of both kinds and a
// request from a small alphabet, so that near misses are common, and compares the outcome with an
// oracle that shares no code with the package and is written the other way round: it lists what each
// entry of allow gives, where the package looks for what an entry lacks.
func FuzzNothingIsGivenThatAllowDoesNotGive(f *testing.F) {
	for seed := range uint64(5000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		o := oracle{provider: g.provider(), labels: g.namespaces(), mappings: g.mappings()}
		index := o.index()
		for _, m := range o.mappings {
			o.compareOne(t, index, m)
		}
		s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: pick(g, "a", "b"), Name: pick(g, "x", "y"), Pod: idp.Pod{Name: "pod"}}
		want := Want{RoleARN: pick(g, "", "", g.role(), o.arn(pick(g, o.mappings...)))}
		for _, offered := range [][]*v1alpha1.RoleMapping{o.mappings, index.Candidates(s)} {
			grant, err := Decide(o.provider, offered, index.Facts, s, want)
			if err == nil {
				o.checkGrant(t, s, want, grant)
			}
		}
	})
}

// The property is worth what the generator makes: each outcome has to come up, many times over.
func TestTheGeneratorReachesEveryOutcome(t *testing.T) {
	g := NewWithT(t)
	decidedBy := make([]int, len(entryChecks))
	honoured, granted := map[bool]int{}, map[bool]int{}
	for seed := range uint64(5000) {
		made := generator{rand.New(rand.NewPCG(seed, 0))}
		o := oracle{provider: made.provider(), labels: made.namespaces(), mappings: made.mappings()}
		x := o.index()
		for _, m := range o.mappings {
			if _, refused := Refuse(o.provider, m, x.Facts(m)); !refused {
				honoured[m.Spec.Role.Managed != nil]++
			} else if closest, covers := closestEntry(o.provider, m, x.Facts(m)); !covers {
				decidedBy[closest.passed()]++
			}
		}
		s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "a", Name: "x"}
		if grant, err := Decide(o.provider, x.Candidates(s), x.Facts, s, Want{}); err == nil {
			granted[len(grant.Tags) > 0]++
		}
	}
	t.Logf("closest entries by check: %v; honoured by managed: %v; granted by managed: %v", decidedBy, honoured, granted)
	g.Expect(decidedBy).To(HaveEach(BeNumerically(">=", 20)))
	g.Expect(honoured).To(And(HaveLen(2), HaveEach(BeNumerically(">=", 200))))
	g.Expect(granted).To(And(HaveLen(2), HaveEach(BeNumerically(">=", 50))))
}

// oracle knows all that there is, and what must come of it.
type oracle struct {
	provider *v1alpha1.SAMLProvider
	labels   map[string]map[string]string
	mappings []*v1alpha1.RoleMapping
}

func (o oracle) index() *Index {
	x := NewIndex()
	for name, labels := range o.labels {
		x.SetNamespace(name, labels)
	}
	for _, m := range o.mappings {
		x.Set(m)
	}
	return x
}

// compareOne holds what the package says of one mapping against the oracle, in both directions:
// nothing beyond allow is honoured, and what one entry gives in full is not refused.
func (o oracle) compareOne(t *testing.T, x *Index, m *v1alpha1.RoleMapping) {
	facts := x.Facts(m)
	if again := FactsOf(m, o.labels[m.Namespace], o.mappings); again.ManagedBefore != facts.ManagedBefore || again.ManagedBefore != o.rank(m) {
		t.Errorf("the rank of %s is %d for the index, %d for FactsOf and %d by sorting", nameOf(m), facts.ManagedBefore, again.ManagedBefore, o.rank(m))
	}
	honoured := o.honours(m)
	f, refused := Refuse(o.provider, m, facts)
	if refused == honoured {
		t.Fatalf("Refuse says %v (%s) of %s:\n%s", refused, f.Message, nameOf(m), o.describe(m))
	}
	if refused {
		o.checkMissingLine(t, m, facts, f)
		return
	}
	if arn, ok := RoleARN(o.provider, m); !ok || arn != o.arn(m) {
		t.Errorf("the role of %s is %q, not %q", nameOf(m), arn, o.arn(m))
	}
	if m.Spec.Role.Managed != nil && !o.bounds(m, PermissionsBoundary(o.provider, m, facts)) {
		t.Errorf("no entry of allow gives %s with boundary %q:\n%s", nameOf(m), PermissionsBoundary(o.provider, m, facts), o.describe(m))
	}
}

// checkMissingLine adds the line that the message names, and expects the mapping to be honoured.
func (o oracle) checkMissingLine(t *testing.T, m *v1alpha1.RoleMapping, facts Facts, f Finding) {
	_, line, found := strings.Cut(f.Message, "to add: ")
	if !found {
		return
	}
	var rule v1alpha1.AllowRule
	if err := yaml.UnmarshalStrict([]byte(line), &rule); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	amended := o.provider.DeepCopy()
	amended.Spec.Allow = append(amended.Spec.Allow, rule)
	if f, refused := Refuse(amended, m, facts); refused {
		t.Errorf("with %s in allow, %s is refused: %s", line, nameOf(m), f.Message)
	}
}

// checkGrant looks for a mapping that justifies all of the grant.
func (o oracle) checkGrant(t *testing.T, s idp.Subject, want Want, grant idp.Grant) {
	if want.RoleARN != "" && want.RoleARN != grant.RoleARN {
		t.Errorf("%s asked for %s and obtained %s", s, want.RoleARN, grant.RoleARN)
	}
	for _, m := range o.mappings {
		var tags []idp.Tag
		if m.Spec.Role.Managed != nil {
			if m.Status.Role == nil {
				continue // the role may be another's
			}
			tags = []idp.Tag{{Key: "attache.dev/mapping", Value: m.Namespace + "/" + m.Name}}
		}
		named := slices.Contains(m.Spec.Subjects, v1alpha1.Subject{Kind: "ServiceAccount", Name: s.Name})
		if m.Namespace == s.Namespace && named && grant.Mapping == m.Namespace+"/"+m.Name &&
			o.arn(m) == grant.RoleARN && slices.Equal(tags, grant.Tags) && o.honours(m) {
			return
		}
	}
	t.Errorf("%s obtained %+v, which nothing gives:\n%s", s, grant, o.describe(o.mappings...))
}

func (o oracle) describe(ms ...*v1alpha1.RoleMapping) string {
	said, _ := yaml.Marshal(map[string]any{"allow": o.provider.Spec.Allow, "deny": o.provider.Spec.Deny, "labels": o.labels, "mappings": ms})
	return string(said)
}

// honours reports whether the provider must honour the mapping.
func (o oracle) honours(m *v1alpha1.RoleMapping) bool {
	if o.provider.Spec.Deny || m.Spec.Deny || o.provider.DeletionTimestamp != nil || m.DeletionTimestamp != nil || m.Spec.ProviderRef.Name != "corp" {
		return false
	}
	if !regexp.MustCompile(`^arn:aws:iam::111122223333:role/(.*/)?[^/]+$`).MatchString(o.arn(m)) || m.Spec.Role.Managed != nil && m.Spec.Role.ARN != "" {
		return false
	}
	return slices.ContainsFunc(o.provider.Spec.Allow, func(r v1alpha1.AllowRule) bool { return o.gives(r, m) })
}

// bounds reports whether some entry gives the managed role with that boundary.
func (o oracle) bounds(m *v1alpha1.RoleMapping, boundary string) bool {
	return slices.ContainsFunc(o.provider.Spec.Allow, func(r v1alpha1.AllowRule) bool {
		demanded := ""
		if r.Managed != nil {
			demanded = r.Managed.PermissionsBoundary
		}
		return o.gives(r, m) && (boundary == demanded || demanded == "" && boundary == m.Spec.Role.Managed.PermissionsBoundary)
	})
}

// gives reports whether the entry gives all that the mapping asks for.
func (o oracle) gives(r v1alpha1.AllowRule, m *v1alpha1.RoleMapping) bool {
	given := o.namespacesOf(r)[m.Namespace]
	for _, s := range m.Spec.Subjects {
		given = given && strings.Contains(fmt.Sprint(r.Subjects), string(s.Kind))
	}
	wanted := m.Spec.Role.Managed
	if wanted == nil {
		return given && anyMatches(r.Roles, m.Spec.Role.ARN)
	}
	bounds := r.Managed
	if bounds == nil {
		return false
	}
	for _, p := range wanted.Policies {
		given = given && anyMatches(bounds.Policies, string(p))
	}
	limit := 20
	if bounds.MaxRoles != nil {
		limit = int(*bounds.MaxRoles)
	}
	inBounds := map[string]bool{"": true, bounds.PermissionsBoundary: true}[wanted.PermissionsBoundary] || bounds.PermissionsBoundary == ""
	return given && inBounds &&
		strings.Index(o.arn(m), ":role"+bounds.PathPrefix) > 0 &&
		(bounds.InlinePolicies || wanted.InlinePolicies == nil) &&
		(bounds.Adoption || m.Spec.Adoption != "IfTagged") &&
		o.rank(m) < limit
}

// namespacesOf lists the namespaces that the entry speaks of.
func (o oracle) namespacesOf(r v1alpha1.AllowRule) map[string]bool {
	chosen := map[string]bool{}
	for _, name := range r.Namespaces.Names {
		chosen[name] = true
	}
	for name, labels := range o.labels {
		if r.Namespaces.Selector != nil && selects(r.Namespaces.Selector, labels) {
			chosen[name] = true
		}
	}
	return chosen
}

func selects(s *metav1.LabelSelector, labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		value, has := labels[e.Key]
		in := has && slices.Contains(e.Values, value)
		// An operator that there is not, and values where they do not belong, hold for nothing.
		holds := map[metav1.LabelSelectorOperator]bool{"In": in, "NotIn": !in, "Exists": has, "DoesNotExist": !has}[e.Operator]
		wantsValues := e.Operator == "In" || e.Operator == "NotIn"
		if !holds || wantsValues == (len(e.Values) == 0) {
			return false
		}
	}
	return true
}

// anyMatches turns each pattern into a regular expression.
func anyMatches[P ~string](patterns []P, arn string) bool {
	for _, p := range patterns {
		head, path, _ := strings.Cut(string(p), "/")
		expression := "^" + regexp.QuoteMeta(head) + "/" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, `[^/]*`) + "$"
		if regexp.MustCompile(expression).MatchString(arn) {
			return true
		}
	}
	return false
}

// rank sorts all mappings of the namespace, and counts.
func (o oracle) rank(m *v1alpha1.RoleMapping) int {
	var names []string
	name := func(m *v1alpha1.RoleMapping) string {
		return m.CreationTimestamp.UTC().Format("2006-01-02T15:04:05 ") + m.Name
	}
	for _, other := range o.mappings {
		if other.Namespace == m.Namespace && other.Spec.ProviderRef.Name == m.Spec.ProviderRef.Name && other.Spec.Role.Managed != nil {
			names = append(names, name(other))
		}
	}
	slices.Sort(names)
	older := 0
	for older < len(names) && names[older] < name(m) {
		older++
	}
	return older
}

func (o oracle) arn(m *v1alpha1.RoleMapping) string {
	managed := m.Spec.Role.Managed
	if managed == nil {
		return m.Spec.Role.ARN
	}
	path, name := managed.Path, managed.Name
	if path == "" {
		path = "/attache/" + m.Namespace + "/"
	}
	if name == "" {
		name = m.Namespace + "." + m.Name
	}
	return "arn:aws:iam::" + managed.AccountID + ":role" + path + name
}
