package role_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
)

func TestDifferencesAreNamedAsInTheSpec(t *testing.T) {
	for _, row := range []struct {
		name string
		held change
		want []v1alpha1.Difference
	}{
		{"none", func(*role.Role) {}, nil},
		{"the ARN's case", func(r *role.Role) { r.ARN = strings.ToUpper(arn) }, []v1alpha1.Difference{{Field: "arn", Wanted: arn, Found: strings.ToUpper(arn)}}},
		{"a description", func(r *role.Role) { r.Description = "" }, []v1alpha1.Difference{{Field: "description", Wanted: "Uploads reports"}}},
		{"a duration", func(r *role.Role) { r.MaxSessionDuration = 90 * time.Minute }, []v1alpha1.Difference{{Field: "maxSessionDuration", Wanted: "1h", Found: "1h30m"}}},
		{"a duration and description that are not known", func(r *role.Role) { r.MaxSessionDuration, r.Description = 0, "" }, nil},
		{"the trust policy", func(r *role.Role) { r.TrustPolicy = trustTwo }, []v1alpha1.Difference{{Field: "trustPolicy", Wanted: trustOne, Found: trustTwo}}},
		{"a trust policy that is written otherwise", func(r *role.Role) { r.TrustPolicy = " " + r.TrustPolicy }, nil},
		{"the boundary", func(r *role.Role) { r.PermissionsBoundary = "" }, []v1alpha1.Difference{{Field: "permissionsBoundary", Wanted: tenants}}},
		{
			"policies", func(r *role.Role) { r.Policies = []string{"arn:aws:iam::aws:policy/AdministratorAccess"} },
			[]v1alpha1.Difference{
				{Field: "policies[AdministratorAccess]", Found: "arn:aws:iam::aws:policy/AdministratorAccess"},
				{Field: "policies[ReadOnlyAccess]", Wanted: readOnly},
			},
		},
		{
			"inline policies", func(r *role.Role) {
				r.InlinePolicies = map[string]string{"s3": document("Allow", "s3:*"), "admin": document("Allow", "*")}
			},
			[]v1alpha1.Difference{
				{Field: "inlinePolicies[admin]", Found: document("Allow", "*")},
				{Field: "inlinePolicies[s3]", Wanted: document("Allow", "s3:PutObject"), Found: document("Allow", "s3:*")},
			},
		},
		{
			"tags, of which others stay", func(r *role.Role) { r.Tags = map[string]string{"TEAM": "reports", "costs": "42"} },
			[]v1alpha1.Difference{{Field: "tags[attache.dev/name]", Wanted: "uploader"}},
		},
		{
			"an empty tag is not a missing one", func(r *role.Role) { r.Tags = map[string]string{"team": "", "attache.dev/name": "uploader"} },
			[]v1alpha1.Difference{{Field: "tags[team]", Wanted: "reports", Found: `""`}},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(role.Differences(uploader(), changed(row.held))).To(Equal(row.want))
		})
	}
}

func TestDifferencesFitIntoStatus(t *testing.T) {
	g := NewWithT(t)
	held := uploader()
	for i := range 100 {
		held.InlinePolicies[fmt.Sprintf("%03d%s", i, strings.Repeat("é", 200))] = strings.Repeat("é", 600)
	}
	differences := role.Differences(uploader(), held)
	g.Expect(differences).To(HaveLen(64))
	for _, d := range differences {
		g.Expect(len(d.Field)).To(BeNumerically("<=", 256))
		g.Expect(len(d.Found)).To(BeNumerically("<=", 512))
		g.Expect(d.Field + d.Found).To(Satisfy(func(s string) bool { return strings.ToValidUTF8(s, "") == s }))
		g.Expect(d.Found).To(HaveSuffix("…"))
	}
}
