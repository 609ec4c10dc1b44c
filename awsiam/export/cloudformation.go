package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"attache.dev/attache/awsiam/role"
)

// Quotas of a template (CloudFormation User Guide, "Understand CloudFormation quotas").
const (
	maxResources = 500
	maxTemplate  = 1_000_000
)

var (
	logicalIDs      = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	notInLogicalIDs = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

func logicalID(kind, name string) string {
	return kind + identifier(name, logicalIDs, notInLogicalIDs, "")
}

type template struct {
	Version     string              `yaml:"AWSTemplateFormatVersion"`
	Description string              `yaml:"Description"`
	Resources   map[string]resource `yaml:"Resources"`
}

type resource struct {
	Type       string   `yaml:"Type"`
	DependsOn  []string `yaml:"DependsOn,omitempty"`
	Properties any      `yaml:"Properties"`
}

type cfnProvider struct {
	Name     string   `yaml:"Name"`
	Metadata string   `yaml:"SamlMetadataDocument"`
	Tags     []cfnTag `yaml:"Tags,omitempty"`
}

type cfnRole struct {
	Name                string      `yaml:"RoleName"`
	Path                string      `yaml:"Path"`
	Description         string      `yaml:"Description,omitempty"`
	MaxSessionDuration  int         `yaml:"MaxSessionDuration"`
	PermissionsBoundary string      `yaml:"PermissionsBoundary,omitempty"`
	TrustPolicy         any         `yaml:"AssumeRolePolicyDocument"`
	Policies            []string    `yaml:"ManagedPolicyArns,omitempty"`
	InlinePolicies      []cfnPolicy `yaml:"Policies,omitempty"`
	Tags                []cfnTag    `yaml:"Tags,omitempty"`
}

type cfnPolicy struct {
	Name     string `yaml:"PolicyName"`
	Document any    `yaml:"PolicyDocument"`
}

type cfnTag struct {
	Key   string `yaml:"Key"`
	Value string `yaml:"Value"`
}

// CloudFormation returns a template in YAML.
func CloudFormation(a Account) ([]byte, error) {
	a, err := a.checked()
	if err != nil {
		return nil, err
	}
	if n := len(a.Providers) + len(a.Roles); n == 0 || n > maxResources {
		return nil, fmt.Errorf("%d resources, and a template has 1 to %d: export parts of the account, or to Terraform", n, maxResources)
	}
	t := template{
		Version: "2010-09-09", Description: "What AWS account " + a.ID + " needs for Attaché", Resources: map[string]resource{},
	}
	var providers []string
	for _, p := range a.Providers {
		id := logicalID("Provider", p.name())
		providers = append(providers, id)
		t.Resources[id] = resource{Type: "AWS::IAM::SAMLProvider", Properties: cfnProvider{p.name(), p.Metadata, cfnTags(p.Tags)}}
	}
	for _, r := range a.Roles {
		properties, err := cfnRoleOf(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.ARN, err)
		}
		t.Resources[logicalID("Role", role.Name(r.ARN))] = resource{Type: "AWS::IAM::Role", DependsOn: providers, Properties: properties}
	}
	return t.encode()
}

func (t template) encode() ([]byte, error) {
	out := bytes.NewBufferString("# aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM --stack-name attache --template-file THIS_FILE\n")
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(t); err != nil {
		return nil, fmt.Errorf("write the template: %w", err)
	}
	// Whoever wrote a description could have a secret of the account put into it.
	if bytes.Contains(out.Bytes(), []byte("{{resolve:")) {
		return nil, errors.New("a text contains {{resolve:, which CloudFormation replaces by a parameter or secret: write it differently, or export to Terraform")
	}
	if out.Len() > maxTemplate {
		return nil, fmt.Errorf("%d bytes, and a template has at most %d: export parts of the account, or to Terraform", out.Len(), maxTemplate)
	}
	return out.Bytes(), nil
}

func cfnRoleOf(r role.Role) (cfnRole, error) {
	trust, err := values(r.TrustPolicy)
	if err != nil {
		return cfnRole{}, err
	}
	out := cfnRole{
		Name: role.Name(r.ARN), Path: role.Path(r.ARN), Description: r.Description,
		MaxSessionDuration: int(r.MaxSessionDuration.Seconds()), PermissionsBoundary: r.PermissionsBoundary,
		TrustPolicy: trust, Policies: slices.Sorted(slices.Values(r.Policies)), Tags: cfnTags(r.Tags),
	}
	for _, name := range slices.Sorted(maps.Keys(r.InlinePolicies)) {
		document, err := values(r.InlinePolicies[name])
		if err != nil {
			return cfnRole{}, err
		}
		out.InlinePolicies = append(out.InlinePolicies, cfnPolicy{name, document})
	}
	return out, nil
}

func cfnTags(tags map[string]string) []cfnTag {
	var out []cfnTag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, cfnTag{key, tags[key]})
	}
	return out
}

// values is a policy as maps, lists and strings.
func values(document string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return plain(value)
}

// plain makes strings of numbers, which are the same to IAM: YAML would write large ones as 1.1e+11.
// It finds what CloudFormation would take for a function of its own.
func plain(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case json.Number:
		return v.String(), nil
	case []any:
		for i := range v {
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if key == "Ref" || strings.HasPrefix(key, "Fn::") {
				return nil, fmt.Errorf("%q in a policy is a function to CloudFormation: take it out", key)
			}
			if v[key], err = plain(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
