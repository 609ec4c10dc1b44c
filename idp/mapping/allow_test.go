package mapping

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
)

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		name     string
		provider *v1alpha1.SAMLProvider
		mapping  *v1alpha1.RoleMapping
		facts    Facts
		want     Finding
	}{
		{
			name:     "a mapping that an entry covers is honoured",
			provider: provider(),
			mapping:  mapping("uploader", uploaderRole),
		},
		{
			name:     "a mapping that is being deleted is not honoured",
			provider: provider(),
			mapping:  mapping("uploader", uploaderRole, isBeingDeleted),
			want:     Finding{v1alpha1.ReasonDeleting, "RoleMapping reports/uploader is being deleted"},
		},
		{
			name: "a provider that is being deleted honours nothing",
			provider: provider(func(p *v1alpha1.SAMLProvider) {
				p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}),
			mapping: mapping("uploader", uploaderRole),
			want:    Finding{v1alpha1.ReasonDeleting, `SAMLProvider "corp" is being deleted`},
		},
		{
			name:     "a provider that denies honours nothing",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true }),
			mapping:  mapping("uploader", uploaderRole),
			want: Finding{v1alpha1.ReasonDenied,
				`spec.deny of SAMLProvider "corp" is true, which stops every delegation; ask its owner when that will end`},
		},
		{
			name:     "a mapping that denies is not honoured",
			provider: provider(),
			mapping:  mapping("uploader", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true }),
			want: Finding{v1alpha1.ReasonDenied,
				`spec.deny of RoleMapping reports/uploader is true, which stops every delegation by it; take it out to allow them again`},
		},
		{
			name:     "suspend stops the operator and not the credentials",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Suspend = true }),
			mapping:  mapping("uploader", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.Suspend = true }),
		},
		{
			name:     "a mapping of another provider is not honoured",
			provider: provider(),
			mapping: mapping("uploader", uploaderRole, func(m *v1alpha1.RoleMapping) {
				m.Spec.ProviderRef.Name = "lab"
			}),
			want: Finding{v1alpha1.ReasonProviderNotFound,
				`spec.providerRef.name of RoleMapping reports/uploader is "lab", which SAMLProvider "corp" does not answer for`},
		},
		{
			name:     "an ARN that is not a role's is refused with an example",
			provider: provider(),
			mapping:  mapping("uploader", "arn:aws:iam::111122223333:user/reports-uploader"),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.role.arn of RoleMapping reports/uploader: "arn:aws:iam::111122223333:user/reports-uploader" is not the ARN of an IAM role: write arn:aws:iam::111122223333:role/NAME`},
		},
		{
			name:     "a role of an account that is not listed is refused before allow is read",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil }),
			mapping:  mapping("uploader", "arn:aws:iam::999900001111:role/reports-uploader"),
			want: Finding{v1alpha1.ReasonAccountNotListed,
				`arn:aws:iam::999900001111:role/reports-uploader is a role of account 999900001111, which spec.accounts of SAMLProvider "corp" does not list; use a role of 111122223333, or a SAMLProvider that lists 999900001111`},
		},
		{
			name:     "a role of another partition than the account's region is refused",
			provider: provider(),
			mapping:  mapping("uploader", "arn:aws-cn:iam::111122223333:role/reports-uploader"),
			want: Finding{v1alpha1.ReasonPartitionMismatch,
				`arn:aws-cn:iam::111122223333:role/reports-uploader is in partition aws-cn, but SAMLProvider "corp" reaches account 111122223333 in region eu-west-1, which is in partition aws; write arn:aws:iam::...`},
		},
		{
			name:     "a namespace without an entry is refused with the line to add",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow[0].Namespaces.Names = []string{"billing"} }),
			mapping:  mapping("uploader", uploaderRole),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.allow of SAMLProvider "corp" has no entry for namespace "reports" that covers arn:aws:iam::111122223333:role/reports-uploader; ask its owner to add: {namespaces: {names: [reports]}, subjects: [ServiceAccount], roles: ["arn:aws:iam::111122223333:role/reports-uploader"]}`},
		},
		{
			name:     "a kind of subject that no entry of the namespace lists is refused",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow[0].Subjects = []v1alpha1.SubjectKind{"Group"} }),
			mapping:  mapping("uploader", uploaderRole),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.allow of SAMLProvider "corp" has an entry for namespace "reports", but none whose subjects include ServiceAccount; ask its owner to add: {namespaces: {names: [reports]}, subjects: [ServiceAccount], roles: ["arn:aws:iam::111122223333:role/reports-uploader"]}`},
		},
		{
			name:     "a role that no pattern of the namespace matches is refused",
			provider: provider(),
			mapping:  mapping("admin", "arn:aws:iam::111122223333:role/admin"),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.allow of SAMLProvider "corp" has an entry for namespace "reports", but none whose roles match arn:aws:iam::111122223333:role/admin (* never matches /); ask its owner to add: {namespaces: {names: [reports]}, subjects: [ServiceAccount], roles: ["arn:aws:iam::111122223333:role/admin"]}`},
		},
		{
			name: "entries do not add up over the kinds of a mapping's subjects",
			provider: provider(func(p *v1alpha1.SAMLProvider) {
				group := allow("reports", uploaderRole)
				group.Subjects = []v1alpha1.SubjectKind{"Group"}
				p.Spec.Allow = append(p.Spec.Allow, group)
			}),
			mapping: mapping("uploader", uploaderRole, func(m *v1alpha1.RoleMapping) {
				m.Spec.Subjects = append(m.Spec.Subjects, v1alpha1.Subject{Kind: "Group", Name: "reporters"})
			}),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.allow of SAMLProvider "corp" has an entry for namespace "reports", but none whose subjects include Group; ask its owner to add: {namespaces: {names: [reports]}, subjects: [ServiceAccount, Group], roles: ["arn:aws:iam::111122223333:role/reports-uploader"]}`},
		},
		{
			name: "two entries that each cover a part do not cover the whole",
			provider: provider(func(p *v1alpha1.SAMLProvider) {
				other := allow("billing", "arn:aws:iam::111122223333:role/admin")
				group := allow("reports", "arn:aws:iam::111122223333:role/admin")
				group.Subjects = []v1alpha1.SubjectKind{"Group"}
				p.Spec.Allow = append(p.Spec.Allow, other, group)
			}),
			mapping: mapping("admin", "arn:aws:iam::111122223333:role/admin"),
			want: Finding{v1alpha1.ReasonNotAllowedByProvider,
				`spec.allow of SAMLProvider "corp" has an entry for namespace "reports", but none whose roles match arn:aws:iam::111122223333:role/admin (* never matches /); ask its owner to add: {namespaces: {names: [reports]}, subjects: [ServiceAccount], roles: ["arn:aws:iam::111122223333:role/admin"]}`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			f, refused := Refuse(tt.provider, tt.mapping, tt.facts)
			g.Expect(refused).To(Equal(tt.want != Finding{}))
			if refused {
				g.Expect(f).To(Equal(tt.want))
			}
		})
	}
}

func TestTheMissingLineAdmitsTheMapping(t *testing.T) {
	for name, namespace := range map[string]string{
		"an ordinary namespace":                      "reports",
		"a namespace that YAML reads as a number":    "123",
		"a namespace that YAML reads as a float":     "1e3",
		"a namespace that YAML reads as a boolean":   "on",
		"a namespace that YAML reads as null":        "null",
		"a namespace that YAML reads as a timestamp": "2026-11-23",
	} {
		for _, role := range []string{
			uploaderRole,
			"arn:aws:iam::111122223333:role/team/reports/uploader",
			"arn:aws:iam::111122223333:role/te!am/a{b}\"c/uploader+=,.@-_",
		} {
			t.Run(name+" and "+role, func(t *testing.T) {
				g := NewWithT(t)
				p := provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil })
				m := mapping("uploader", role, func(m *v1alpha1.RoleMapping) { m.Namespace = namespace })
				f, refused := Refuse(p, m, Facts{})
				g.Expect(refused).To(BeTrue())

				_, line, found := strings.Cut(f.Message, "add: ")
				g.Expect(found).To(BeTrue())
				var rule v1alpha1.AllowRule
				g.Expect(yaml.UnmarshalStrict([]byte(line), &rule)).To(Succeed())
				for _, r := range rule.Roles {
					g.Expect(string(r)).To(MatchRegexp(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[\w+=,.@*/-]+$`), "the CRD must take it")
				}
				p.Spec.Allow = []v1alpha1.AllowRule{rule}
				f, refused = Refuse(p, m, Facts{})
				g.Expect(refused).To(BeFalse(), f.Message)
			})
		}
	}
}
