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

func TestMayAdopt(t *testing.T) {
	provider := awsiam.Owner{ClusterUID: "c1", ObjectUID: "o2", Name: "corp"}
	mapping := awsiam.Owner{ClusterUID: "c1", ObjectUID: "o2", Namespace: "reports", Name: "uploader"}
	former := func(o awsiam.Owner) map[string]string { o.ObjectUID = "o1"; return o.Tags() }
	for _, row := range []struct {
		name  string
		owner awsiam.Owner
		tags  map[string]string
		want  bool
	}{
		{"a provider that is offered", provider, map[string]string{awsiam.TagAdopt: "corp"}, true},
		{"a role that is offered", mapping, map[string]string{awsiam.TagAdopt: "reports/uploader"}, true},
		{"what is offered to another", mapping, map[string]string{awsiam.TagAdopt: "sales/uploader"}, false},
		{"a role that is offered by the name alone", mapping, map[string]string{awsiam.TagAdopt: "uploader"}, false},
		{"what was made for the same object before it was made anew", mapping, former(mapping), true},
		{"what another cluster made for an object of the same name", mapping, former(awsiam.Owner{ClusterUID: "c2", Namespace: "reports", Name: "uploader"}), false},
		{"what was made for an object of that name in another namespace", mapping, former(awsiam.Owner{ClusterUID: "c1", Namespace: "sales", Name: "uploader"}), false},
		{"what was made for a provider of a mapping's name", mapping, former(awsiam.Owner{ClusterUID: "c1", Name: "uploader"}), false},
		{"what is offered to another and was made for the same", provider, map[string]string{awsiam.TagAdopt: "other", awsiam.TagClusterUID: "c1", awsiam.TagName: "corp"}, true},
		{"what carries no tags", provider, nil, false},
		{"nothing, by nobody", awsiam.Owner{}, map[string]string{awsiam.TagAdopt: ""}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(row.owner.MayAdopt(row.tags)).To(Equal(row.want))
		})
	}
}
