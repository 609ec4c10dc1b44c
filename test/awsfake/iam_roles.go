package awsfake

import (
	"regexp"
	"sort"
	"strings"
	"unicode"

	"attache.dev/attache/test/awsfake/policy"
)

// Limits of roles (IAM API Reference, CreateRole; IAM User Guide, "IAM and AWS STS
// quotas").
const (
	minRoleSessionSeconds = 3600
	maxTrustPolicy        = 2048
	maxRoleInlinePolicies = 10240
)

var (
	nameText         = regexp.MustCompile(`^[\w+=,.@-]+$`)
	roleNameRule     = rule{min: 1, max: 64, pattern: nameText}
	pathRule         = rule{min: 1, max: 512, pattern: regexp.MustCompile(`^(/|/[!-~]+/)$`)}
	pathPrefixRule   = rule{min: 1, max: 512, pattern: regexp.MustCompile(`^/[!-~]*$`)}
	descriptionRule  = rule{max: 1000}
	documentRule     = rule{min: 1, max: 131072}
	trustPrincipalID = regexp.MustCompile(`:(user|role)/`)
)

// roleView is a role as IAM prints it. Which fields are there depends on the
// operation.
type roleView struct {
	Path                     string        `xml:"Path"`
	RoleName                 string        `xml:"RoleName"`
	RoleID                   string        `xml:"RoleId"`
	Arn                      string        `xml:"Arn"`
	CreateDate               string        `xml:"CreateDate"`
	AssumeRolePolicyDocument string        `xml:"AssumeRolePolicyDocument"`
	Description              *string       `xml:"Description"`
	MaxSessionDuration       *int          `xml:"MaxSessionDuration"`
	Tags                     *members[tag] `xml:"Tags"`
}

type roleResult struct {
	Role roleView `xml:"Role"`
}

func (r *role) view() roleView {
	return roleView{
		Path: r.path, RoleName: r.name, RoleID: r.id, Arn: r.arn,
		CreateDate:               timestamp(r.created),
		AssumeRolePolicyDocument: encodeDocument(r.trustDocument),
	}
}

func (v roleView) withSettings(r *role) roleView {
	if r.description != "" {
		v.Description = &r.description
	}
	v.MaxSessionDuration = &r.maxSessionDuration
	return v
}

func (v roleView) withTags(r *role) roleView {
	if len(r.tags) > 0 {
		tags := list(r.tags.sorted())
		v.Tags = &tags
	}
	return v
}

// createRole's answer has neither description nor maximum session duration.
func createRole(c *call) (any, error) {
	r, err := c.readRole()
	if err != nil {
		return nil, err
	}
	if err := c.authorizeCreate("iam:CreateRole", "iam:TagRole", r.arn, r.tags.sorted()); err != nil {
		return nil, err
	}
	if err := c.setTrust(r, c.form.Get("AssumeRolePolicyDocument")); err != nil {
		return nil, err
	}
	if c.principal.account.role(r.name) != nil {
		return nil, alreadyExists("Role with name %s already exists.", r.name)
	}
	r.id, r.created = newID(prefixRole), c.now
	c.principal.account.roles[strings.ToLower(r.name)] = r
	return roleResult{Role: r.view().withTags(r)}, nil
}

func (c *call) readRole() (*role, error) {
	r := &role{path: "/", maxSessionDuration: minRoleSessionSeconds, policies: inlinePolicies{}}
	var err error
	if r.name, err = c.required("RoleName", roleNameRule); err != nil {
		return nil, err
	}
	if path, given, err := c.optional("Path", pathRule); err != nil {
		return nil, err
	} else if given {
		r.path = path
	}
	if _, err := c.required("AssumeRolePolicyDocument", documentRule); err != nil {
		return nil, err
	}
	if err := c.readRoleSettings(r); err != nil {
		return nil, err
	}
	tags, err := c.tags()
	if err != nil {
		return nil, err
	}
	r.tags = newTagSet(tags)
	r.arn = iamARN(c.state.partition, c.principal.account.id, "role"+r.path+r.name)
	return r, nil
}

func (c *call) readRoleSettings(r *role) error {
	description, given, err := c.optional("Description", descriptionRule)
	if err != nil {
		return err
	}
	if given {
		r.description = description
	}
	seconds, given, err := c.integer("MaxSessionDuration", minRoleSessionSeconds, maxSessionSeconds)
	if err != nil {
		return err
	}
	if given {
		r.maxSessionDuration = seconds
	}
	return nil
}

// setTrust stores a trust policy. Users and roles of this account that it names
// must exist; of other accounts and of providers IAM does not ask that.
func (c *call) setTrust(r *role, document string) error {
	trust, err := policy.ParseTrust(document)
	if err != nil {
		return policyError(err)
	}
	if countedLength(document) > maxTrustPolicy {
		return limitExceeded("ACLSizePerRole", maxTrustPolicy)
	}
	own := iamARN(c.state.partition, c.principal.account.id, "")
	for _, statement := range trust.Statements {
		for _, arn := range statement.Principals[policy.AWS] {
			if strings.HasPrefix(arn, own) && trustPrincipalID.MatchString(arn) && !c.exists(arn) {
				return policyError(&policy.MalformedError{Message: `Invalid principal in policy: "AWS":"` + arn + `"`})
			}
		}
	}
	r.trustDocument, r.trust = document, trust
	return nil
}

func (c *call) exists(arn string) bool {
	if c.state.roleByARN(arn) != nil {
		return true
	}
	u := c.principal.account.user(arn[strings.LastIndex(arn, "/")+1:])
	return u != nil && u.arn == arn
}

// countedLength counts a policy's characters as IAM's quotas do: without white
// space.
func countedLength(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// roleFor authorizes action on the role that RoleName names.
func (c *call) roleFor(action string) (*role, error) {
	name, err := c.required("RoleName", roleNameRule)
	if err != nil {
		return nil, err
	}
	r := c.principal.account.role(name)
	arn := iamARN(c.state.partition, c.principal.account.id, "role/"+name)
	about := conditionKeys{}
	if r != nil {
		arn, about.resource = r.arn, r.tags
	}
	if err := c.authorize(action, arn, about); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return r, nil
}

func getRole(c *call) (any, error) {
	r, err := c.roleFor("iam:GetRole")
	if err != nil {
		return nil, err
	}
	return roleResult{Role: r.view().withSettings(r).withTags(r)}, nil
}

// updateRole puts MaxSessionDuration back to one hour if the call does not say it
// (IAM API Reference, UpdateRole).
func updateRole(c *call) (any, error) {
	r, err := c.roleFor("iam:UpdateRole")
	if err != nil {
		return nil, err
	}
	changed := *r
	changed.maxSessionDuration = minRoleSessionSeconds
	if err := c.readRoleSettings(&changed); err != nil {
		return nil, err
	}
	r.description, r.maxSessionDuration = changed.description, changed.maxSessionDuration
	return struct{}{}, nil
}

func updateAssumeRolePolicy(c *call) (any, error) {
	r, err := c.roleFor("iam:UpdateAssumeRolePolicy")
	if err != nil {
		return nil, err
	}
	document, err := c.required("PolicyDocument", documentRule)
	if err != nil {
		return nil, err
	}
	return nil, c.setTrust(r, document)
}

func deleteRole(c *call) (any, error) {
	r, err := c.roleFor("iam:DeleteRole")
	if err != nil {
		return nil, err
	}
	if len(r.policies) > 0 {
		return nil, deleteConflict("Cannot delete entity, must delete policies first.")
	}
	delete(c.principal.account.roles, strings.ToLower(r.name))
	return nil, nil
}

type listRolesResult struct {
	Roles members[roleView] `xml:"Roles"`
	pageInfo
}

// listRoles prints roles without tags, as IAM does.
func listRoles(c *call) (any, error) {
	prefix, given, err := c.optional("PathPrefix", pathPrefixRule)
	if err != nil {
		return nil, err
	}
	if !given {
		prefix = "/"
	}
	below := iamARN(c.state.partition, c.principal.account.id, "role"+prefix)
	if err := c.authorize("iam:ListRoles", below, conditionKeys{}); err != nil {
		return nil, err
	}
	views := []roleView{}
	for _, r := range c.principal.account.roles {
		if strings.HasPrefix(r.path, prefix) {
			views = append(views, r.view().withSettings(r))
		}
	}
	sort.Slice(views, func(i, j int) bool { return views[i].RoleName < views[j].RoleName })
	views, next, err := page(c.params, views)
	if err != nil {
		return nil, err
	}
	return listRolesResult{Roles: list(views), pageInfo: pageEnd(next)}, nil
}

type listAttachedRolePoliciesResult struct {
	AttachedPolicies members[struct{}] `xml:"AttachedPolicies"`
	pageInfo
}

// listAttachedRolePolicies always answers an empty list: the server has no
// managed policies, so none can be attached.
func listAttachedRolePolicies(c *call) (any, error) {
	if _, err := c.roleFor("iam:ListAttachedRolePolicies"); err != nil {
		return nil, err
	}
	return listAttachedRolePoliciesResult{AttachedPolicies: list([]struct{}{})}, nil
}
