package awsiam_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
)

func TestOwns(t *testing.T) {
	owner := awsiam.Owner{ClusterUID: "c1", ObjectUID: "o1", Name: "corp"}
	for _, row := range []struct {
		name  string
		owner awsiam.Owner
		tags  map[string]string
		want  bool
	}{
		{"its own tags", owner, owner.Tags(), true},
		{"another name under the same UIDs, as the name is for people", owner, map[string]string{awsiam.TagClusterUID: "c1", awsiam.TagObjectUID: "o1"}, true},
		{"no tags", owner, nil, false},
		{"the same object of another cluster", owner, awsiam.Owner{ClusterUID: "c2", ObjectUID: "o1", Name: "corp"}.Tags(), false},
		{"an earlier object of the same name", owner, awsiam.Owner{ClusterUID: "c1", ObjectUID: "o0", Name: "corp"}.Tags(), false},
		{"an owner without UIDs owns nothing", awsiam.Owner{}, map[string]string{}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(row.owner.Owns(row.tags)).To(Equal(row.want))
		})
	}
}
