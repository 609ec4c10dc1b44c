package export

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"attache.dev/attache/awsiam/role"
)

// Types of the hashicorp/aws provider.
const (
	tfProvider   = "aws_iam_saml_provider"
	tfRole       = "aws_iam_role"
	tfAttachment = "aws_iam_role_policy_attachment"
	tfPolicy     = "aws_iam_role_policy"
)

var (
	tfNames        = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	notInTFNames   = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	notFirstInName = regexp.MustCompile(`^[^A-Za-z]`)
)

// tfName begins with a letter or underscore (Terraform Language, "Identifiers").
func tfName(name string) string {
	return notFirstInName.ReplaceAllString(identifier(name, tfNames, notInTFNames, "_"), "_$0")
}

// Terraform returns a module in HCL, for Terraform 1.2 and later or OpenTofu with the provider
// hashicorp/aws. Its plan fails with the credentials of another account.
func Terraform(a Account) ([]byte, error) {
	a, err := a.checked()
	if err != nil {
		return nil, err
	}
	t := &terraform{file: hclwrite.NewEmptyFile()}
	t.guard(a.ID)
	for _, p := range a.Providers {
		if err := t.provider(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p.ARN, err)
		}
	}
	for _, r := range a.Roles {
		if err := t.role(r); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ARN, err)
		}
	}
	return hclwrite.Format(t.file.Bytes()), nil
}

type terraform struct {
	file      *hclwrite.File
	providers []hclwrite.Tokens
}

func (t *terraform) block(kind string, labels ...string) *hclwrite.Body {
	if len(t.file.Body().Blocks()) > 0 {
		t.file.Body().AppendNewline()
	}
	return t.file.Body().AppendNewBlock(kind, labels).Body()
}

// guard has a plan with the credentials of another account fail.
func (t *terraform) guard(accountID string) {
	t.file.Body().AppendUnstructuredTokens(hclwrite.Tokens{{
		Type: hclsyntax.TokenComment, Bytes: []byte("# What AWS account " + accountID + " needs for Attaché.\n"),
	}})
	requirement := t.block("terraform")
	requirement.SetAttributeValue("required_version", cty.StringVal(">= 1.2"))
	requirement.AppendNewBlock("required_providers", nil).Body().
		SetAttributeValue("aws", cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal("hashicorp/aws")}))
	check := t.block("data", "aws_caller_identity", "attache").AppendNewBlock("lifecycle", nil).Body().AppendNewBlock("postcondition", nil).Body()
	check.SetAttributeRaw("condition", slices.Concat(
		reference("self", "account_id"),
		hclwrite.Tokens{{Type: hclsyntax.TokenEqualOp, Bytes: []byte("==")}},
		hclwrite.TokensForValue(cty.StringVal(accountID)),
	))
	check.SetAttributeValue("error_message", cty.StringVal("These are not credentials of account "+accountID+"."))
}

func (t *terraform) provider(p Provider) error {
	label := tfName(p.name())
	body := t.block("resource", tfProvider, label)
	t.providers = append(t.providers, reference(tfProvider, label))
	return setAll(body,
		setting{"name", p.name()},
		setting{"saml_metadata_document", p.Metadata},
		setting{"tags", p.Tags},
	)
}

func (t *terraform) role(r role.Role) error {
	label := tfName(role.Name(r.ARN))
	body := t.block("resource", tfRole, label)
	if err := setAll(body,
		setting{"name", role.Name(r.ARN)},
		setting{"path", role.Path(r.ARN)},
		setting{"description", r.Description},
		setting{"max_session_duration", int64(r.MaxSessionDuration.Seconds())},
		setting{"permissions_boundary", r.PermissionsBoundary},
		setting{"assume_role_policy", document(r.TrustPolicy)},
		setting{"tags", r.Tags},
	); err != nil {
		return err
	}
	if len(t.providers) > 0 {
		body.SetAttributeRaw("depends_on", hclwrite.TokensForTuple(t.providers))
	}
	if len(r.Policies) > 0 {
		t.attachments(label, r.Policies)
	}
	if len(r.InlinePolicies) > 0 {
		return t.inlinePolicies(label, r.InlinePolicies)
	}
	return nil
}

func (t *terraform) attachments(roleLabel string, arns []string) {
	var list []cty.Value
	for _, arn := range slices.Sorted(slices.Values(arns)) {
		list = append(list, cty.StringVal(arn))
	}
	body := t.block("resource", tfAttachment, roleLabel)
	body.SetAttributeRaw("for_each", hclwrite.TokensForFunctionCall("toset", hclwrite.TokensForValue(cty.TupleVal(list))))
	body.SetAttributeRaw("role", reference(tfRole, roleLabel, "name"))
	body.SetAttributeRaw("policy_arn", reference("each", "value"))
}

func (t *terraform) inlinePolicies(roleLabel string, documents map[string]string) error {
	var byName []hclwrite.ObjectAttrTokens
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		tokens, err := jsonencode(document(documents[name]))
		if err != nil {
			return fmt.Errorf("policy %s: %w", name, err)
		}
		byName = append(byName, hclwrite.ObjectAttrTokens{Name: hclwrite.TokensForValue(cty.StringVal(name)), Value: tokens})
	}
	body := t.block("resource", tfPolicy, roleLabel)
	body.SetAttributeRaw("for_each", hclwrite.TokensForObject(byName))
	body.SetAttributeRaw("role", reference(tfRole, roleLabel, "name"))
	body.SetAttributeRaw("name", reference("each", "key"))
	body.SetAttributeRaw("policy", reference("each", "value"))
	return nil
}

// document is a policy as JSON.
type document string

// setting is an argument of a block. It is left out if its value is empty.
type setting struct {
	name  string
	value any
}

func setAll(body *hclwrite.Body, settings ...setting) error {
	for _, s := range settings {
		switch v := s.value.(type) {
		case int64:
			body.SetAttributeValue(s.name, cty.NumberIntVal(v))
		case document:
			tokens, err := jsonencode(v)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			body.SetAttributeRaw(s.name, tokens)
		case map[string]string:
			if len(v) == 0 {
				continue
			}
			values := make(map[string]cty.Value, len(v))
			for key, value := range v {
				if err := checkText(key + value); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				values[key] = cty.StringVal(value)
			}
			body.SetAttributeValue(s.name, cty.MapVal(values))
		case string:
			if v == "" {
				continue
			}
			if err := checkText(v); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			body.SetAttributeValue(s.name, cty.StringVal(v))
		}
	}
	return nil
}

// checkText finds what Terraform would change: all its strings are in Unicode's form NFC.
func checkText(s string) error {
	if cty.StringVal(s).AsString() != s {
		return fmt.Errorf("%q is not in the Unicode form NFC, into which Terraform puts every text: write it in that form", s)
	}
	return nil
}

func jsonencode(d document) (hclwrite.Tokens, error) {
	of, err := ctyjson.ImpliedType([]byte(d))
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	value, err := ctyjson.Unmarshal([]byte(d), of)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return hclwrite.TokensForFunctionCall("jsonencode", hclwrite.TokensForValue(value)), nil
}

func reference(root string, attributes ...string) hclwrite.Tokens {
	traversal := hcl.Traversal{hcl.TraverseRoot{Name: root}}
	for _, name := range attributes {
		traversal = append(traversal, hcl.TraverseAttr{Name: name})
	}
	return hclwrite.TokensForTraversal(traversal)
}
