package awsiam

import (
	"encoding/json"
	"fmt"

	"attache.dev/attache/awsiam/partition"
)

// providerActions are all that the operator calls for a SAML provider. TagSAMLProvider is also what
// IAM asks of a CreateSAMLProvider with tags (Service Authorization Reference, "Actions defined by
// IAM").
var providerActions = []string{
	"iam:CreateSAMLProvider",
	"iam:DeleteSAMLProvider",
	"iam:GetSAMLProvider",
	"iam:TagSAMLProvider",
	"iam:UntagSAMLProvider",
	"iam:UpdateSAMLProvider",
}

// readActions know no resource, or are about roles that the operator does not manage.
var readActions = []string{
	"iam:GetAccountAuthorizationDetails",
	"iam:GetRole",
	"iam:ListRoles",
}

// roleActions give no rights to a role: they read it, take rights away, or change what it is called
// and whom it trusts.
var roleActions = []string{
	"iam:DeleteRole",
	"iam:DeleteRolePolicy",
	"iam:DetachRolePolicy",
	"iam:GetRolePolicy",
	"iam:ListAttachedRolePolicies",
	"iam:ListInstanceProfilesForRole",
	"iam:ListRolePolicies",
	"iam:TagRole",
	"iam:UntagRole",
	"iam:UpdateAssumeRolePolicy",
	"iam:UpdateRole",
}

// RolesBounds are the bounds within which the operator manages roles of an account. They are those
// of the entries of allow[].managed together.
type RolesBounds struct {
	// PathPrefixes that the paths of the roles begin with, such as /reports/. None: no roles.
	PathPrefixes []string
	// PermissionsBoundary that every role has; empty: roles may be without.
	PermissionsBoundary string
	// Policies are patterns of the managed policies that roles may have, `*` for any characters. None:
	// roles have inline policies only.
	Policies []string
}

type policyStatement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// OperatorPolicy returns the identity policy that the operator needs for one SAMLProvider, as an
// indented JSON document: the calls it makes, on that IAM provider alone, and on roles within bounds.
// Where there is a boundary, a role without it can be given nothing.
func OperatorPolicy(p partition.Partition, accountID, providerName string, bounds RolesBounds) (string, error) {
	statements := []policyStatement{{
		Sid: "AttacheSAMLProvider", Effect: "Allow", Action: providerActions, Resource: []string{p.SAMLProviderARN(accountID, providerName)},
	}}
	if len(bounds.PathPrefixes) > 0 {
		statements = append(statements, bounds.statements(p, accountID)...)
	}
	document := struct {
		Version   string
		Statement []policyStatement
	}{"2012-10-17", statements}
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the operator's policy: %w", err)
	}
	return string(out), nil
}

func (b RolesBounds) statements(p partition.Partition, accountID string) []policyStatement {
	var roles []string
	for _, prefix := range b.PathPrefixes {
		roles = append(roles, p.RoleARN(accountID, prefix, "*"))
	}
	granting := policyStatement{
		Sid: "AttacheRolesGrant", Effect: "Allow", Resource: roles,
		Action: []string{"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"},
	}
	// Who may take a boundary away has none.
	if b.PermissionsBoundary == "" {
		granting.Action = append(granting.Action, "iam:DeleteRolePermissionsBoundary")
	} else {
		granting.Condition = map[string]map[string][]string{"StringEquals": {"iam:PermissionsBoundary": {b.PermissionsBoundary}}}
	}
	statements := []policyStatement{
		{Sid: "AttacheRead", Effect: "Allow", Action: readActions, Resource: []string{"*"}},
		{Sid: "AttacheRoles", Effect: "Allow", Action: roleActions, Resource: roles},
		granting,
	}
	if len(b.Policies) == 0 {
		return statements
	}
	attaching := policyStatement{
		Sid: "AttacheRolesAttach", Effect: "Allow", Action: []string{"iam:AttachRolePolicy"}, Resource: roles,
		Condition: map[string]map[string][]string{"ArnLike": {"iam:PolicyARN": b.Policies}},
	}
	if b.PermissionsBoundary != "" {
		attaching.Condition["StringEquals"] = granting.Condition["StringEquals"]
	}
	return append(statements, attaching)
}
