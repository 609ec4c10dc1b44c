package mapping

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

// crowd is an index of 10,000 mappings in 1,000 namespaces, and of 1,000 mappings with managed roles
// in the namespace "crowded".
func crowd() *Index {
	x := NewIndex()
	for i := range 10_000 {
		x.Set(mapping(fmt.Sprintf("m-%d", i%10), uploaderRole, func(m *v1alpha1.RoleMapping) {
			m.Namespace = fmt.Sprintf("ns-%d", i/10)
			m.Spec.Subjects[0].Name = fmt.Sprintf("sa-%d", i%10)
		}))
		x.SetNamespace(fmt.Sprintf("ns-%d", i/10), map[string]string{"tier": "gold"})
	}
	for i := range 1000 {
		x.Set(crowded(i))
	}
	x.SetNamespace("crowded", map[string]string{"tier": "gold"})
	return x
}

func crowded(i int) *v1alpha1.RoleMapping {
	return managed(fmt.Sprintf("m-%d", i), createdAt(int64(i*7919%1000)), func(m *v1alpha1.RoleMapping) {
		m.Namespace = "crowded"
		m.Spec.Subjects[0].Name = fmt.Sprintf("sa-%d", i)
	})
}

// The time of one decision is that of the caller's own mappings and of the entries of allow, however
// many mappings there are.
func BenchmarkDecide(b *testing.B) {
	x := crowd()
	managed := makes(func(m *v1alpha1.AllowManaged) { m.MaxRoles = new(int32(1000)) }).Spec.Allow[0].Managed
	entry := func(s v1alpha1.NamespaceSelection) v1alpha1.AllowRule {
		rule := allow("", "arn:aws:iam::111122223333:role/reports-*")
		rule.Namespaces, rule.Managed = s, managed
		return rule
	}
	byName := func(name string) v1alpha1.AllowRule { return entry(v1alpha1.NamespaceSelection{Names: []string{name}}) }
	bySelector := func(tier string) v1alpha1.AllowRule {
		return entry(v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": tier}}})
	}
	last := func(entry func(string) v1alpha1.AllowRule, name string) []v1alpha1.AllowRule {
		var rules []v1alpha1.AllowRule
		for i := range 255 {
			rules = append(rules, entry(fmt.Sprint(i)))
		}
		return append(rules, entry(name))
	}
	for _, bm := range []struct {
		name      string
		namespace string
		account   string
		allow     []v1alpha1.AllowRule
	}{
		{"an existing role among 10,000 mappings", "ns-500", "sa-5", []v1alpha1.AllowRule{byName("ns-500")}},
		{"a managed role among 1,000 of its namespace", "crowded", "sa-500", []v1alpha1.AllowRule{byName("crowded")}},
		{"a namespace chosen by its labels", "crowded", "sa-500", []v1alpha1.AllowRule{bySelector("gold")}},
		{"the last of 256 entries with names", "crowded", "sa-500", last(byName, "crowded")},
		{"the last of 256 entries with selectors", "crowded", "sa-500", last(bySelector, "gold")},
	} {
		b.Run(bm.name, func(b *testing.B) {
			p := provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = bm.allow })
			s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: bm.namespace, Name: bm.account, Pod: idp.Pod{Name: "pod"}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decide(p, x.Candidates(s), x.Facts, s, Want{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A change keeps the ranks of its namespace in order without sorting them.
func BenchmarkSetAmong1000ManagedOfANamespace(b *testing.B) {
	x := crowd()
	m := crowded(500)
	b.ReportAllocs()
	for b.Loop() {
		x.Set(m)
	}
}
