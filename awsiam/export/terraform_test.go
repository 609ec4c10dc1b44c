package export_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	. "github.com/onsi/gomega"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
)

// module is an evaluated Terraform module: the arguments of its blocks by kind, labels and name.
type module map[string]map[string]cty.Value

// evaluate reads HCL with what Terraform would know before it asks AWS.
func evaluate(t testing.TB, source []byte) module {
	t.Helper()
	file, diagnostics := hclparse.NewParser().ParseHCL(source, "main.tf")
	if diagnostics.HasErrors() {
		t.Fatalf("%v\n%s", diagnostics, source)
	}
	evaluation := &hcl.EvalContext{
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.String))},
		Variables: map[string]cty.Value{},
	}
	read := module{}
	references := map[string]map[string]cty.Value{}
	blocks := file.Body.(*hclsyntax.Body).Blocks
	for _, b := range blocks {
		if b.Type != "resource" {
			continue
		}
		if references[b.Labels[0]] == nil {
			references[b.Labels[0]] = map[string]cty.Value{}
		}
		references[b.Labels[0]][b.Labels[1]] = cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(b.Labels[0] + "." + b.Labels[1])})
	}
	for kind, byLabel := range references {
		evaluation.Variables[kind] = cty.ObjectVal(byLabel)
	}
	evaluation.Variables["each"] = cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal("KEY"), "value": cty.StringVal("VALUE")})
	for _, b := range blocks {
		arguments := map[string]cty.Value{}
		for name, attribute := range b.Body.Attributes {
			value, diagnostics := attribute.Expr.Value(evaluation)
			if diagnostics.HasErrors() {
				t.Fatalf("%s of %s: %v", name, b.Labels, diagnostics)
			}
			arguments[name] = value
		}
		key := b.Type
		for _, label := range b.Labels {
			key += "." + label
		}
		if _, twice := read[key]; twice {
			t.Fatalf("%s stands twice", key)
		}
		read[key] = arguments
	}
	return read
}

func (m module) text(block, name string) string {
	if v, found := m[block][name]; found {
		return v.AsString()
	}
	return ""
}

func (m module) texts(block, name string) map[string]string {
	v, found := m[block][name]
	if !found {
		return nil
	}
	out := map[string]string{}
	for key, value := range v.AsValueMap() {
		out[key] = value.AsString()
	}
	return out
}

// role puts together what the blocks of a label make.
func (m module) role(label string) role.Role {
	block := "resource.aws_iam_role." + label
	seconds, _ := m[block]["max_session_duration"].AsBigFloat().Int64()
	r := role.Role{
		ARN:                 "arn:aws:iam::111122223333:role" + m.text(block, "path") + m.text(block, "name"),
		Description:         m.text(block, "description"),
		MaxSessionDuration:  time.Duration(seconds) * time.Second,
		TrustPolicy:         m.text(block, "assume_role_policy"),
		PermissionsBoundary: m.text(block, "permissions_boundary"),
		InlinePolicies:      m.texts("resource.aws_iam_role_policy."+label, "for_each"),
		Tags:                m.texts(block, "tags"),
	}
	if attached, found := m["resource.aws_iam_role_policy_attachment."+label]["for_each"]; found {
		for _, arn := range attached.AsValueSlice() {
			r.Policies = append(r.Policies, arn.AsString())
		}
	}
	return r
}

func TestTerraformSaysAllOfTheAccount(t *testing.T) {
	g := NewWithT(t)
	a := account(t)
	source, err := export.Terraform(a)
	g.Expect(err).NotTo(HaveOccurred())
	m := evaluate(t, source)
	g.Expect(slices.Sorted(maps.Keys(m))).To(Equal([]string{
		"data.aws_caller_identity.attache",
		"resource.aws_iam_role._9lives_bc867356",
		"resource.aws_iam_role.reports_uploader_9c9ea199",
		"resource.aws_iam_role_policy.reports_uploader_9c9ea199",
		"resource.aws_iam_role_policy_attachment.reports_uploader_9c9ea199",
		"resource.aws_iam_saml_provider.corp_example_2cc487dc",
		"terraform",
	}))
	provider := "resource.aws_iam_saml_provider.corp_example_2cc487dc"
	g.Expect(m.text(provider, "name")).To(Equal("corp.example"))
	g.Expect(m.text(provider, "saml_metadata_document")).To(Equal(a.Providers[0].Metadata))
	g.Expect(m.texts(provider, "tags")).To(Equal(a.Providers[0].Tags))
	for label, want := range map[string]role.Role{"reports_uploader_9c9ea199": uploader(), "_9lives_bc867356": plainRole()} {
		got := m.role(label)
		g.Expect(role.Differences(want, got)).To(BeEmpty())
		g.Expect(got.Description).To(Equal(want.Description))
		g.Expect(got.Tags).To(Equal(want.Tags))
	}
	for _, kind := range []string{"aws_iam_role_policy", "aws_iam_role_policy_attachment"} {
		g.Expect(m.text("resource."+kind+".reports_uploader_9c9ea199", "role")).To(Equal("aws_iam_role.reports_uploader_9c9ea199"))
	}
	g.Expect(m.text("resource.aws_iam_role_policy.reports_uploader_9c9ea199", "name")).To(Equal("KEY"))
	g.Expect(string(source)).To(MatchRegexp(`condition\s+= self\.account_id == "111122223333"`))
	g.Expect(string(source)).To(MatchRegexp(`depends_on\s+= \[aws_iam_saml_provider\.corp_example_2cc487dc\]`))
}

func TestAnIdentifierStaysWhenSomethingIsAdded(t *testing.T) {
	g := NewWithT(t)
	a := account(t)
	one, other := plainRole(), plainRole()
	one.ARN, other.ARN = "arn:aws:iam::111122223333:role/ab", "arn:aws:iam::111122223333:role/a.b"
	a.Roles = []role.Role{one, other}
	for format, write := range map[string]func(export.Account) ([]byte, error){"Terraform": export.Terraform, "CloudFormation": export.CloudFormation} {
		source, err := write(a)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(source)).To(Or(ContainSubstring(`"ab" {`), ContainSubstring("Roleab:")), format)
		g.Expect(string(source)).To(MatchRegexp(`"a_b_[0-9a-f]{8}" \{|Roleab[0-9a-f]{8}:`), format)
	}
}

func TestTextsThatTerraformWouldChangeAreRefused(t *testing.T) {
	g := NewWithT(t)
	_, err := export.Terraform(withDescription(account(t), "re\u0301ports"))
	g.Expect(err).To(MatchError(And(ContainSubstring("description: "), ContainSubstring("Unicode form NFC"))))
}

// FuzzTerraform holds that a text stays one, whatever it is.
func FuzzTerraform(f *testing.F) {
	for _, text := range []string{trap, "", "${", "%{", "$${x}", "\"", "\\", "\r\n\t", "EOT\n", "\x00", "\xc6"} {
		f.Add(text)
	}
	a := account(f)
	f.Fuzz(func(t *testing.T, text string) {
		source, err := export.Terraform(withDescription(a, text))
		if err != nil {
			return
		}
		m := evaluate(t, source)
		if got := m.text("resource.aws_iam_role.reports_uploader_9c9ea199", "description"); got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
