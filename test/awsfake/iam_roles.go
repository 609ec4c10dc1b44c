package awsfake

import (
	"regexp"
	"strings"
)

// Limits of roles (IAM API Reference, CreateRole; IAM User Guide, "IAM and AWS STS
// quotas").
const (
	minRoleSessionSeconds = 3600
	maxRoleInlinePolicies = 10240
)

var (
	nameText        = regexp.MustCompile(`^[\w+=,.@-]+$`)
	roleNameRule    = rule{min: 1, max: 64, pattern: nameText}
	pathRule        = rule{min: 1, max: 512, pattern: regexp.MustCompile(`^(/|/[!-~]+/)$`)}
	pathPrefixRule  = rule{min: 1, max: 512, pattern: regexp.MustCompile(`^/[!-~]*$`)}
	descriptionRule = rule{max: 1000, pattern: regexp.MustCompile(`^[\t\n\r -~\x{A1}-\x{FF}]*$`)}
	documentRule    = rule{min: 1, max: 131072}
)

// createRole's answer has neither description nor maximum session duration.
func createRole(c *call) (any, error) {
	r, err := c.readRole()
	if err != nil {
		return nil, err
	}
	boundaryARN, bounded, err := c.optional("PermissionsBoundary", arnRule)
	if err != nil {
		return nil, err
	}
	keys := conditionKeys{request: r.tags.sorted(), boundary: boundaryARN}
	if err := c.authorizeCreate("iam:CreateRole", "iam:TagRole", r.arn, keys); err != nil {
		return nil, err
	}
	if err := c.setTrust(r, c.form.Get("AssumeRolePolicyDocument")); err != nil {
		return nil, err
	}
	if c.principal.account.role(r.name) != nil {
		return nil, alreadyExists("Role with name %s already exists.", r.name)
	}
	if bounded {
		if r.boundary, err = c.boundaryPolicy(boundaryARN); err != nil {
			return nil, err
		}
	}
	r.id, r.created = newID(prefixRole), c.now
	c.principal.account.roles[strings.ToLower(r.name)] = r
	return roleResult{Role: r.view().withTagsAndBoundary(r)}, nil
}

func (c *call) readRole() (*role, error) {
	r := &role{path: "/", maxSessionDuration: minRoleSessionSeconds, policies: inlinePolicies{}, attached: attachedPolicies{}}
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

// boundaryActions are the actions on a role that see its boundary as
// iam:PermissionsBoundary (Service Authorization Reference, "AWS Identity and
// Access Management").
var boundaryActions = map[string]bool{
	"iam:AttachRolePolicy": true, "iam:DetachRolePolicy": true, "iam:PutRolePolicy": true, "iam:DeleteRolePolicy": true,
	"iam:DeleteRolePermissionsBoundary": true,
}

// roleFor authorizes action on the role that RoleName names.
func (c *call) roleFor(action string) (*role, error) { return c.roleWith(action, conditionKeys{}) }

// roleWith is roleFor with condition keys of the call.
func (c *call) roleWith(action string, keys conditionKeys) (*role, error) {
	name, err := c.required("RoleName", roleNameRule)
	if err != nil {
		return nil, err
	}
	r := c.principal.account.role(name)
	arn := iamARN(c.state.partition, c.principal.account.id, "role/"+name)
	if r != nil {
		arn, keys.resource = r.arn, r.tags
		if r.boundary != nil && boundaryActions[action] {
			keys.boundary = r.boundary.arn
		}
	}
	if err := c.authorize(action, arn, keys); err != nil {
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
	return roleResult{Role: r.view().withSettings(r).withTagsAndBoundary(r)}, nil
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

func deleteRole(c *call) (any, error) {
	r, err := c.roleFor("iam:DeleteRole")
	if err != nil {
		return nil, err
	}
	if len(c.principal.account.profilesOf(r)) > 0 {
		return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	if len(r.attached) > 0 {
		return nil, deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	if len(r.policies) > 0 {
		return nil, deleteConflict("Cannot delete entity, must delete policies first.")
	}
	delete(c.principal.account.roles, strings.ToLower(r.name))
	c.state.forget(r.arn, r.id)
	return nil, nil
}
