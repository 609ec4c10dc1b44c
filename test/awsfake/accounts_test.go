package awsfake_test

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

// other is the second account of tests that need two.
const other = "222233334444"

func TestRulesOfAccounts(t *testing.T) {
	checkFacts(t, map[string]fact{
		"a call lands in the caller's account": func(t *testing.T, g *WithT, f *federation) {
			self, err := f.in(t, other).sts.GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect([]string{*self.Account, *self.Arn}).To(Equal([]string{other, "arn:aws:iam::" + other + ":root"}))
		},
		"names are taken in one account only": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			provider := second.createProvider(t, "corp", f.idp.Metadata())
			g.Expect(provider).To(Equal("arn:aws:iam::" + other + ":saml-provider/corp"))
			g.Expect(second.createRole(t, "reports", trustPolicy(provider, ""), 3600)).To(Equal("arn:aws:iam::" + other + ":role/reports"))
		},
		"lists tell of one account only": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			roles, err := second.iam.ListRoles(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(roles.Roles).To(BeEmpty())
			providers, err := second.iam.ListSAMLProviders(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(providers.SAMLProviderList).To(BeEmpty())
			f.createPolicy(t, "first", anything)
			own := second.createPolicy(t, "second", anything)
			policies, err := second.iam.ListPolicies(t.Context(), &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(policies.Policies).To(HaveLen(1))
			g.Expect(*policies.Policies[0].Arn).To(Equal(own))
		},
		"details tell of one account only": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			second.createRole(t, "reports", ec2Trust, 3600)
			details, err := second.iam.GetAccountAuthorizationDetails(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(details.RoleDetailList).To(HaveLen(1))
			g.Expect(*details.RoleDetailList[0].Arn).To(Equal("arn:aws:iam::" + other + ":role/reports"))
		},
		"a provider of another account is not found": func(t *testing.T, g *WithT, f *federation) {
			_, err := f.in(t, other).iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
			expectRefusal(g, err, "NoSuchEntity", "Manifest not found for arn "+f.providerARN)
		},
		"a policy of another account cannot be attached": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			second.createRole(t, "reports", ec2Trust, 3600)
			g.Expect(codeOf(g, second.attach(t, "reports", f.createPolicy(t, "first", anything)))).To(Equal("NoSuchEntity"))
		},
		"a bucket of another account is closed": func(t *testing.T, g *WithT, f *federation) {
			f.newBucket(t)
			f.in(t, other)
			theirs := f.s3As("AKIAROOT"+other, "the-secret-of-"+other, "")
			_, err := theirs.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(testBucket)})
			g.Expect(codeOf(g, err)).To(Equal("AccessDenied"))
		},
		"a session of SAML is of the account of its role and provider": func(t *testing.T, g *WithT, f *federation) {
			second := f.in(t, other)
			f.providerARN = second.createProvider(t, "corp", f.idp.Metadata())
			f.roleARN = second.createRole(t, "reports", trustPolicy(f.providerARN, `"StringEquals":{"saml:doc":"`+other+`/corp"}`), 3600)
			answer, err := f.assume(t, nil, nil)
			g.Expect(err).NotTo(HaveOccurred())
			self, err := f.stsOf(answer.Credentials).GetCallerIdentity(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*self.Arn).To(Equal("arn:aws:sts::" + other + ":assumed-role/reports/session-123"))
		},
		"a provider opens no role of another account, even if it is trusted": func(t *testing.T, g *WithT, f *federation) {
			f.roleARN = f.in(t, other).createRole(t, "reports", trustPolicy(f.providerARN, ""), 3600)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", nil)(t, g, f)
		},
	})
}

func TestAccountsThatMakeNoSenseAreRefused(t *testing.T) {
	good := awsfake.Account{ID: other, AdminAccessKeyID: "AKIAROOT" + other, AdminSecretAccessKey: "secret"}
	for name, row := range map[string]struct {
		change func(*awsfake.Account)
		want   string
	}{
		"an ID that is no number":           {func(a *awsfake.Account) { a.ID = "production" }, "12 digits"},
		"no access key ID":                  {func(a *awsfake.Account) { a.AdminAccessKeyID = "" }, "16-128 letters and digits"},
		"no secret":                         {func(a *awsfake.Account) { a.AdminSecretAccessKey = "" }, "no secret access key"},
		"a key that another account has":    {func(a *awsfake.Account) { a.AdminAccessKeyID = adminKey }, "is taken"},
		"a key that has another secret now": {func(a *awsfake.Account) { a.ID, a.AdminAccessKeyID = account, adminKey }, "is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
				g := NewWithT(t)
				bad := good
				row.change(&bad)
				err := control.AddAccount(t.Context(), bad)
				g.Expect(err).To(MatchError(ContainSubstring(row.want)))
				g.Expect(control.Accounts(t.Context())).To(Equal([]string{account}))
			})
		})
	}
}

func TestAnAccountIsOpenedOnce(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		second := f.in(t, other)
		second.createRole(t, "kept", ec2Trust, 3600)
		again := awsfake.Account{ID: other, AdminAccessKeyID: "AKIAROOT" + other, AdminSecretAccessKey: "the-secret-of-" + other}
		g.Expect(control.AddAccount(t.Context(), again)).To(Succeed())
		again.AdminAccessKeyID = "AKIASECONDROOTKEY000"
		g.Expect(control.AddAccount(t.Context(), again)).To(Succeed())
		g.Expect(control.Accounts(t.Context())).To(Equal([]string{account, other}))
		roles, err := f.iamAs(again.AdminAccessKeyID, again.AdminSecretAccessKey, "").ListRoles(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(roles.Roles).To(HaveLen(1))
	})
}

func TestAServerStartsWithItsAccounts(t *testing.T) {
	g := NewWithT(t)
	second := awsfake.Account{ID: other, AdminAccessKeyID: "AKIAROOT" + other, AdminSecretAccessKey: "secret"}
	options := awsfake.Options{AccountID: account, Region: region, AdminAccessKeyID: adminKey, AdminSecretAccessKey: adminSecret, Accounts: []awsfake.Account{second}}
	w := &world{region: region}
	server := httptest.NewServer(awsfake.New(options))
	t.Cleanup(server.Close)
	w.url = server.URL
	for id, client := range map[string]*sts.Client{account: w.stsAs(adminKey, adminSecret, ""), other: w.stsAs(second.AdminAccessKeyID, "secret", "")} {
		self, err := client.GetCallerIdentity(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(*self.Account).To(Equal(id))
	}
	options.Accounts[0].ID = "production"
	g.Expect(func() { awsfake.New(options) }).To(PanicWith(ContainSubstring("12 digits")))
}

func TestAccountsAreSeededAndToldApart(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		f.in(t, other)
		g.Expect(control.Seed(t.Context(), awsfake.Seed{AccountID: other, Roles: 3, Buckets: []string{"theirs"}})).To(Succeed())
		g.Expect(control.Seed(t.Context(), awsfake.Seed{Buckets: []string{"ours"}})).To(Succeed())
		first, err := control.Inventory(t.Context(), account)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(first.Roles).To(Equal([]awsfake.InventoryItem{{ARN: f.roleARN}}))
		g.Expect(first.Buckets).To(Equal([]awsfake.InventoryItem{{ARN: "arn:aws:s3:::ours"}}))
		second, err := control.Inventory(t.Context(), other)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(second.Roles).To(HaveLen(3))
		g.Expect(second.SAMLProviders).To(BeEmpty())
		g.Expect(second.Buckets).To(Equal([]awsfake.InventoryItem{{ARN: "arn:aws:s3:::theirs"}}))
		all, err := control.Inventory(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all.Roles).To(HaveLen(4))
		g.Expect(all.Buckets).To(HaveLen(2))
		_, err = control.Inventory(t.Context(), "444455556666")
		g.Expect(err).To(MatchError(ContainSubstring("not one that exists")))
	})
}

func TestOneAccountCanBeDeadWhileOthersLive(t *testing.T) {
	for name, dead := range map[string]awsfake.Fault{
		"unavailable":     {Kind: awsfake.FaultUnavailable},
		"throttled":       {Kind: awsfake.FaultThrottle},
		"unreachable":     {Kind: awsfake.FaultReset},
		"closed":          {Kind: awsfake.FaultFail, Status: 403, Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."},
		"behind a proxy":  {Kind: awsfake.FaultGarbage},
		"cut off halfway": {Kind: awsfake.FaultTruncate},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				second := f.in(t, other)
				theirs := *f
				theirs.world = second
				theirs.providerARN = second.createProvider(t, "corp", f.idp.Metadata())
				theirs.roleARN = second.createRole(t, "reports", trustPolicy(theirs.providerARN, ""), 3600)
				dead.Operation, dead.Account = awsfake.AnyOperation, other
				g.Expect(control.AddFault(t.Context(), dead)).To(Succeed())

				_, err := second.iam.ListRoles(t.Context(), nil)
				g.Expect(err).To(HaveOccurred())
				_, err = theirs.assume(t, nil, nil)
				g.Expect(err).To(HaveOccurred())
				_, err = second.sts.GetCallerIdentity(t.Context(), nil)
				g.Expect(err).To(HaveOccurred())

				_, err = f.iam.ListRoles(t.Context(), nil)
				g.Expect(err).NotTo(HaveOccurred())
				_, err = f.assume(t, nil, nil)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(control.Faults(t.Context())).To(Equal([]awsfake.Fault{dead}))
				g.Expect(control.ClearFaults(t.Context())).To(Succeed())
				_, err = second.iam.ListRoles(t.Context(), nil)
				g.Expect(err).NotTo(HaveOccurred())
			})
		})
	}
}

// Who assumes a role of a dead account has a fault of that account, not of their own.
func TestAFaultOfAnAccountMeetsThoseWhoReachIntoIt(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	second := w.in(t, other)
	key := w.createUserKey(t, "operator", anything)
	target := second.createRole(t, "target", trustingAWS(account, ""), 3600)
	own := w.createRole(t, "own", trustingAWS(account, ""), 3600)
	dead := awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable, Account: other}
	g.Expect(w.fake.Control().AddFault(t.Context(), dead)).To(Succeed())
	assume := func(role string) error {
		_, err := w.stsAs(*key.AccessKeyId, *key.SecretAccessKey, "").AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("session")})
		return err
	}
	g.Expect(codeOf(g, assume(target))).To(Equal("ServiceUnavailable"))
	g.Expect(assume(own)).To(Succeed())
}
