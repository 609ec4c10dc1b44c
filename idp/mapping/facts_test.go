package mapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

func TestASelectionChoosesNamespaces(t *testing.T) {
	labels := map[string]string{"kubernetes.io/metadata.name": "reports", "tier": "gold"}
	expression := func(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	gold := &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}
	for _, tt := range []struct {
		name      string
		selection v1alpha1.NamespaceSelection
		labels    map[string]string
		want      bool
	}{
		{"by its name", v1alpha1.NamespaceSelection{Names: []string{"billing", "reports"}}, labels, true},
		{"by its name although its labels are not known", v1alpha1.NamespaceSelection{Names: []string{"reports"}}, nil, true},
		{"not by another name", v1alpha1.NamespaceSelection{Names: []string{"report"}}, labels, false},
		{"by a label", v1alpha1.NamespaceSelection{Selector: gold}, labels, true},
		{"not by another label", v1alpha1.NamespaceSelection{Selector: gold}, map[string]string{"tier": "silver"}, false},
		{"by an expression", v1alpha1.NamespaceSelection{Selector: expression("tier", metav1.LabelSelectorOpIn, "gold", "silver")}, labels, true},
		{"by the lack of a label", v1alpha1.NamespaceSelection{Selector: expression("test", metav1.LabelSelectorOpDoesNotExist)}, labels, true},
		{"by an empty selector", v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{}}, labels, true},
		{"by an empty selector, without any label", v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{}}, map[string]string{}, true},
		{"not by an empty selector while it is not known", v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{}}, nil, false},
		{"not by the lack of a label while it is not known", v1alpha1.NamespaceSelection{Selector: expression("test", metav1.LabelSelectorOpDoesNotExist)}, nil, false},
		{"not by an operator that there is not", v1alpha1.NamespaceSelection{Selector: expression("tier", "Like", "g%")}, labels, false},
		{"not by an operator that lacks its values", v1alpha1.NamespaceSelection{Selector: expression("test", metav1.LabelSelectorOpNotIn)}, labels, false},
		{"not by a selector beside names", v1alpha1.NamespaceSelection{Names: []string{"reports"}, Selector: gold}, labels, false},
		{"not by nothing", v1alpha1.NamespaceSelection{}, labels, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			NewWithT(t).Expect(chooses(tt.selection, "reports", tt.labels)).To(Equal(tt.want))
		})
	}
}

func createdAt(seconds int64) func(*v1alpha1.RoleMapping) {
	return func(m *v1alpha1.RoleMapping) { m.CreationTimestamp = metav1.Unix(seconds, 0) }
}

func TestFactsOfCountsOlderManagedRoles(t *testing.T) {
	subject := managed("m", createdAt(100))
	for _, tt := range []struct {
		name  string
		other *v1alpha1.RoleMapping
		want  int
	}{
		{"an older mapping counts", managed("z", createdAt(99)), 1},
		{"a younger mapping does not", managed("a", createdAt(101)), 0},
		{"of the same second, the name decides for one", managed("l", createdAt(100)), 1},
		{"of the same second, the name decides for the other", managed("n", createdAt(100)), 0},
		{"the mapping itself does not count", subject, 0},
		{"a mapping that is being deleted has its role still", managed("a", createdAt(99), isBeingDeleted), 1},
		{"an existing role does not count", mapping("a", uploaderRole, createdAt(99)), 0},
		{"another namespace does not count", managed("a", createdAt(99), func(m *v1alpha1.RoleMapping) { m.Namespace = "billing" }), 0},
		{"another provider does not count", managed("a", createdAt(99), func(m *v1alpha1.RoleMapping) { m.Spec.ProviderRef.Name = "lab" }), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			labels := map[string]string{"tier": "gold"}
			g.Expect(FactsOf(subject, labels, mappings{tt.other})).To(Equal(Facts{NamespaceLabels: labels, ManagedBefore: tt.want}))

			x := NewIndex()
			x.Set(subject)
			x.Set(tt.other)
			g.Expect(x.Facts(subject).ManagedBefore).To(Equal(tt.want), "the index says the same")
		})
	}
}

func TestTheIndexKnowsNamespaces(t *testing.T) {
	g := NewWithT(t)
	x, m := NewIndex(), managed("uploader")
	g.Expect(x.Facts(m).NamespaceLabels).To(BeNil())
	x.SetNamespace("reports", map[string]string{"tier": "gold"})
	g.Expect(x.Facts(m).NamespaceLabels).To(HaveKeyWithValue("tier", "gold"))
	x.SetNamespace("reports", nil)
	g.Expect(x.Facts(m).NamespaceLabels).To(And(Not(BeNil()), BeEmpty()), "known, and without labels")
	x.DeleteNamespace("reports")
	g.Expect(x.Facts(m).NamespaceLabels).To(BeNil())
	g.Expect(x.namespaces).To(BeEmpty())
}

func TestTheRankFollowsTheMappings(t *testing.T) {
	g := NewWithT(t)
	x := NewIndex()
	a, b, c := managed("a", createdAt(1)), managed("b", createdAt(2)), managed("c", createdAt(2))
	for _, m := range []*v1alpha1.RoleMapping{c, a, b} {
		x.Set(m)
	}
	rank := func(m *v1alpha1.RoleMapping) int { return x.Facts(m).ManagedBefore }
	g.Expect([]int{rank(a), rank(b), rank(c)}).To(Equal([]int{0, 1, 2}))

	x.Set(managed("b", createdAt(2), isDefault))
	g.Expect(rank(c)).To(Equal(2), "a change of the spec changes no rank")

	x.Set(managed("a", createdAt(time.Now().Unix())))
	g.Expect([]int{rank(b), rank(c)}).To(Equal([]int{0, 1}), "one that was deleted and created again is the youngest")

	x.Set(mapping("b", uploaderRole, createdAt(2)))
	g.Expect(rank(c)).To(BeZero(), "an existing role counts no more")

	for _, name := range []string{"a", "b", "c"} {
		x.Delete("reports", name)
	}
	g.Expect(x.managed).To(BeEmpty(), "nothing is left behind")
}
