package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	accountID   = "111122223333"
	region      = "eu-west-1"
	roleARN     = "arn:aws:iam::111122223333:role/attache/attache-operator"
	providerARN = "arn:aws:iam::111122223333:saml-provider/attache-operator"
)

// world is an account with the operator's role and its way in, and an IAM user for the other ways.
type world struct {
	*testaws.Account
	t       *testing.T
	account access.Account
	user    aws.Config
	signing keys.Key
	keyErr  error
	// secrets must not stand in any error.
	secrets []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Account: testaws.Start(t, accountID, region), t: t}
	w.account = access.Account{ID: accountID, Region: region, STSEndpoint: w.URL}
	w.user = w.User("attache")
	c, err := w.user.Credentials.Retrieve(t.Context())
	w.must(err)
	w.secrets = []string{c.SecretAccessKey, "a secret that is wrong", "PHNhbWxwOlJlc3BvbnNl"}
	w.signing, err = keys.Generate(rand.Reader, "attache-operator", time.Now())
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) identity() access.Identity {
	return access.Identity{
		Issuer: access.Issuer("6d6cbdf1"), Namespace: "attache-system", ServiceAccount: "attache-operator",
		Key: func(context.Context) (keys.Key, error) { return w.signing, w.keyErr },
	}
}

func (w *world) accounts(base aws.Config) *access.Accounts {
	w.t.Helper()
	accounts, err := access.New(access.Options{Base: base, SessionName: access.SessionName("blue"), Identity: w.identity()})
	w.must(err)
	return accounts
}

func (w *world) createProvider() {
	w.t.Helper()
	metadata, err := w.identity().Metadata(w.t.Context())
	w.must(err)
	w.must(w.API(w.Root).Providers().Create(w.t.Context(), providerARN, metadata, nil))
}

func (w *world) createRole(principal, action, condition string) {
	w.t.Helper()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Condition":` + condition + `}]}`
	_, err := w.IAM(w.Root).CreateRole(w.t.Context(), &iam.CreateRoleInput{Path: aws.String("/attache/"), RoleName: aws.String("attache-operator"), AssumeRolePolicyDocument: &document})
	w.must(err)
}

func (w *world) letTheOperatorIn() {
	w.t.Helper()
	w.createProvider()
	w.createRole(`{"Federated":"`+providerARN+`"}`, "sts:AssumeRoleWithSAML",
		`{"StringEquals":{"SAML:aud":"`+partition.Commercial.ACS+`","SAML:sub":"`+w.identity().NameID()+`"}}`)
}

func (w *world) letTheUserTakeTheRole(externalID string) {
	w.t.Helper()
	w.createRole(`{"AWS":"arn:aws:iam::111122223333:user/attache"}`, "sts:AssumeRole", `{"StringEquals":{"sts:ExternalId":"`+externalID+`"}}`)
	w.Grant("attache", "assume", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+roleARN+`"}]}`)
}

// secretKeys are the user's.
func (w *world) secretKeys() access.Keys {
	w.t.Helper()
	c, err := w.user.Credentials.Retrieve(w.t.Context())
	w.must(err)
	return access.Keys{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, From: "Secret attache-system/production"}
}

func (w *world) operations() []string {
	w.t.Helper()
	calls, err := w.Control.Calls(w.t.Context(), "")
	w.must(err)
	var operations []string
	for _, c := range calls {
		operations = append(operations, c.Operation)
	}
	return operations
}

var federated = access.Federated{RoleARN: roleARN, ProviderARN: providerARN}

func TestEachWayLeadsToCredentialsThatIAMTakes(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(*world)
		method  func(*world) access.Method
		calls   []string
	}{
		{"ambient", func(*world) {}, func(*world) access.Method { return access.Ambient{} }, []string{"GetCallerIdentity"}},
		{"the keys of a Secret", func(*world) {}, func(w *world) access.Method { return w.secretKeys() }, []string{"GetCallerIdentity"}},
		{"a role that the ambient credentials take", func(w *world) { w.letTheUserTakeTheRole("x-42") },
			func(*world) access.Method { return access.AssumeRole{RoleARN: roleARN, ExternalID: "x-42"} }, []string{"AssumeRole", "GetCallerIdentity"}},
		{"federated", (*world).letTheOperatorIn, func(*world) access.Method { return federated }, []string{"AssumeRoleWithSAML", "GetCallerIdentity"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.prepare(w)
			g.Expect(w.Control.ClearCalls(t.Context())).To(Succeed())
			method, accounts := row.method(w), w.accounts(w.user)
			api := awsiam.New(accounts.Config(w.account, method), region, w.URL)
			for range 3 {
				_, err := api.Roles().GetTrust(t.Context(), "reports")
				g.Expect(err).To(HaveField("Kind", awsiam.Denied), "IAM knows the credentials; nobody gave them a right")
				g.Expect(err).To(MatchError(Or(ContainSubstring("user/attache is not"), ContainSubstring("assumed-role/attache-operator/attache-operator@blue is not"))))
			}
			g.Expect(w.operations()).To(Equal(append(row.calls, "GetRole", "GetRole", "GetRole")), "they are asked for once")
			c, err := accounts.Credentials(w.account, method).Retrieve(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(c.AccountID).To(Equal(accountID))
		})
	}
}

func TestWhyThereAreNoCredentials(t *testing.T) {
	fault := func(f awsfake.Fault) func(*world) {
		return func(w *world) {
			w.letTheOperatorIn()
			w.must(w.Control.AddFault(w.t.Context(), f))
		}
	}
	down := httptest.NewServer(nil)
	down.Close()
	for _, row := range []struct {
		name    string
		prepare func(*world)
		method  access.Method
		kind    awsiam.Kind
		words   []string
	}{
		{"nobody ran bootstrap", nil, federated, awsiam.NoCredentials,
			[]string{providerARN, "does not exist", "have an administrator of account 111122223333 run `attache bootstrap` for it"}},
		{"the role is not there", (*world).createProvider, federated, awsiam.NoCredentials,
			[]string{roleARN + " does not let the operator in", "system:serviceaccount:attache-system:attache-operator", "run `attache bootstrap` for it"}},
		{"the role trusts another name", func(w *world) {
			w.createProvider()
			w.createRole(`{"Federated":"`+providerARN+`"}`, "sts:AssumeRoleWithSAML", `{"StringEquals":{"SAML:sub":"somebody"}}`)
		}, federated, awsiam.NoCredentials, []string{"does not let the operator in"}},
		{"the operator's key was lost and made anew", func(w *world) {
			w.letTheOperatorIn()
			key, err := keys.Generate(rand.Reader, "attache-operator", time.Now())
			w.must(err)
			w.signing = key
		}, federated, awsiam.NoCredentials, []string{providerARN + " does not hold the operator's own key", "run `attache bootstrap --repair` for it"}},
		{"there is no key", func(w *world) { w.keyErr = errors.New("Secret attache-system/attache-operator-keys is not there") }, federated, awsiam.NoCredentials,
			[]string{"the operator's own signing key cannot be used: Secret attache-system/attache-operator-keys is not there"}},
		{"STS throttles", fault(awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultThrottle}), federated, awsiam.Throttled, []string{"STS in eu-west-1 gets more requests than it takes"}},
		{"STS fails", fault(awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultUnavailable}), federated, awsiam.Unavailable, []string{"STS in eu-west-1 does not answer"}},
		{"STS is not used in the region", fault(awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultFail, Status: 403, Code: "RegionDisabledException", Message: "STS is not activated"}), federated, awsiam.NoCredentials,
			[]string{"activate the region in IAM's account settings"}},
		{"STS refuses in a way that nobody knows", fault(awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultFail, Status: 400, Code: "Novelty", Message: "new"}), federated, awsiam.NoCredentials,
			[]string{"STSRejected", "bootstrap --repair"}},
		{"the role is of another account", nil, access.Federated{RoleARN: "arn:aws:iam::444455556666:role/attache/attache-operator", ProviderARN: providerARN}, awsiam.Invalid,
			[]string{"is not a role of account 111122223333: write one of that account"}},
		{"the role is of another partition", nil, access.AssumeRole{RoleARN: "arn:aws-cn:iam::111122223333:role/r"}, awsiam.Invalid, []string{"write a region of the role's partition"}},
		{"what should be a role is none", nil, access.AssumeRole{RoleARN: "arn:aws:iam::111122223333:user/r"}, awsiam.Invalid, []string{"write arn:aws:iam::111122223333:role/NAME"}},
		{"the provider is of another account", nil, access.Federated{RoleARN: roleARN, ProviderARN: "arn:aws:iam::444455556666:saml-provider/attache-operator"}, awsiam.Invalid, []string{"is not a SAML provider beside the role"}},
		{"the role demands another external ID", func(w *world) { w.letTheUserTakeTheRole("x-42") }, access.AssumeRole{RoleARN: roleARN, ExternalID: "x-43"}, awsiam.Denied,
			[]string{"sts:AssumeRole on " + roleARN, "access.assumeRole.externalID as sts:ExternalId"}},
		{"the role is not there to be taken", nil, access.AssumeRole{RoleARN: roleARN}, awsiam.Denied, []string{"admit that one in the role's trust policy"}},
		{"the key of the Secret is not in use", nil, access.Keys{AccessKeyID: "AKIANOBODY", SecretAccessKey: "a secret that is wrong", From: "Secret attache-system/production"}, awsiam.NoCredentials,
			[]string{"AWS does not take the credentials for account 111122223333", "put an access key of account 111122223333 that is in use into Secret attache-system/production"}},
		{"the Secret is empty", nil, access.Keys{From: "Secret attache-system/production"}, awsiam.NoCredentials, []string{"there is no access key for account 111122223333"}},
		{"another party answers for STS", func(w *world) { w.account.STSEndpoint = down.URL }, access.Keys{AccessKeyID: "AKIANOBODY", SecretAccessKey: "a secret that is wrong"}, awsiam.Unavailable,
			[]string{"STS in eu-west-1 does not answer: look at what stands between the operator and it, and at endpoints.sts"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			if row.prepare != nil {
				row.prepare(w)
			}
			accounts := w.accounts(w.user)
			_, err := accounts.Credentials(w.account, row.method).Retrieve(t.Context())
			g.Expect(awsiam.KindOf(err)).To(Equal(row.kind), "%v", err)
			for _, words := range row.words {
				g.Expect(err).To(MatchError(ContainSubstring(words)))
			}
			_, through := awsiam.New(accounts.Config(w.account, row.method), region, w.URL).Roles().Get(t.Context(), "reports")
			g.Expect(awsiam.KindOf(through)).To(Equal(row.kind), "%v", through)
			g.Expect(through).To(MatchError(ContainSubstring(row.words[0])), "a client of awsiam says the same")
			g.Expect(w.operations()).NotTo(ContainElement("GetRole"))
			w.expectNoSecret(g, err)
			w.expectNoSecret(g, through)
		})
	}
}

// expectNoSecret looks into every error of the chain.
func (w *world) expectNoSecret(g Gomega, err error) {
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, secret := range w.secrets {
				g.ExpectWithOffset(1, strings.Contains(text, secret)).To(BeFalse(), "%T", err)
			}
		}
	}
}

func TestCredentialsOfAnotherAccountAreToldBeforeAnythingIsWritten(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	elsewhere := w.account
	elsewhere.ID = "444455556666"
	for _, method := range []access.Method{access.Ambient{}, w.secretKeys()} {
		api := awsiam.New(w.accounts(w.user).Config(elsewhere, method), region, w.URL)
		err := api.Providers().Create(t.Context(), "arn:aws:iam::444455556666:saml-provider/corp", "<xml/>", nil)
		g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
		g.Expect(err).To(MatchError(ContainSubstring("those of arn:aws:iam::111122223333:user/attache in account 111122223333, so nothing was done with them")))
		g.Expect(w.operations()).NotTo(ContainElement("CreateSAMLProvider"))
	}
}

func TestWithoutAmbientCredentials(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	for _, method := range []access.Method{access.Ambient{}, access.AssumeRole{RoleARN: roleARN}} {
		for name, base := range map[string]aws.Config{
			"no chain":            {},
			"a chain without end": {Credentials: failing{}},
		} {
			_, err := w.accounts(base).Credentials(w.account, method).Retrieve(t.Context())
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials), name)
			g.Expect(err).To(MatchError(ContainSubstring("the AWS SDK's default chain found no credentials: give the operator's pod credentials")))
		}
	}
}

type failing struct{}

func (failing) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no credentials in 127.0.0.1:41234")
}

func TestAnAccountThatIsDownAnswersAtOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	g.Expect(w.Control.AddFault(t.Context(), awsfake.Fault{Operation: "*", Kind: awsfake.FaultUnavailable})).To(Succeed())
	g.Expect(w.Control.ClearCalls(t.Context())).To(Succeed())
	provider := w.accounts(w.user).Credentials(w.account, access.Ambient{})
	for range 5 {
		_, err := provider.Retrieve(t.Context())
		g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
	}
	g.Expect(w.operations()).To(Equal([]string{"GetCallerIdentity"}))
}

func TestTheSameIsRememberedAndAnotherSecretIsNotTheSame(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	accounts := w.accounts(w.user)
	stored := w.secretKeys()
	g.Expect(accounts.Credentials(w.account, stored)).To(BeIdenticalTo(accounts.Credentials(w.account, w.secretKeys())))
	wrong := stored
	wrong.SecretAccessKey = "a secret that is wrong"
	_, err := accounts.Credentials(w.account, wrong).Retrieve(t.Context())
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	_, err = accounts.Credentials(w.account, stored).Retrieve(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
}

func TestKeysPrintNoSecret(t *testing.T) {
	g := NewWithT(t)
	k := access.Keys{AccessKeyID: "AKIA", SecretAccessKey: "secret", SessionToken: "token", From: "Secret a/b"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		g.Expect(fmt.Sprintf(format, k)).To(Equal("keys from Secret a/b"))
	}
}

func TestLoadBaseFindsWhatTheEnvironmentSays(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	base, err := access.LoadBase(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	c, err := base.Credentials.Retrieve(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.AccessKeyID).To(Equal("AKIAENVIRONMENT"))
	g.Expect(base.Retryer().MaxAttempts()).To(Equal(1))
}
