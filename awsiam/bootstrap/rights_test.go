package bootstrap_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

func TestWhatTheOperatorMayDoAndWhatNot(t *testing.T) {
	w := newWorld(t)
	w.bring(bootstrap.Create)
	operator, root := w.operator(), w.API(w.Root)
	w.must(root.Roles().Create(t.Context(), role.Role{ARN: "arn:aws:iam::111122223333:role/others/admin", MaxSessionDuration: time.Hour, TrustPolicy: trusting(corp)}))
	unbound := reports("/reports/", "")
	unbound.ARN = "arn:aws:iam::111122223333:role/reports/unbound"
	named := func(arn string) role.Role {
		r := reports("/reports/", boundary)
		r.ARN = arn
		return r
	}
	type call func(context.Context) error
	create := func(r role.Role) call {
		return func(ctx context.Context) error { return operator.Roles().Create(ctx, r) }
	}
	do := func(arn string, s role.Step) call {
		return func(ctx context.Context) error { return operator.Roles().Do(ctx, arn, s) }
	}
	attach := func(policy string) role.Step {
		return role.Step{Operation: role.AttachRolePolicy, PolicyARN: policy}
	}
	admit := role.Step{Operation: role.UpdateAssumeRolePolicy, Document: trusting(corp)}
	reportsARN := "arn:aws:iam::111122223333:role/reports/reports"
	for _, row := range []struct {
		name    string
		call    call
		allowed bool
	}{
		{"make a provider that is its to manage", func(ctx context.Context) error {
			return operator.Providers().Create(ctx, corp, w.config.Metadata, map[string]string{"a": "b"})
		}, true},
		{"make another provider", func(ctx context.Context) error {
			return operator.Providers().Create(ctx, "arn:aws:iam::111122223333:saml-provider/other", w.config.Metadata, nil)
		}, false},
		{"make a role below its path with the boundary", create(reports("/reports/", boundary)), true},
		{"make a role beside its own", create(named("arn:aws:iam::111122223333:role/attache/tenant")), true},
		{"make a role without the boundary", create(unbound), false},
		{"make a role with another boundary", create(func() role.Role {
			r := unbound
			r.PermissionsBoundary = "arn:aws:iam::aws:policy/AdministratorAccess"
			return r
		}()), false},
		{"make a role elsewhere", create(named("arn:aws:iam::111122223333:role/mine/tenant2")), false},
		{"attach a policy that roles may have", do(reportsARN, attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")), true},
		{"attach another policy", do(reportsARN, attach("arn:aws:iam::aws:policy/AdministratorAccess")), false},
		{"take a boundary away", do(reportsARN, role.Step{Operation: role.DeleteRolePermissionsBoundary}), false},
		{"put itself among those whom a foreign role trusts", do("arn:aws:iam::111122223333:role/others/admin", admit), false},
		{"change whom its own role trusts", do(operatorRole, admit), false},
		{"give its own role a policy", do(operatorRole, role.Step{Operation: role.PutRolePolicy, PolicyName: "more", Document: allow("*")}), false},
		{"take its own policy away, and with it the denial", do(operatorRole, role.Step{Operation: role.DeleteRolePolicy, PolicyName: "attache-operator"}), false},
		{"attach a policy to its own role", do(operatorRole, attach("arn:aws:iam::aws:policy/AmazonS3FullAccess")), false},
		{"delete its own role", do(operatorRole, role.Step{Operation: role.DeleteRole}), false},
		{"tag its own role", do(operatorRole, role.Tag(map[string]string{"a": "b"})), false},
		{"let another key in", func(ctx context.Context) error {
			return operator.Providers().Update(ctx, operatorProvider, w.config.Metadata)
		}, false},
		{"delete its own provider", func(ctx context.Context) error { return operator.Providers().Delete(ctx, operatorProvider) }, false},
		{"give the probe something", do(probeRole, role.Step{Operation: role.DeleteRolePolicy, PolicyName: "nothing"}), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			err := row.call(t.Context())
			if row.allowed {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(HaveOccurred())
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Denied), "%v", err)
		})
	}
	t.Run("delete the boundary itself", func(t *testing.T) {
		_, err := w.IAM(w.operatorConfig()).DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: aws.String(boundary)})
		NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring("api error AccessDenied"), ContainSubstring("explicit deny"))))
	})
}

// attempt is what somebody says to STS.
type attempt struct {
	signedWith   keys.Key
	issuer, name string
	role         string
	// said is the provider that the assertion names, presented the one that STS is told.
	said, presented string
}

func (w *world) attempt(a attempt) (*sts.AssumeRoleWithSAMLOutput, error) {
	w.t.Helper()
	response, err := assertion.Response(idp.Statement{
		Issuer: a.issuer, NameID: a.name, NameIDFormat: assertion.FormatPersistent, Audience: "urn:amazon:webservices", Recipient: acs,
		Attributes: []idp.Attribute{
			{Name: assertion.AttributeRole, Values: []string{a.role + "," + a.said}},
			{Name: assertion.AttributeRoleSessionName, Values: []string{"session"}},
		},
		Lifetime: 5 * time.Minute, SessionLifetime: time.Hour,
	}, a.signedWith, time.Now(), rand.Reader)
	w.must(err)
	encoded, err := assertion.Encode(response)
	w.must(err)
	return w.sts(aws.AnonymousCredentials{}).AssumeRoleWithSAML(w.t.Context(), &sts.AssumeRoleWithSAMLInput{
		RoleArn: &a.role, PrincipalArn: &a.presented, SAMLAssertion: &encoded,
	})
}

func (w *world) sts(c aws.CredentialsProvider) *sts.Client {
	return sts.New(sts.Options{Region: region, BaseEndpoint: &w.URL, Credentials: c, RetryMaxAttempts: 1})
}

// codeOf is AWS's code in an error, without the whole answer that Gomega would print.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// podsIssuer is the entity ID of the identity provider whose pods are suspected.
const podsIssuer = "https://login.corp.example/saml/metadata"

func TestNoPodOfAnIdentityProviderCanBecomeTheOperator(t *testing.T) {
	w := newWorld(t)
	w.bring(bootstrap.Create)
	operators, err := w.identity.Key(t.Context())
	w.must(err)
	pods := newKey(t)
	identity := identityWith(pods)
	identity.Issuer = podsIssuer
	podsMetadata, err := identity.Metadata(t.Context())
	w.must(err)
	w.must(w.operator().Providers().Create(t.Context(), corp, podsMetadata, nil))

	own := attempt{signedWith: operators, issuer: w.identity.Issuer, name: w.identity.NameID(), role: operatorRole, said: operatorProvider, presented: operatorProvider}
	with := func(change func(*attempt)) attempt {
		a := own
		change(&a)
		return a
	}
	t.Run("the operator can, so that what follows is not for nothing", func(t *testing.T) {
		_, err := w.attempt(own)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
	})
	for _, row := range []struct {
		name    string
		attempt attempt
		code    string
	}{
		{"with the provider of pods", with(func(a *attempt) { a.signedWith, a.issuer, a.said, a.presented = pods, podsIssuer, corp, corp }), "AccessDenied"},
		{"with the provider of pods, in the operator's provider's name", with(func(a *attempt) { a.signedWith, a.issuer, a.presented = pods, podsIssuer, corp }), "InvalidIdentityToken"},
		{"with the operator's provider", with(func(a *attempt) { a.signedWith, a.issuer = pods, podsIssuer }), "InvalidIdentityToken"},
		{"as the operator's issuer, signed with the pods' key", with(func(a *attempt) { a.signedWith = pods }), "InvalidIdentityToken"},
		{"as the operator's issuer at the provider of pods", with(func(a *attempt) { a.signedWith, a.said, a.presented = pods, corp, corp }), "InvalidIdentityToken"},
		{"with the operator's key, but as somebody else", with(func(a *attempt) { a.name = "system:serviceaccount:attache-system:attache-corp" }), "AccessDenied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := w.attempt(row.attempt)
			NewWithT(t).Expect(codeOf(err)).To(Equal(row.code), "%v", err)
		})
	}
	t.Run("with the credentials of a pod that may do everything", func(t *testing.T) {
		g := NewWithT(t)
		w.grantEverything("/reports/", "admin")
		out, err := w.attempt(attempt{signedWith: pods, issuer: podsIssuer, name: "system:serviceaccount:reports:admin",
			role: "arn:aws:iam::111122223333:role/reports/admin", said: corp, presented: corp})
		g.Expect(err).NotTo(HaveOccurred())
		session := credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		_, err = w.sts(session).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(operatorRole), RoleSessionName: aws.String("session")})
		g.Expect(codeOf(err)).To(Equal("AccessDenied"))
	})
	t.Run("with the credentials of a pod within the boundary", func(t *testing.T) {
		g := NewWithT(t)
		admin := reports("/reports/", boundary)
		g.Expect(w.operator().Roles().Create(t.Context(), admin)).To(Succeed())
		g.Expect(w.operator().Roles().Do(t.Context(), admin.ARN, role.Step{Operation: role.PutRolePolicy, PolicyName: "everything", Document: allow("*")})).To(Succeed())
		out, err := w.attempt(attempt{signedWith: pods, issuer: podsIssuer, name: "system:serviceaccount:reports:admin", role: admin.ARN, said: corp, presented: corp})
		g.Expect(err).NotTo(HaveOccurred())
		session := w.API(aws.Config{Credentials: credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)})
		for _, err := range []error{
			session.Roles().Do(t.Context(), operatorRole, role.Step{Operation: role.UpdateAssumeRolePolicy, Document: trusting(corp)}),
			session.Providers().Update(t.Context(), operatorProvider, podsMetadata),
		} {
			g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Denied))
		}
	})
}

// grantEverything makes a role of pods as an administrator could, without a boundary.
func (w *world) grantEverything(path, name string) {
	w.t.Helper()
	_, err := w.IAM(w.Root).CreateRole(w.t.Context(), &iam.CreateRoleInput{Path: &path, RoleName: &name, AssumeRolePolicyDocument: aws.String(trusting(corp))})
	w.must(err)
	_, err = w.IAM(w.Root).AttachRolePolicy(w.t.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	w.must(err)
}

func TestTheProbeTellsWhetherAKeyIsTrustedAndGivesNothing(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.bring(bootstrap.Create)
	pods, next := newKey(t), newKey(t)
	identity := identityWith(pods)
	identity.Issuer = podsIssuer
	metadata, err := identity.Metadata(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.operator().Providers().Create(t.Context(), corp, metadata, nil)).To(Succeed())
	probe := attempt{signedWith: pods, issuer: podsIssuer, name: "attache-probe", role: probeRole, said: corp, presented: corp}
	out, err := w.attempt(probe)
	g.Expect(err).NotTo(HaveOccurred())
	probe.signedWith = next
	_, err = w.attempt(probe)
	g.Expect(codeOf(err)).To(Equal("InvalidIdentityToken"))

	session := aws.Config{Credentials: credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)}
	_, err = w.API(session).Roles().GetTrust(t.Context(), "attache-probe")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Denied))
	g.Expect(err).To(MatchError(ContainSubstring("explicit deny")))
}
