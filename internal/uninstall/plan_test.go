package uninstall

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

func TestNextGoesByTheOrderInWhichAWSCanFollow(t *testing.T) {
	type (
		mappings  = []*v1alpha1.RoleMapping
		providers = []*v1alpha1.SAMLProvider
		names     = []string
	)
	for _, row := range []struct {
		name                     string
		found                    Inventory
		retain                   bool
		order                    Order
		retains, deletes, awaits names
	}{
		{
			name: "nothing is left",
		},
		{
			name:    "roles before the providers that they trust",
			found:   Inventory{mappings{mapping("a"), mapping("b")}, providers{provider("corp")}},
			deletes: names{"RoleMapping reports/a", "RoleMapping reports/b"},
			awaits:  names{"RoleMapping reports/a", "RoleMapping reports/b"},
		},
		{
			name:    "what is being deleted is waited for, and not deleted again",
			found:   Inventory{mappings{mapping("a", beingDeleted), mapping("b")}, providers{provider("corp")}},
			deletes: names{"RoleMapping reports/b"},
			awaits:  names{"RoleMapping reports/a", "RoleMapping reports/b"},
		},
		{
			name:    "providers when the last role is gone",
			found:   Inventory{nil, providers{provider("corp"), provider("old", beingDeleted)}},
			deletes: names{"SAMLProvider corp"},
			awaits:  names{"SAMLProvider corp", "SAMLProvider old"},
		},
		{
			name:    "all at once where nobody must bring about what lives",
			found:   Inventory{mappings{mapping("a")}, providers{provider("corp")}},
			order:   AllAtOnce,
			deletes: names{"RoleMapping reports/a", "SAMLProvider corp"},
			awaits:  names{"RoleMapping reports/a", "SAMLProvider corp"},
		},
		{
			name:    "everything says Retain before anything is deleted, the providers whose turn comes later too",
			found:   Inventory{mappings{mapping("a"), mapping("b", mappingIsRetained)}, providers{provider("corp"), provider("old", providerIsRetained)}},
			retain:  true,
			retains: names{"RoleMapping reports/a", "SAMLProvider corp"},
			deletes: names{"RoleMapping reports/a", "RoleMapping reports/b"},
			awaits:  names{"RoleMapping reports/a", "RoleMapping reports/b"},
		},
		{
			name:    "what is being deleted already can still be retained",
			found:   Inventory{mappings{mapping("a", beingDeleted)}, nil},
			retain:  true,
			retains: names{"RoleMapping reports/a"},
			awaits:  names{"RoleMapping reports/a"},
		},
		{
			name:   "nobody's deletionPolicy is touched unless asked",
			found:  Inventory{mappings{mapping("a", mappingIsRetained, beingDeleted)}, nil},
			awaits: names{"RoleMapping reports/a"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			step := row.found.Next(row.retain, row.order)
			g.Expect(namesOf(step.Retain)).To(Equal(row.retains))
			g.Expect(namesOf(step.Delete)).To(Equal(row.deletes))
			g.Expect(namesOf(step.Await)).To(Equal(row.awaits))
		})
	}
}

func namesOf(objects []client.Object) []string {
	var names []string
	for _, o := range objects {
		names = append(names, Name(o))
	}
	return names
}
