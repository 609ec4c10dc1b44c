package export_test

import (
	"encoding/json"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
)

// stack is a template as CloudFormation reads it.
type stack struct {
	AWSTemplateFormatVersion string
	Resources                map[string]struct {
		Type       string
		DependsOn  []string
		Properties struct {
			Name, SamlMetadataDocument                       string
			RoleName, Path, Description, PermissionsBoundary string
			MaxSessionDuration                               int
			AssumeRolePolicyDocument                         json.RawMessage
			ManagedPolicyArns                                []string
			Policies                                         []struct {
				PolicyName     string
				PolicyDocument json.RawMessage
			}
			Tags []struct{ Key, Value string }
		}
	}
}

// readStack goes by way of JSON, because policies are values of any form.
func readStack(t testing.TB, source []byte) stack {
	t.Helper()
	var anything any
	if err := yaml.Unmarshal(source, &anything); err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	text, err := json.Marshal(anything)
	if err != nil {
		t.Fatal(err)
	}
	var s stack
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

func (s stack) tags(id string) map[string]string {
	var tags map[string]string
	for _, tag := range s.Resources[id].Properties.Tags {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[tag.Key] = tag.Value
	}
	return tags
}

func (s stack) role(id string) role.Role {
	p := s.Resources[id].Properties
	r := role.Role{
		ARN: "arn:aws:iam::111122223333:role" + p.Path + p.RoleName, Description: p.Description,
		MaxSessionDuration: time.Duration(p.MaxSessionDuration) * time.Second, TrustPolicy: string(p.AssumeRolePolicyDocument),
		PermissionsBoundary: p.PermissionsBoundary, Policies: p.ManagedPolicyArns, InlinePolicies: map[string]string{}, Tags: s.tags(id),
	}
	for _, inline := range p.Policies {
		r.InlinePolicies[inline.PolicyName] = string(inline.PolicyDocument)
	}
	return r
}

func TestCloudFormationSaysAllOfTheAccount(t *testing.T) {
	g := NewWithT(t)
	a := account(t)
	source, err := export.CloudFormation(a)
	g.Expect(err).NotTo(HaveOccurred())
	s := readStack(t, source)
	g.Expect(s.AWSTemplateFormatVersion).To(Equal("2010-09-09"))
	const provider = "Providercorpexample2cc487dc"
	g.Expect(s.Resources).To(HaveLen(3))
	g.Expect(s.Resources[provider]).To(HaveField("Type", "AWS::IAM::SAMLProvider"))
	g.Expect(s.Resources[provider].Properties).To(And(HaveField("Name", "corp.example"), HaveField("SamlMetadataDocument", a.Providers[0].Metadata)))
	g.Expect(s.tags(provider)).To(Equal(a.Providers[0].Tags))
	for id, want := range map[string]role.Role{"Rolereportsuploader9c9ea199": uploader(), "Role9lives": plainRole()} {
		g.Expect(s.Resources[id]).To(And(HaveField("Type", "AWS::IAM::Role"), HaveField("DependsOn", []string{provider})))
		got := s.role(id)
		g.Expect(role.Differences(want, got)).To(BeEmpty())
		g.Expect(got.Description).To(Equal(want.Description))
		g.Expect(got.Tags).To(Equal(want.Tags))
	}
	g.Expect(string(source)).To(HavePrefix("# aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM"))
}

func TestWhatCloudFormationWouldTakeForItsOwn(t *testing.T) {
	a := account(t)
	function := uploader()
	function.InlinePolicies = map[string]string{"f": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"Fn::GetAtt":"x"}}}]}`}
	functions := a
	functions.Roles = []role.Role{function}
	many, none := a, a
	many.Roles = repeat(plainRole(), 500)
	none.Roles, none.Providers = nil, nil
	for _, row := range []struct {
		name    string
		account export.Account
		words   string
	}{
		{"a reference to a secret", withDescription(a, "{{resolve:secretsmanager:prod}}"), "which CloudFormation replaces by a parameter or secret"},
		{"a function", functions, `"Fn::GetAtt" in a policy is a function to CloudFormation`},
		{"too many resources", many, "501 resources, and a template has 1 to 500"},
		{"nothing", none, "0 resources"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := export.CloudFormation(row.account)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.words)))
		})
	}
}

// FuzzCloudFormation holds that a text stays one, whatever it is.
func FuzzCloudFormation(f *testing.F) {
	for _, text := range []string{trap, "", "yes", "0123", "111122223333", "1e3", "~", "!Sub ${AWS::AccountId}", "\t", " x ", "a\n b\n", "\x00", "2012-10-17", "<<", "=", "*a", "\u2028", "\x80"} {
		f.Add(text)
	}
	a := account(f)
	f.Fuzz(func(t *testing.T, text string) {
		source, err := export.CloudFormation(withDescription(a, text))
		if err != nil {
			return
		}
		if got := readStack(t, source).Resources["Rolereportsuploader9c9ea199"].Properties.Description; got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
