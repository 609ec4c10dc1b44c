package bootstrap

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/policy"
)

const (
	// sessionDuration is the shortest maximum that IAM has (IAM API reference, CreateRole).
	sessionDuration = time.Hour

	operatorPolicyName = "attache-operator"
	probePolicyName    = "nothing"

	policyVersion = "2012-10-17"

	// denyEverything also holds against resource policies that admit everybody.
	denyEverything = `{"Version":"2012-10-17","Statement":[{"Sid":"Nothing","Effect":"Deny","Action":"*","Resource":"*"}]}`
)

type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string][]string            `json:",omitempty"`
	Action    []string                       `json:",omitempty"`
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

func (d document) String() string {
	// Strings, lists and maps of them: no such value fails.
	out, _ := json.MarshalIndent(d, "", "  ")
	return string(out)
}

// operatorTrust admits who signs with the operator's own key and says the operator's name.
func (c Config) operatorTrust() string {
	return document{policyVersion, []statement{{
		Effect: policy.Allow, Principal: map[string][]string{"Federated": {ProviderARN(c.partition(), c.AccountID)}},
		Action: []string{"sts:AssumeRoleWithSAML"},
		Condition: map[string]map[string][]string{"StringEquals": {
			"SAML:aud": {c.partition().ACS},
			"SAML:sub": {c.NameID},
		}},
	}}}.String()
}

// probeTrust admits whatever the managed providers vouch for: it gives nothing to anybody.
func (c Config) probeTrust() string {
	var providers []string
	for _, name := range c.providers() {
		providers = append(providers, c.partition().SAMLProviderARN(c.AccountID, name))
	}
	return document{policyVersion, []statement{{
		Effect: policy.Allow, Principal: map[string][]string{"Federated": providers},
		Action:    []string{"sts:AssumeRoleWithSAML"},
		Condition: map[string]map[string][]string{"StringEquals": {"SAML:aud": {c.partition().ACS}}},
	}}}.String()
}

// providers are the names in order, each once.
func (c Config) providers() []string {
	names := slices.Clone(c.Providers)
	slices.Sort(names)
	return slices.Compact(names)
}

// policy is what the operator needs for each of its providers, and the denial of all that would let
// it change what it is itself.
func (c Config) policy() (string, error) {
	all := document{Version: policyVersion}
	for _, name := range c.providers() {
		text, err := awsiam.OperatorPolicy(c.partition(), c.AccountID, name, c.Roles)
		if err != nil {
			return "", err
		}
		var one document
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return "", fmt.Errorf("read the operator's policy: %w", err)
		}
		all.merge(one)
	}
	p := c.partition()
	itself := statement{
		Sid: "AttacheNotItself", Effect: policy.Deny, Action: []string{"iam:*"},
		Resource: []string{ProviderARN(p, c.AccountID), RoleARN(p, c.AccountID), ProbeRoleARN(p, c.AccountID)},
	}
	if c.Roles.PermissionsBoundary != "" {
		itself.Resource = append(itself.Resource, c.Roles.PermissionsBoundary)
	}
	all.Statement = append(all.Statement, itself)
	return all.String(), nil
}

// merge adds the resources of statements that are there already, which differ in nothing else.
func (d *document) merge(other document) {
	for _, s := range other.Statement {
		i := slices.IndexFunc(d.Statement, func(known statement) bool { return known.Sid == s.Sid })
		if i < 0 {
			d.Statement = append(d.Statement, s)
			continue
		}
		for _, resource := range s.Resource {
			if !slices.Contains(d.Statement[i].Resource, resource) {
				d.Statement[i].Resource = append(d.Statement[i].Resource, resource)
			}
		}
	}
}
