package idp_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/mapping"
)

// A refusal names the line of allow that is missing. Whoever copies it into the SAMLProvider must not
// be refused by the API server, and then the mapping must be honoured.
func TestTheAPIServerTakesTheMissingLine(t *testing.T) {
	managed := func(change func(*v1alpha1.RoleMapping)) func(*v1alpha1.RoleMapping) {
		return func(m *v1alpha1.RoleMapping) {
			m.Spec.Role = v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID}}
			change(m)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.RoleMapping)
		older  int
	}{
		{"of an existing role", func(*v1alpha1.RoleMapping) {}, 0},
		{"of a role with an odd path", func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.ARN = "arn:aws:iam::" + accountID + `:role/te!am/a{b}"c:d/*/uploader+=,.@-_`
		}, 0},
		{"of a namespace that YAML takes for a boolean", func(m *v1alpha1.RoleMapping) { m.Namespace = "on" }, 0},
		{"of a managed role", managed(func(*v1alpha1.RoleMapping) {}), 0},
		{"of a managed role with all that it can have", managed(func(m *v1alpha1.RoleMapping) {
			m.Spec.Adoption = v1alpha1.AdoptionIfTagged
			m.Spec.Role.Managed.Path = "/te+am/a=b@c/"
			m.Spec.Role.Managed.PermissionsBoundary = "arn:aws:iam::" + accountID + ":policy/te!am/tenants"
			m.Spec.Role.Managed.Policies = []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::" + accountID + `:policy/t:m/{"x"}/write`}
			m.Spec.Role.Managed.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "s3", Document: `{"Version": "2012-10-17"}`}}
		}), 0},
		{"of a managed role beyond the default of maxRoles", managed(func(*v1alpha1.RoleMapping) {}), 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			m := &v1alpha1.RoleMapping{
				ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: "uploader"},
				Spec: v1alpha1.RoleMappingSpec{
					ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
					Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
					Role:        v1alpha1.Role{ARN: roleARN},
				},
			}
			tt.change(m)
			p := &v1alpha1.SAMLProvider{
				ObjectMeta: metav1.ObjectMeta{Name: "corp"},
				Spec: v1alpha1.SAMLProviderSpec{
					Issuer:   issuer,
					Accounts: []v1alpha1.Account{{ID: accountID, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}}},
				},
			}
			facts := mapping.Facts{ManagedBefore: tt.older}
			f, refused := mapping.Refuse(p, m, facts)
			g.Expect(refused).To(BeTrue())
			_, line, named := strings.Cut(f.Message, "to add: ")
			g.Expect(named).To(BeTrue(), f.Message)
			var rule v1alpha1.AllowRule
			g.Expect(yaml.UnmarshalStrict([]byte(line), &rule)).To(Succeed())

			p.Spec.Allow = []v1alpha1.AllowRule{rule}
			g.Expect(env.Client.Create(t.Context(), p.DeepCopy(), client.DryRunAll)).To(Succeed(), line)
			f, refused = mapping.Refuse(p, m, facts)
			g.Expect(refused).To(BeFalse(), f.Message)
		})
	}
}
