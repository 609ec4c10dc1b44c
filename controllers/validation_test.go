package controllers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// TestTheAPIServerRefusesMistakes shows that a mistake is refused at `kubectl apply` with words
// that say what to write.
func TestTheAPIServerRefusesMistakes(t *testing.T) {
	mapping := func(change func(*v1alpha1.RoleMapping)) client.Object {
		m := newMapping("default", "corp", uploader)
		change(m)
		return m
	}
	provider := func(change func(*v1alpha1.SAMLProvider)) client.Object {
		p := newProvider("corp")
		change(p)
		return p
	}
	access := func(a v1alpha1.AccountAccess) client.Object {
		return provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Access = a })
	}
	arn := func(arn string) client.Object {
		return mapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = arn })
	}
	const roleMessage = "role.arn must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/reports-uploader"
	for _, row := range []struct {
		name   string
		object client.Object
		says   string
	}{
		{"a role's name instead of its ARN", arn("reports-uploader"), roleMessage},
		{"the ARN of a user", arn("arn:aws:iam::111122223333:user/uploader"), roleMessage},
		{"an account ID that is too short", arn("arn:aws:iam::1111:role/reports-uploader"), roleMessage},
		{"a partition that does not exist", arn("arn:aws-moon:iam::111122223333:role/reports-uploader"), roleMessage},
		{"the ARN of an assumed role", arn("arn:aws:sts::111122223333:assumed-role/reports-uploader/me"), roleMessage},
		{"a role ARN with a wildcard", arn("arn:aws:iam::111122223333:role/reports-*"), roleMessage},
		{"a session that is too short", mapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Session.Duration = &metav1.Duration{Duration: time.Minute}
		}), "session.duration must be between 15m and 12h"},
		{"a service account with its prefix", mapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Subjects[0].Name = "system:serviceaccount:reports:uploader"
		}), "must be the name of a service account in this namespace, without a prefix"},
		{"no subjects", mapping(func(m *v1alpha1.RoleMapping) { m.Spec.Subjects = []v1alpha1.Subject{} }), "spec.subjects"},

		{"an issuer that is no URI", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Issuer = "corp" }), "issuer must be an absolute URI such as https://login.corp.example/saml/metadata"},
		{"an account that is no account ID", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ID = "production" }), "must be the twelve digits of an AWS account in quotes"},
		{"the operator's own IAM provider, in another case", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ProviderName = "Attache-Operator" }),
			"accounts[].providerName must not be attache-operator"},
		{"the operator's own IAM provider, by default", provider(func(p *v1alpha1.SAMLProvider) { p.Name = "attache-operator" }), "write accounts[].providerName"},
		{"a role to assume without its ARN", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole}), "write access.assumeRole.roleARN with it"},
		{"a role to assume with another mode", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: uploader}}),
			"take access.assumeRole out with another mode"},
		{"a role to assume that is a user", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: "arn:aws:iam::111122223333:user/attache"}}),
			"access.assumeRole.roleARN must be the ARN of an IAM role"},
		{"a role to assume of another account", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: "arn:aws:iam::444455556666:role/attache"}}),
			"access.assumeRole.roleARN must be a role of the account that it gives access to"},
		{"a Secret without its name", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessSecret}), "write access.secretRef.name with it"},
		{"a Secret with another mode", access(v1alpha1.AccountAccess{Mode: v1alpha1.AccessFederated, SecretRef: &v1alpha1.SecretReference{Name: "production"}}),
			"take access.secretRef out with another mode"},
		{"a mode that does not exist", access(v1alpha1.AccountAccess{Mode: "Root"}), `"Federated", "AssumeRole", "Ambient", "Secret"`},
		{"a region that is none", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "Ireland" }), "must be an AWS region such as eu-west-1"},
		{"an alias that IAM would not take", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Alias = "Production_EU" }), "accounts[].alias must be 1 to 63 characters of a-z, 0-9 and single hyphens"},
		{"an alias that reads as an account ID", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Alias = "444455556666" }), "which read as an account ID"},
		{"the same account twice", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts = append(p.Spec.Accounts, p.Spec.Accounts[0]) }), "Duplicate value"},
		{"no account", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts = []v1alpha1.Account{} }), "spec.accounts"},
		{"more than a hundred accounts", provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts = accounts(101) }), "must have at most 100 items"},
		{"plain HTTP to somewhere else", provider(func(p *v1alpha1.SAMLProvider) {
			p.Spec.Accounts[0].Endpoints.IAM = "http://iam.example.com"
		}), "endpoints.iam must be https://HOST[:PORT]"},
		{"a name that is too long", provider(func(p *v1alpha1.SAMLProvider) {
			p.Name = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxy"
		}), "metadata.name must be at most 50 characters"},
		{"the operator's own name", provider(func(p *v1alpha1.SAMLProvider) { p.Name = "operator" }), "metadata.name must not be operator"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			err := env.Client.Create(t.Context(), row.object, client.DryRunAll)
			g.Expect(err).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

func TestTheAPIServerTakesWhatIsRight(t *testing.T) {
	for _, arn := range []string{
		uploader,
		"arn:aws:iam::111122223333:role/team/reports/uploader",
		"arn:aws-us-gov:iam::111122223333:role/uploader",
		"arn:aws-cn:iam::111122223333:role/uploader",
	} {
		t.Run(arn, func(t *testing.T) {
			NewWithT(t).Expect(env.Client.Create(t.Context(), newMapping("default", "corp", arn), client.DryRunAll)).To(Succeed())
		})
	}
}

func TestIdentityIsImmutable(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("identity")
	for name, row := range map[string]struct {
		change func(*v1alpha1.SAMLProvider)
		says   string
	}{
		"issuer":       {func(p *v1alpha1.SAMLProvider) { p.Spec.Issuer = "https://other.example" }, "issuer is immutable"},
		"providerName": {func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].ProviderName = "other" }, "accounts[].providerName is immutable"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			changed := &v1alpha1.SAMLProvider{}
			g.Expect(env.Client.Get(t.Context(), client.ObjectKeyFromObject(p), changed)).To(Succeed())
			before := changed.DeepCopy()
			row.change(changed)
			g.Expect(env.Client.Patch(t.Context(), changed, client.MergeFrom(before))).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

// accounts are so many, each with all that an account can say.
func accounts(n int) []v1alpha1.Account {
	all := make([]v1alpha1.Account, n)
	for i := range all {
		id := fmt.Sprintf("%012d", i+1)
		all[i] = v1alpha1.Account{
			ID: id, Alias: "team-" + id[6:], ProviderName: "corp-" + id, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
			Endpoints: v1alpha1.AccountEndpoints{IAM: "https://" + strings.Repeat("a", 200) + ".example", STS: "https://" + strings.Repeat("b", 200) + ".example"},
		}
	}
	return all
}

func TestAHundredAccountsFitWhatValidationMayCost(t *testing.T) {
	p := newProvider("hundred")
	p.Spec.Accounts = accounts(100)
	NewWithT(t).Expect(env.Client.Create(t.Context(), p, client.DryRunAll)).To(Succeed())
}

func TestTheAPIServerTakesEachAccess(t *testing.T) {
	for name, access := range map[string]v1alpha1.AccountAccess{
		"Federated":                  {Mode: v1alpha1.AccessFederated},
		"Ambient":                    {Mode: v1alpha1.AccessAmbient},
		"a Secret":                   {Mode: v1alpha1.AccessSecret, SecretRef: &v1alpha1.SecretReference{Name: "production"}},
		"a role":                     {Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: uploader}},
		"a role with an external ID": {Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: uploader, ExternalID: "blue"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider("corp")
			p.Spec.Accounts[0].Access = access
			NewWithT(t).Expect(env.Client.Create(t.Context(), p, client.DryRunAll)).To(Succeed())
		})
	}
}
