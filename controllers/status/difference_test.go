package status

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
)

func TestDescribe(t *testing.T) {
	var many []v1alpha1.Difference
	for i := range 10 {
		many = append(many, v1alpha1.Difference{Field: fmt.Sprintf("tags[%d]", i), Wanted: "x"})
	}
	for _, row := range []struct {
		name        string
		differences []v1alpha1.Difference
		want        string
	}{
		{"nothing", nil, ""},
		{"a value that was changed", []v1alpha1.Difference{{Field: "issuer", Wanted: "a", Found: "b"}}, "issuer b -> a"},
		{"what is missing and what is too much", []v1alpha1.Difference{{Field: "keys[1]", Wanted: "trusted"}, {Field: "keys[2]", Found: "trusted"}}, "keys[1] none -> trusted; keys[2] trusted -> none"},
		{"a long value", []v1alpha1.Difference{{Field: "trustPolicy", Wanted: strings.Repeat("é", 200)}}, "trustPolicy none -> " + strings.Repeat("é", 38) + "..."},
		{"more than people read", many, "tags[0] none -> x; tags[1] none -> x; tags[2] none -> x; tags[3] none -> x; tags[4] none -> x; tags[5] none -> x; tags[6] none -> x; tags[7] none -> x; and 2 more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(Describe(row.differences)).To(Equal(row.want))
		})
	}
}
