package rolemapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp/mapping"
)

const tenants = "arn:aws:iam::111122223333:policy/tenants"

func TestWanted(t *testing.T) {
	owner := awsiam.Owner{ClusterUID: clusterUID, ObjectUID: "o1", Namespace: "reports", Name: "uploader"}
	bounded := func(p *v1alpha1.SAMLProvider) { p.Spec.Allow[0].Managed.PermissionsBoundary = tenants }
	bare := func(m *v1alpha1.RoleMapping) {
		m.Spec.Role = v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID, Path: "/reports/"}}
	}
	for _, row := range []struct {
		name     string
		provider *v1alpha1.SAMLProvider
		mapping  *v1alpha1.RoleMapping
		want     func(Gomega, role.Role)
	}{
		{"a mapping that says nothing of its role has one with nothing", newProvider(), newMapping(bare), func(g Gomega, r role.Role) {
			g.Expect(r.ARN).To(Equal(managedARN))
			g.Expect(r.MaxSessionDuration).To(Equal(time.Hour))
			g.Expect(r.PermissionsBoundary).To(BeEmpty())
			g.Expect(r.Policies).To(BeEmpty())
			g.Expect(r.InlinePolicies).To(BeEmpty())
			g.Expect(r.Tags).To(Equal(owner.Tags()))
		}},
		{"the boundary that allow demands is the role's", newProvider(bounded), newMapping(bare), func(g Gomega, r role.Role) {
			g.Expect(r.PermissionsBoundary).To(Equal(tenants))
		}},
		{"sessions that last longer than an hour raise the maximum", newProvider(), newMapping(bare, func(m *v1alpha1.RoleMapping) {
			m.Spec.Session.Duration = &metav1.Duration{Duration: 3 * time.Hour}
		}), func(g Gomega, r role.Role) {
			g.Expect(r.MaxSessionDuration).To(Equal(3 * time.Hour))
		}},
		{"policies come in the order of their names", newProvider(), newMapping(bare, func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.Managed.Policies = []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/B", "arn:aws:iam::aws:policy/A"}
		}), func(g Gomega, r role.Role) {
			g.Expect(r.Policies).To(Equal([]string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"}))
		}},
		{"the role of an Observed account is not marked as the operator's", newProvider(observed), newMapping(managed), func(g Gomega, r role.Role) {
			g.Expect(r.Tags).To(Equal(map[string]string{"team": "reports"}))
		}},
		{"an adopted role stays marked as such", newProvider(), newMapping(bare, func(m *v1alpha1.RoleMapping) {
			m.Status.Role = &v1alpha1.RoleStatus{ARN: managedARN, State: v1alpha1.RoleSynced, Adopted: true}
		}), func(g Gomega, r role.Role) {
			g.Expect(r.Tags).To(HaveKeyWithValue(awsiam.TagAdopted, "true"))
		}},
		{"another partition has other ARNs and addresses", newProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "cn-north-1" }), newMapping(bare), func(g Gomega, r role.Role) {
			g.Expect(r.ARN).To(Equal("arn:aws-cn:iam::111122223333:role/reports/reports.uploader"))
			g.Expect(r.TrustPolicy).To(And(ContainSubstring("arn:aws-cn:iam::111122223333:saml-provider/corp"), ContainSubstring("https://signin.amazonaws.cn/saml")))
		}},
		{"the trust policy names the IAM provider as the account has it", newProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ProviderName = "corp-eu" }), newMapping(bare), func(g Gomega, r role.Role) {
			g.Expect(r.TrustPolicy).To(ContainSubstring("saml-provider/corp-eu"))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want(NewWithT(t), wanted(row.provider, row.mapping, mapping.Facts{NamespaceLabels: map[string]string{}}, owner))
		})
	}
}

func TestTheTrustPolicyIsThatOfTheAccountsPartition(t *testing.T) {
	p := newProvider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Accounts = append(p.Spec.Accounts,
			v1alpha1.Account{ID: "222233334444", Region: "cn-north-1"}, v1alpha1.Account{ID: "333344445555", Region: "us-gov-west-1"})
	})
	for _, row := range []struct{ name, account, provider, acs string }{
		{"aws", accountID, providerARN, "https://signin.aws.amazon.com/saml"},
		{"aws-cn", "222233334444", "arn:aws-cn:iam::222233334444:saml-provider/corp", "https://signin.amazonaws.cn/saml"},
		{"aws-us-gov", "333344445555", "arn:aws-us-gov:iam::333344445555:saml-provider/corp", "https://signin.amazonaws-us-gov.com/saml"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMapping(managed, func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.AccountID = row.account })
			held := wanted(p, m, mapping.Facts{}, awsiam.Owner{})
			NewWithT(t).Expect(held.TrustPolicy).To(And(ContainSubstring(`"`+row.provider+`"`), ContainSubstring(`"`+row.acs+`"`)))
		})
	}
}
