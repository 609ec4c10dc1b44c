package mapping

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

type mappings = []*v1alpha1.RoleMapping

func TestDecideGrants(t *testing.T) {
	uploaderGrant := idp.Grant{
		Mapping: "reports/uploader", RoleARN: uploaderRole, ProviderARN: corpARN, AccountID: "111122223333",
		SessionName: "uploader-7d9c5-x2x4p", Duration: time.Hour, Region: "eu-west-1",
	}
	with := func(change func(*idp.Grant)) idp.Grant {
		g := uploaderGrant
		change(&g)
		return g
	}
	for _, tt := range []struct {
		name       string
		provider   *v1alpha1.SAMLProvider
		candidates mappings
		want       Want
		grant      idp.Grant
	}{
		{
			name:       "the only mapping decides",
			candidates: mappings{mapping("uploader", uploaderRole)},
			grant:      uploaderGrant,
		},
		{
			name:       "the default mapping decides among several",
			candidates: mappings{mapping("uploader", uploaderRole, isDefault), mapping("reader", readerRole)},
			grant:      uploaderGrant,
		},
		{
			name:       "the role asked for wins over the default",
			candidates: mappings{mapping("uploader", uploaderRole), mapping("reader", readerRole, isDefault)},
			want:       Want{RoleARN: uploaderRole},
			grant:      uploaderGrant,
		},
		{
			name:       "the default decides between two mappings of the role asked for",
			candidates: mappings{mapping("uploader", uploaderRole, isDefault), mapping("uploader-2", uploaderRole)},
			want:       Want{RoleARN: uploaderRole},
			grant:      uploaderGrant,
		},
		{
			name:       "a mapping that the provider refuses does not make the choice ambiguous",
			candidates: mappings{mapping("admin", "arn:aws:iam::111122223333:role/admin"), mapping("uploader", uploaderRole)},
			grant:      uploaderGrant,
		},
		{
			name:       "principal and region may be said again",
			candidates: mappings{mapping("uploader", uploaderRole)},
			want:       Want{PrincipalARN: corpARN, Region: "eu-west-1"},
			grant:      uploaderGrant,
		},
		{
			name: "the session lasts as long as the mapping says, in whole seconds",
			candidates: mappings{mapping("uploader", uploaderRole, func(m *v1alpha1.RoleMapping) {
				m.Spec.Session.Duration = &metav1.Duration{Duration: 20*time.Minute + 300*time.Millisecond}
			})},
			grant: with(func(g *idp.Grant) { g.Duration = 20 * time.Minute }),
		},
		{
			name: "account, provider name and endpoint are those of the provider's spec, whatever its status says",
			provider: provider(func(p *v1alpha1.SAMLProvider) {
				p.Spec.Accounts[0].ProviderName = "attache-corp"
				p.Spec.Accounts[0].Endpoints.STS = "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com/"
				p.Status.Accounts = []v1alpha1.AccountStatus{{ID: "111122223333", ProviderARN: "arn:aws:iam::111122223333:saml-provider/evil"}}
			}),
			candidates: mappings{mapping("uploader", uploaderRole)},
			grant: with(func(g *idp.Grant) {
				g.ProviderARN = "arn:aws:iam::111122223333:saml-provider/attache-corp"
				g.STSEndpoint = "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"
			}),
		},
		{
			name:       "a managed role comes with the tag that only this mapping's sessions carry",
			provider:   makes(),
			candidates: mappings{managed("uploader")},
			grant: with(func(g *idp.Grant) {
				g.RoleARN = "arn:aws:iam::111122223333:role/reports/reports.uploader"
				g.Tags = []idp.Tag{{Key: "attache.dev/mapping", Value: "reports/uploader"}}
			}),
		},
		{
			name:       "a managed role is asked for by its ARN",
			provider:   makes(),
			candidates: mappings{managed("uploader"), mapping("reader", readerRole, isDefault)},
			want:       Want{RoleARN: "arn:aws:iam::111122223333:role/reports/reports.uploader"},
			grant: with(func(g *idp.Grant) {
				g.RoleARN = "arn:aws:iam::111122223333:role/reports/reports.uploader"
				g.Tags = []idp.Tag{{Key: "attache.dev/mapping", Value: "reports/uploader"}}
			}),
		},
		{
			name: "a region of GovCloud makes an ARN of GovCloud",
			provider: provider(func(p *v1alpha1.SAMLProvider) {
				p.Spec.Accounts[0].Region = "us-gov-west-1"
				p.Spec.Allow[0].Roles = []v1alpha1.RolePattern{"arn:aws-us-gov:iam::111122223333:role/*"}
			}),
			candidates: mappings{mapping("uploader", "arn:aws-us-gov:iam::111122223333:role/u")},
			grant: with(func(g *idp.Grant) {
				g.RoleARN, g.ProviderARN = "arn:aws-us-gov:iam::111122223333:role/u", "arn:aws-us-gov:iam::111122223333:saml-provider/corp"
				g.Region = "us-gov-west-1"
			}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			p := tt.provider
			if p == nil {
				p = provider()
			}
			got, err := Decide(p, tt.candidates, noFacts, uploader(), tt.want)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(tt.grant))
		})
	}
}

func TestDecideRefuses(t *testing.T) {
	admin := "arn:aws:iam::111122223333:role/admin"
	for _, tt := range []struct {
		name       string
		provider   *v1alpha1.SAMLProvider
		candidates mappings
		subject    idp.Subject
		want       Want
		kind       idp.RefusalKind
		reason     string
		message    string
	}{
		{
			name: "nobody named the subject",
			kind: idp.Denied, reason: ReasonNoMapping,
			message: `no RoleMapping in namespace "reports" names service account "uploader" and SAMLProvider "corp"; create one with spec: {providerRef: {name: corp}, subjects: [{kind: ServiceAccount, name: uploader}], role: {arn: ...}}`,
		},
		{
			name: "a mapping of another namespace, service account or provider is not the subject's",
			candidates: mappings{
				mapping("a", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Namespace = "billing" }),
				mapping("b", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.Subjects[0].Name = "other" }),
				mapping("c", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.Subjects[0].Kind = "Group" }),
				mapping("d", uploaderRole, func(m *v1alpha1.RoleMapping) { m.Spec.ProviderRef.Name = "lab" }),
			},
			kind: idp.Denied, reason: ReasonNoMapping, message: "no RoleMapping in namespace",
		},
		{
			name:       "a person is not the service account of the same name",
			candidates: mappings{mapping("uploader", uploaderRole)},
			subject:    idp.Subject{Kind: "User", Namespace: "reports", Name: "uploader"},
			kind:       idp.Denied, reason: ReasonNoMapping, message: "no RoleMapping in namespace",
		},
		{
			name:       "a mapping that is being deleted grants nothing",
			candidates: mappings{mapping("uploader", uploaderRole, isBeingDeleted)},
			kind:       idp.Denied, reason: v1alpha1.ReasonDeleting, message: "RoleMapping reports/uploader is being deleted",
		},
		{
			name:       "a mapping that denies is not replaced by another of the same role",
			candidates: mappings{mapping("uploader", uploaderRole, isDefault, func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true }), mapping("uploader-2", uploaderRole)},
			kind:       idp.Denied, reason: v1alpha1.ReasonDenied, message: "spec.deny of RoleMapping reports/uploader is true",
		},
		{
			name:     "a provider that denies says so before anything else",
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Deny = true }),
			kind:     idp.Denied, reason: v1alpha1.ReasonDenied, message: `spec.deny of SAMLProvider "corp" is true`,
		},
		{
			name:       "a managed role that the operator has not made may be another's",
			provider:   makes(),
			candidates: mappings{notMade(managed("a"))},
			kind:       idp.Unavailable, reason: ReasonRoleNotReady, message: "see kubectl -n reports describe rolemapping a",
		},
		{
			name:     "a managed role that the ledger names and IAM was not seen to hold may be another's",
			provider: makes(),
			candidates: mappings{func() *v1alpha1.RoleMapping {
				m := managed("a")
				m.Status.Role.Hash = ""
				return m
			}()},
			kind: idp.Unavailable, reason: ReasonRoleNotReady, message: "has not made arn:aws:iam::111122223333:role/reports/reports.a",
		},
		{
			name:     "another role in the ledger says nothing of this one",
			provider: makes(),
			candidates: mappings{func() *v1alpha1.RoleMapping {
				m := managed("a")
				m.Status.Role.ARN = uploaderRole
				return m
			}()},
			kind: idp.Unavailable, reason: ReasonRoleNotReady, message: "try again",
		},
		{
			name:       "two mappings with managed roles need the role's name",
			provider:   makes(),
			candidates: mappings{managed("a"), managed("b")},
			kind:       idp.Malformed, reason: ReasonRoleAmbiguous,
			message: "arn:aws:iam::111122223333:role/reports/reports.a, arn:aws:iam::111122223333:role/reports/reports.b",
		},
		{
			name:     "a managed role and an existing one of the same ARN are a tie",
			provider: makes(func(b *v1alpha1.AllowManaged) { b.PathPrefix = "/" }),
			candidates: mappings{mapping("by-arn", uploaderRole), managed("managed", func(m *v1alpha1.RoleMapping) {
				m.Spec.Role.Managed = &v1alpha1.ManagedRole{AccountID: "111122223333", Path: "/", Name: "reports-uploader"}
			})},
			want: Want{RoleARN: uploaderRole},
			kind: idp.Malformed, reason: ReasonRoleAmbiguous,
			message: "several RoleMappings give " + uploaderRole + " to service account reports/uploader: keep one of them, or set spec.default: true in exactly one: reports/by-arn, reports/managed",
		},
		{
			name:       "the only mapping is not allowed",
			candidates: mappings{mapping("admin", admin)},
			kind:       idp.Denied, reason: v1alpha1.ReasonNotAllowedByProvider, message: "none whose roles match " + admin,
		},
		{
			name:       "the role asked for is mapped but not allowed",
			candidates: mappings{mapping("admin", admin), mapping("uploader", uploaderRole)},
			want:       Want{RoleARN: admin},
			kind:       idp.Denied, reason: v1alpha1.ReasonNotAllowedByProvider, message: "none whose roles match " + admin,
		},
		{
			name:       "a default that the provider refuses is not replaced by another role",
			candidates: mappings{mapping("admin", admin, isDefault), mapping("uploader", uploaderRole)},
			kind:       idp.Denied, reason: v1alpha1.ReasonNotAllowedByProvider, message: "none whose roles match " + admin,
		},
		{
			name:       "a role that is not the caller's is refused with those that are",
			candidates: mappings{mapping("admin", admin), mapping("uploader", uploaderRole), mapping("reader", readerRole)},
			want:       Want{RoleARN: "arn:aws:iam::111122223333:role/billing"},
			kind:       idp.Denied, reason: ReasonRoleNotGranted,
			message: `role "arn:aws:iam::111122223333:role/billing" is not granted to service account reports/uploader, which may have: ` + readerRole + ", " + uploaderRole,
		},
		{
			name:       "several mappings without a default need the role's name",
			candidates: mappings{mapping("uploader", uploaderRole), mapping("reader", readerRole)},
			kind:       idp.Malformed, reason: ReasonRoleAmbiguous,
			message: `service account reports/uploader may have several roles: send role with one of them, or set spec.default: true in exactly one RoleMapping: ` + readerRole + ", " + uploaderRole,
		},
		{
			name:       "two defaults are a tie",
			candidates: mappings{mapping("uploader", uploaderRole, isDefault), mapping("reader", readerRole, isDefault), mapping("other", readerRole)},
			kind:       idp.Malformed, reason: ReasonRoleAmbiguous, message: readerRole + ", " + uploaderRole,
		},
		{
			name:       "two mappings of the role asked for are a tie",
			candidates: mappings{mapping("a", uploaderRole), mapping("b", uploaderRole)},
			want:       Want{RoleARN: uploaderRole},
			kind:       idp.Malformed, reason: ReasonRoleAmbiguous,
			message: "several RoleMappings give " + uploaderRole + " to service account reports/uploader: keep one of them, or set spec.default: true in exactly one: reports/a, reports/b",
		},
		{
			name:       "another principal than the grant's is refused",
			candidates: mappings{mapping("uploader", uploaderRole)},
			want:       Want{PrincipalARN: "arn:aws:iam::111122223333:saml-provider/other"},
			kind:       idp.Denied, reason: ReasonPrincipalNotGranted, message: "send " + corpARN + ", or leave principal out",
		},
		{
			name:       "another region than the account's is refused",
			candidates: mappings{mapping("uploader", uploaderRole)},
			want:       Want{Region: "us-east-1"},
			kind:       idp.Malformed, reason: ReasonRegionNotOffered, message: "send eu-west-1, or leave region out",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			s := tt.subject
			if s.Kind == "" {
				s = uploader()
			}
			p := tt.provider
			if p == nil {
				p = provider()
			}
			grant, err := Decide(p, tt.candidates, noFacts, s, tt.want)
			g.Expect(grant).To(BeZero())
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue())
			g.Expect(refusal.Kind).To(Equal(tt.kind))
			g.Expect(refusal.Reason).To(Equal(tt.reason))
			g.Expect(refusal.Message).To(ContainSubstring(tt.message))
		})
	}
}

func TestEachAccountGivesItsOwnGrant(t *testing.T) {
	p := provider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Accounts = []v1alpha1.Account{
			{ID: "111122223333", Region: "eu-west-1"},
			{ID: "222233334444", Region: "cn-north-1", ProviderName: "corp-cn"},
			{ID: "333344445555", Region: "us-gov-west-1", Endpoints: v1alpha1.AccountEndpoints{STS: "https://sts-fips.us-gov-west-1.amazonaws.com"}},
		}
		p.Spec.Allow[0].Roles = []v1alpha1.RolePattern{
			"arn:aws:iam::111122223333:role/*", "arn:aws-cn:iam::222233334444:role/*", "arn:aws-us-gov:iam::333344445555:role/*",
		}
	})
	all := mappings{
		mapping("here", "arn:aws:iam::111122223333:role/u"), mapping("china", "arn:aws-cn:iam::222233334444:role/u"),
		mapping("gov", "arn:aws-us-gov:iam::333344445555:role/u"),
	}
	for _, tt := range []struct {
		name, role, provider, account, region, sts string
	}{
		{"in aws", "arn:aws:iam::111122223333:role/u", "arn:aws:iam::111122223333:saml-provider/corp", "111122223333", "eu-west-1", ""},
		{"in aws-cn", "arn:aws-cn:iam::222233334444:role/u", "arn:aws-cn:iam::222233334444:saml-provider/corp-cn", "222233334444", "cn-north-1", ""},
		{"in aws-us-gov", "arn:aws-us-gov:iam::333344445555:role/u", "arn:aws-us-gov:iam::333344445555:saml-provider/corp", "333344445555", "us-gov-west-1", "https://sts-fips.us-gov-west-1.amazonaws.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := Decide(p, all, noFacts, uploader(), Want{RoleARN: tt.role})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect([]string{got.ProviderARN, got.AccountID, got.Region, got.STSEndpoint}).To(Equal([]string{tt.provider, tt.account, tt.region, tt.sts}))
		})
	}
}

func TestAnAccountThatIsNotListedIsToldWithThoseThatAre(t *testing.T) {
	g := NewWithT(t)
	p := provider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Accounts[0].Alias = "production"
		for i := range 9 {
			p.Spec.Accounts = append(p.Spec.Accounts, v1alpha1.Account{ID: fmt.Sprintf("%012d", i), Region: "eu-west-1"})
		}
	})
	f, refused := Refuse(p, mapping("other", "arn:aws:iam::999999999999:role/u"), Facts{})
	g.Expect(refused).To(BeTrue())
	g.Expect(f.Reason).To(Equal(v1alpha1.ReasonAccountNotListed))
	g.Expect(f.Message).To(ContainSubstring("use a role of 111122223333 (production), 000000000000, 000000000001, 000000000002, 000000000003 or one of 5 more accounts, or"))
}
