package mapping

import (
	"fmt"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
)

func TestIndex(t *testing.T) {
	g := NewWithT(t)
	x := NewIndex()
	b, a := mapping("b", readerRole), mapping("a", uploaderRole)
	x.Set(b)
	x.Set(a)
	x.Set(mapping("elsewhere", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Namespace = "billing" }))
	g.Expect(x.Candidates(uploader())).To(Equal([]*v1alpha1.RoleMapping{a, b}), "those of the namespace, by name")

	person := uploader()
	person.Kind = "User"
	g.Expect(x.Candidates(person)).To(BeEmpty(), "a service account's mappings are not a person's")

	x.Set(mapping("a", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.Subjects[0].Name = "other" }))
	g.Expect(x.Candidates(uploader())).To(Equal([]*v1alpha1.RoleMapping{b}), "a mapping that no longer names the subject is gone")

	x.Delete("reports", "b")
	x.Delete("reports", "never-there")
	g.Expect(x.Candidates(uploader())).To(BeEmpty())

	x.Delete("reports", "a")
	x.Delete("billing", "elsewhere")
	g.Expect(x.mappings).To(BeEmpty())
	g.Expect(x.byServiceAccount).To(BeEmpty(), "nothing is left behind")
}

func TestIndexServesReadersWhileItChanges(t *testing.T) {
	g := NewWithT(t)
	x := NewIndex()
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				x.Set(mapping(fmt.Sprintf("m%d", w), uploaderRole))
				if i%2 == 1 {
					x.Delete("reports", fmt.Sprintf("m%d", w))
				}
			}
		})
	}
	for range 1000 {
		for _, m := range x.Candidates(uploader()) {
			g.Expect(m.Namespace).To(Equal("reports"))
		}
	}
	writers.Wait()
	g.Expect(x.Candidates(uploader())).To(BeEmpty())
}
