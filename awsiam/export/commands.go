package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
)

// Held is what the account holds already, as far as it is known, by ARN.
type Held struct {
	Providers map[string]awsiam.SAMLProvider
	Roles     map[string]role.Role
}

// Commands returns a shell script of the AWS CLI that leads from what the account holds to what it is
// to hold. It does nothing with the credentials of another account, and stops at the first error;
// what was done by then stays.
func Commands(a Account, held Held) ([]byte, error) {
	a, err := a.checked()
	if err != nil {
		return nil, err
	}
	s := &script{}
	for _, p := range a.Providers {
		s.provider(p, held.Providers)
	}
	for _, r := range a.Roles {
		if err := s.role(r, held.Roles); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ARN, err)
		}
	}
	return []byte(fmt.Sprintf(head, a.ID, a.Region, a.Region, a.ID, a.ID) + s.String()), nil
}

// head names the account twice: the script stops unless the credentials are its.
const head = `#!/bin/sh
# What AWS account %s needs for Attaché. Run it with credentials of an administrator of that account.
set -eu
export AWS_PAGER='' AWS_REGION='%s' AWS_DEFAULT_REGION='%s'

if [ "$(aws sts get-caller-identity --query Account --output text)" != '%s' ]; then
  echo 'these are not credentials of account %s' >&2
  exit 1
fi
`

type script struct{ strings.Builder }

func (s *script) provider(p Provider, held map[string]awsiam.SAMLProvider) {
	is, found := held[p.ARN]
	if !found {
		s.command("CreateSAMLProvider", input{"Name": p.name(), "Tags": tagList(p.Tags)}, option{"saml-metadata-document", p.Metadata})
		return
	}
	if is.Metadata != p.Metadata {
		s.command("UpdateSAMLProvider", input{"SAMLProviderArn": p.ARN}, option{"saml-metadata-document", p.Metadata})
	}
	missing := maps.Clone(p.Tags)
	maps.DeleteFunc(missing, func(key, value string) bool { return is.Tags[key] == value })
	if len(missing) > 0 {
		s.command("TagSAMLProvider", input{"SAMLProviderArn": p.ARN, "Tags": tagList(missing)})
	}
}

func (s *script) role(want role.Role, held map[string]role.Role) error {
	is, found := held[want.ARN]
	if !found {
		if err := s.createRole(want); err != nil {
			return err
		}
		is = want
		is.Policies, is.InlinePolicies = nil, nil
	}
	for _, step := range role.Plan(want, is) {
		if err := s.step(role.Name(want.ARN), step); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) createRole(r role.Role) error {
	trust, err := readable(r.TrustPolicy)
	if err != nil {
		return err
	}
	in := input{
		"RoleName": role.Name(r.ARN), "Path": role.Path(r.ARN),
		"MaxSessionDuration": int(r.MaxSessionDuration.Seconds()), "Tags": tagList(r.Tags),
	}
	if r.Description != "" {
		in["Description"] = r.Description
	}
	if r.PermissionsBoundary != "" {
		in["PermissionsBoundary"] = r.PermissionsBoundary
	}
	s.command("CreateRole", in, option{"assume-role-policy-document", trust})
	return nil
}

// step takes the parameters by the names that they have in the IAM API reference.
func (s *script) step(name string, step role.Step) error {
	in := input{"RoleName": name}
	switch step.Operation {
	case role.UpdateAssumeRolePolicy:
	case role.PutRolePermissionsBoundary:
		in["PermissionsBoundary"] = step.PolicyARN
	case role.DeleteRolePermissionsBoundary, role.DeleteRole:
	case role.AttachRolePolicy, role.DetachRolePolicy:
		in["PolicyArn"] = step.PolicyARN
	case role.PutRolePolicy, role.DeleteRolePolicy:
		in["PolicyName"] = step.PolicyName
	case role.UpdateRole:
		in["Description"], in["MaxSessionDuration"] = step.Description, int(step.MaxSessionDuration.Seconds())
	case role.TagRole:
		in["Tags"] = tagList(step.Tags)
	case role.UntagRole:
		in["TagKeys"] = step.TagKeys
	default:
		return fmt.Errorf("%q is not a step of a role", step.Operation)
	}
	if step.Document == "" {
		s.command(string(step.Operation), in)
		return nil
	}
	document, err := readable(step.Document)
	if err != nil {
		return err
	}
	s.command(string(step.Operation), in, option{"policy-document", document})
	return nil
}

// input is what --cli-input-json takes. Texts are given there because the CLI reads a file where the
// value of an option is file://PATH.
type input map[string]any

// option is for what begins with { or <, and is better read outside JSON.
type option struct{ name, value string }

var wordEnds = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// command writes one call; the CLI names commands after operations.
func (s *script) command(operation string, in input, options ...option) {
	// Maps, lists, strings and numbers: no such value fails.
	parameters, _ := json.MarshalIndent(in, "", "  ")
	fmt.Fprintf(s, "\naws iam %s --cli-input-json %s", commandName(operation), quote(string(parameters)))
	for _, o := range options {
		fmt.Fprintf(s, " \\\n  --%s %s", o.name, quote(o.value))
	}
	s.WriteString("\n")
}

// commandName is create-saml-provider for CreateSAMLProvider.
func commandName(operation string) string {
	return strings.ToLower(wordEnds.ReplaceAllString(operation, "$1$3-$2$4"))
}

// quote makes one word of any text (POSIX, Shell Command Language, section 2.2.2).
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

type tag struct{ Key, Value string }

func tagList(tags map[string]string) []tag {
	list := make([]tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}
