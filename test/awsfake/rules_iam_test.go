package awsfake_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

func pad(document string, characters int) string {
	return document + strings.Repeat(" ", characters-len(document))
}

func TestRulesOfSAMLProviders(t *testing.T) {
	create := func(name, document string) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			if document == "" {
				document = f.idp.Metadata()
			}
			_, err := f.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &name, SAMLMetadataDocument: &document})
			return err
		}
	}
	works := func(do func(*testing.T, *federation) error) fact {
		return func(t *testing.T, g *WithT, f *federation) { g.Expect(do(t, f)).To(Succeed()) }
	}
	fails := func(code, message string, do func(*testing.T, *federation) error) fact {
		return func(t *testing.T, g *WithT, f *federation) { expectRefusal(g, do(t, f), code, message) }
	}
	update := func(input iam.UpdateSAMLProviderInput) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			input.SAMLProviderArn = &f.providerARN
			_, err := f.iam.UpdateSAMLProvider(t.Context(), &input)
			return err
		}
	}
	get := func(t *testing.T, g *WithT, f *federation) *iam.GetSAMLProviderOutput {
		got, err := f.iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
		g.Expect(err).NotTo(HaveOccurred())
		return got
	}
	remove := func(t *testing.T, g *WithT, f *federation) {
		_, err := f.iam.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &f.providerARN})
		g.Expect(err).NotTo(HaveOccurred())
	}
	idp, err := sharedIdP()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	other, err := testidp.New(idp.EntityID)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	good := idp.Metadata()
	noIssuer := pad(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`, 1000)
	copies := func(n int) string { return idp.Metadata(slicesOf(idp, n-1)...) }
	checkFacts(t, map[string]fact{
		"a name has 1 to 128 letters, digits and ._-": all(works(create("aZ_9.-", "")), works(create(strings.Repeat("n", 128), "")),
			fails("ValidationError", "'name'", create(strings.Repeat("n", 129), "")), fails("ValidationError", "'name'", create("a b", "")), fails("ValidationError", "'name'", create("a/b", ""))),
		"metadata has 1,000 to 10,000,000 characters": all(fails("ValidationError", "greater than or equal to 1000", create("x", strings.Repeat("x", 999))),
			works(create("x", pad(good, 10_000_000))), fails("ValidationError", "less than or equal to 10000000", create("y", pad(good, 10_000_001)))),
		"metadata has no byte order mark": fails("InvalidInput", "Could not parse metadata", create("x", "\ufeff"+good)),
		"metadata is UTF-8":               fails("InvalidInput", "Could not parse metadata", create("x", good+"<!--\xff-->")),
		"metadata is answered as it was stored": func(t *testing.T, g *WithT, f *federation) {
			document := good + "\r\n\t<!-- & -->  \n"
			g.Expect(update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &document})(t, f)).To(Succeed())
			g.Expect(*get(t, g, f).SAMLMetadataDocument).To(Equal(document))
		},
		"validUntil in metadata does not count: a provider is valid for 100 years": func(t *testing.T, g *WithT, f *federation) {
			expired := strings.Replace(good, "entityID=", `validUntil="2001-01-01T00:00:00Z" entityID=`, 1)
			f.advance(time.Minute)
			g.Expect(update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &expired})(t, f)).To(Succeed())
			changed := f.now()
			f.advance(time.Minute)
			g.Expect(update(iam.UpdateSAMLProviderInput{AddPrivateKey: &encryptionPEM})(t, f)).To(Succeed(), "which is no change of metadata")
			g.Expect(*get(t, g, f).ValidUntil).To(Equal(changed.AddDate(100, 0, 0)))
			takes(nil)(t, g, f)
		},
		"an account has at most 100 providers": func(t *testing.T, g *WithT, f *federation) {
			for i := range 99 {
				g.Expect(create(fmt.Sprintf("p-%d", i), "")(t, f)).To(Succeed())
			}
			expectRefusal(g, create("p-99", "")(t, f), "LimitExceeded", "100")
		},
		"a provider has at most 10 keys": all(works(create("x", copies(10))), fails("LimitExceeded", "10", create("y", copies(11)))),
		"certificates may overlap while a key is rotated": func(t *testing.T, g *WithT, f *federation) {
			both, last := idp.Metadata(other), other.Metadata()
			g.Expect(update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &both})(t, f)).To(Succeed())
			for _, f.idp = range []*testidp.IdP{idp, other} {
				takes(nil)(t, g, f)
			}
			g.Expect(update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &last})(t, f)).To(Succeed())
			takes(nil)(t, g, f)
			f.idp = idp
			refuses("InvalidIdentityToken", "Response signature invalid", nil)(t, g, f)
		},
		"metadata that is none is refused in words":      fails("InvalidInput", "Could not parse metadata", create("x", strings.Repeat("x", 1000))),
		"metadata without an issuer is refused in words": fails("InvalidInput", "SAML Providers must reference at least one SAML assertion issuer.", create("x", noIssuer)),
		"a name that is taken is refused":                fails("EntityAlreadyExists", "corp", create("corp", "")),
		"an update of nothing is refused in words":       fails("ValidationError", "Unable to update identity provider. No updates are defined for metadata or encryption assertion.", update(iam.UpdateSAMLProviderInput{})),
		"Required encryption without a key is refused so": fails("InvalidInput", "Failed to set assertion encryption mode to Required because no private key is present.",
			update(iam.UpdateSAMLProviderInput{AssertionEncryptionMode: required})),
		"a third private key is refused in words": func(t *testing.T, g *WithT, f *federation) {
			add := update(iam.UpdateSAMLProviderInput{AddPrivateKey: &encryptionPEM})
			for range 2 {
				g.Expect(add(t, f)).To(Succeed())
			}
			expectRefusal(g, add(t, f), "LimitExceeded", "Private key limit of 2 is reached.")
		},
		"a provider that is not there is told by its ARN": func(t *testing.T, g *WithT, f *federation) {
			remove(t, g, f)
			_, err := f.iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
			expectRefusal(g, err, "NoSuchEntity", "Manifest not found for arn "+f.providerARN)
		},
		"roles keep their trust in a provider that is made again": func(t *testing.T, g *WithT, f *federation) {
			remove(t, g, f)
			refuses("InvalidIdentityToken", "Specified provider doesn't exist", nil)(t, g, f)
			g.Expect(create("corp", other.Metadata())(t, f)).To(Succeed())
			refuses("InvalidIdentityToken", "Response signature invalid", nil)(t, g, f)
			f.idp = other
			takes(nil)(t, g, f)
		},
		"IAM tells what it stored, not what STS honours": func(t *testing.T, g *WithT, f *federation) {
			lag := awsfake.Duration(time.Minute)
			g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{awsfake.AnyEndpoint: {ProviderPropagation: lag}}})).To(Succeed())
			f.advance(time.Minute)
			renewed := other.Metadata()
			g.Expect(update(iam.UpdateSAMLProviderInput{SAMLMetadataDocument: &renewed})(t, f)).To(Succeed())
			g.Expect(*get(t, g, f).SAMLMetadataDocument).To(Equal(renewed))
			f.idp = other
			refuses("InvalidIdentityToken", "Response signature invalid", nil)(t, g, f)
			f.advance(time.Minute)
			takes(nil)(t, g, f)
		},
	})
}

func slicesOf(idp *testidp.IdP, n int) []*testidp.IdP {
	all := make([]*testidp.IdP, n)
	for i := range all {
		all[i] = idp
	}
	return all
}

func TestRulesOfRoles(t *testing.T) {
	create := func(input iam.CreateRoleInput) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			if input.RoleName == nil {
				input.RoleName = aws.String("other")
			}
			if input.AssumeRolePolicyDocument == nil {
				input.AssumeRolePolicyDocument = aws.String(ec2Trust)
			}
			_, err := f.iam.CreateRole(t.Context(), &input)
			return err
		}
	}
	works := func(do func(*testing.T, *federation) error) fact {
		return func(t *testing.T, g *WithT, f *federation) { g.Expect(do(t, f)).To(Succeed()) }
	}
	fails := func(code, message string, do func(*testing.T, *federation) error) fact {
		return func(t *testing.T, g *WithT, f *federation) { expectRefusal(g, do(t, f), code, message) }
	}
	named := func(name string) iam.CreateRoleInput { return iam.CreateRoleInput{RoleName: &name} }
	trusted := func(principal string) iam.CreateRoleInput {
		return iam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRoleWithSAML"}]}`)}
	}
	lasting := func(seconds int32) iam.CreateRoleInput { return iam.CreateRoleInput{MaxSessionDuration: &seconds} }
	sized := func(n int) iam.CreateRoleInput {
		const statement = `{"Version":"2012-10-17","Statement":[{"Sid":"SID","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
		return iam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.Replace(statement, "SID", strings.Repeat("s", n-len(statement)+len("SID")), 1))}
	}
	whole := func(t *testing.T, g *WithT, f *federation) *iam.CreateRoleOutput {
		answer, err := f.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: aws.String("whole"), Path: aws.String("/reports/"), AssumeRolePolicyDocument: aws.String(ec2Trust), Description: aws.String("uploads"),
			MaxSessionDuration: aws.Int32(7200), PermissionsBoundary: aws.String(readOnly), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("reports")}},
		})
		g.Expect(err).NotTo(HaveOccurred())
		return answer
	}
	putInline := func(name string, characters int) func(*testing.T, *federation) error {
		return func(t *testing.T, f *federation) error {
			resource := "arn:aws:s3:::" + strings.Repeat("b", characters-len(anything)+len("*")-len("arn:aws:s3:::"))
			_, err := f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reports"), PolicyName: &name,
				PolicyDocument: aws.String(strings.Replace(anything, `"Resource":"*"`, `"Resource":"`+resource+`"`, 1))})
			return err
		}
	}
	lagging := func(t *testing.T, g *WithT, f *federation) {
		g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{STSEndpoints: map[string]awsfake.STSEndpoint{
			awsfake.AnyEndpoint: {RolePropagation: awsfake.Duration(time.Minute)},
		}})).To(Succeed())
		f.advance(time.Minute)
	}
	facts := map[string]fact{
		"a role trusts a provider, an action and an ACS": trusting(trustStatement(`"sts:AssumeRoleWithSAML"`, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`), takes(nil)),
		"everybody cannot be trusted":                    fails("MalformedPolicyDocument", "principal", create(trusted(`"*"`))),
		"every provider cannot be trusted":               fails("MalformedPolicyDocument", "principal", create(trusted(`{"Federated":"*"}`))),
		"a trust policy has at most 2,048 characters":    all(works(create(sized(2048))), fails("LimitExceeded", "2048", create(sized(2049)))),
		"a name has at most 64 characters":               all(works(create(named(strings.Repeat("r", 64)))), fails("ValidationError", "'roleName'", create(named(strings.Repeat("r", 65))))),
		"names are unique without regard to case":        fails("EntityAlreadyExists", "Reports", create(named("Reports"))),
		"inline policies have 10,240 characters together": all(works(putInline("a", 10000)), works(putInline("b", 240)),
			fails("LimitExceeded", "10240", putInline("b", 241))),
		"a role has at most 10 managed policies": func(t *testing.T, g *WithT, f *federation) {
			for i := range 10 {
				g.Expect(f.attach(t, "reports", f.createPolicy(t, fmt.Sprintf("p-%d", i), anything))).To(Succeed())
			}
			expectRefusal(g, f.attach(t, "reports", readOnly), "LimitExceeded", "10")
		},
		"a policy that is not there cannot be attached": func(t *testing.T, g *WithT, f *federation) {
			expectRefusal(g, f.attach(t, "reports", "arn:aws:iam::aws:policy/Nothing"), "NoSuchEntity", "does not exist")
		},
		"MaxSessionDuration is 3,600 to 43,200": all(works(create(lasting(43200))), fails("ValidationError", "'maxSessionDuration'", create(lasting(3599))), fails("ValidationError", "'maxSessionDuration'", create(lasting(43201)))),
		"CreateRole answers no description and no maximum": func(t *testing.T, g *WithT, f *federation) {
			role := whole(t, g, f).Role
			g.Expect(role.Description).To(BeNil())
			g.Expect(role.MaxSessionDuration).To(BeNil())
		},
		"GetRole answers all": func(t *testing.T, g *WithT, f *federation) {
			whole(t, g, f)
			got, err := f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("whole")})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(aws.ToString(got.Role.Description)).To(Equal("uploads"))
			g.Expect(aws.ToInt32(got.Role.MaxSessionDuration)).To(BeEquivalentTo(7200))
			g.Expect(got.Role.Tags).To(HaveLen(1))
			g.Expect(aws.ToString(got.Role.PermissionsBoundary.PermissionsBoundaryArn)).To(Equal(readOnly))
		},
		"ListRoles answers by path, without tags and boundary": func(t *testing.T, g *WithT, f *federation) {
			whole(t, g, f)
			listed, err := f.iam.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/reports/")})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(listed.Roles).To(HaveLen(1))
			role := listed.Roles[0]
			g.Expect(role.Tags).To(BeEmpty())
			g.Expect(role.PermissionsBoundary).To(BeNil())
			g.Expect(aws.ToString(role.Description)).To(Equal("uploads"))
			g.Expect(aws.ToInt32(role.MaxSessionDuration)).To(BeEquivalentTo(7200))
		},
		"documents come back URL-encoded": func(t *testing.T, g *WithT, f *federation) {
			document := aws.ToString(whole(t, g, f).Role.AssumeRolePolicyDocument)
			g.Expect(document).To(HavePrefix("%7B%22Version%22"))
			g.Expect(url.QueryUnescape(document)).To(Equal(ec2Trust))
		},
		"a role with an attached policy is not deleted": func(t *testing.T, g *WithT, f *federation) {
			g.Expect(f.attach(t, "reports", readOnly)).To(Succeed())
			_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
			expectRefusal(g, err, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		},
		"a role with an inline policy is not deleted": func(t *testing.T, g *WithT, f *federation) {
			g.Expect(putInline("a", 1000)(t, f)).To(Succeed())
			_, err := f.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("reports")})
			expectRefusal(g, err, "DeleteConflict", "Cannot delete entity, must delete policies first.")
		},
		"a call names a role without its path": func(t *testing.T, g *WithT, f *federation) {
			whole(t, g, f)
			f.setTrust(t, "whole", trustPolicy(f.providerARN, ""))
			f.roleARN = "arn:aws:iam::111122223333:role/reports/whole"
			takes(nil)(t, g, f)
			f.roleARN = "arn:aws:iam::111122223333:role/whole"
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", nil)(t, g, f)
		},
		"the account's details are in pages, at most 1,000 long": func(t *testing.T, g *WithT, f *federation) {
			g.Expect(f.fake.Control().Seed(t.Context(), awsfake.Seed{Roles: 1100})).To(Succeed())
			page := func(items int32) *iam.GetAccountAuthorizationDetailsOutput {
				answer, err := f.iam.GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{MaxItems: &items, Filter: []types.EntityType{types.EntityTypeRole}})
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(answer.IsTruncated).To(BeTrue())
				return answer
			}
			g.Expect(page(1000).RoleDetailList).To(HaveLen(1000))
			g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{PageSize: 17})).To(Succeed())
			g.Expect(page(1000).RoleDetailList).To(HaveLen(17), "sometimes fewer than asked")
			_, err := f.iam.GetAccountAuthorizationDetails(t.Context(), &iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(1001)})
			expectRefusal(g, err, "ValidationError", "'maxItems'")
		},
		"the account's details have trust, policies, tags and boundary": func(t *testing.T, g *WithT, f *federation) {
			whole(t, g, f)
			g.Expect(f.attach(t, "whole", s3ReadOnly)).To(Succeed())
			details, err := f.iam.GetAccountAuthorizationDetails(t.Context(), nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(details.RoleDetailList).To(HaveLen(2))
			role := details.RoleDetailList[1]
			g.Expect(url.QueryUnescape(*role.AssumeRolePolicyDocument)).To(Equal(ec2Trust))
			g.Expect(role.AttachedManagedPolicies).To(HaveExactElements(HaveField("PolicyArn", HaveValue(Equal(s3ReadOnly)))))
			g.Expect(aws.ToString(role.PermissionsBoundary.PermissionsBoundaryArn)).To(Equal(readOnly))
			g.Expect(role.Tags).To(HaveLen(1))
		},
		"the account's details have no description, maximum or provider": func(t *testing.T, g *WithT, f *federation) {
			whole(t, g, f)
			raw := f.raw(t, "Action=GetAccountAuthorizationDetails&Version=2010-05-08")
			g.Expect(raw).To(ContainSubstring("<RoleName>whole</RoleName>"))
			for _, absent := range []string{"Description", "MaxSessionDuration", "uploads", "SAMLProvider"} {
				g.Expect(raw).NotTo(ContainSubstring("<" + absent))
			}
		},
		"STS honours a new role late": func(t *testing.T, g *WithT, f *federation) {
			lagging(t, g, f)
			f.roleARN = f.createRole(t, "late", trustPolicy(f.providerARN, ""), 3600)
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", nil)(t, g, f)
			f.advance(time.Minute)
			takes(nil)(t, g, f)
		},
		"STS honours a new trust policy late": func(t *testing.T, g *WithT, f *federation) {
			f.setTrust(t, "reports", ec2Trust)
			lagging(t, g, f)
			f.setTrust(t, "reports", trustPolicy(f.providerARN, ""))
			refuses("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", nil)(t, g, f)
			f.advance(time.Minute)
			takes(nil)(t, g, f)
		},
	}
	for code, status := range map[string]int{
		"ConcurrentModification": http.StatusConflict, "EntityTemporarilyUnmodifiable": http.StatusConflict,
		"ServiceFailure": http.StatusInternalServerError, "LimitExceeded": http.StatusConflict, "Throttling": http.StatusBadRequest,
	} {
		facts["IAM may answer "+code] = func(t *testing.T, g *WithT, f *federation) {
			g.Expect(f.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultFail, Status: status, Code: code, Message: "x", Count: 1})).To(Succeed())
			err := create(iam.CreateRoleInput{})(t, f)
			expectRefusal(g, err, code, "x")
			g.Expect(statusOf(g, err)).To(Equal(status))
			works(create(iam.CreateRoleInput{}))(t, g, f)
		}
	}
	checkFacts(t, facts)
}
