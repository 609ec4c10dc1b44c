package awsfake

import (
	"maps"
	"slices"
	"strings"
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
	PermissionsBoundary      *boundaryView `xml:"PermissionsBoundary"`
}

type boundaryView struct {
	PermissionsBoundaryType string `xml:"PermissionsBoundaryType"`
	PermissionsBoundaryArn  string `xml:"PermissionsBoundaryArn"`
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

func (v roleView) withTagsAndBoundary(r *role) roleView {
	if len(r.tags) > 0 {
		tags := list(r.tags.sorted())
		v.Tags = &tags
	}
	v.PermissionsBoundary = r.boundary.asBoundary()
	return v
}

func (p *managedPolicy) asBoundary() *boundaryView {
	if p == nil {
		return nil
	}
	return &boundaryView{PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: p.arn}
}

type listRolesResult struct {
	Roles members[roleView] `xml:"Roles"`
	pageInfo
}

// listRoles prints roles without tags and boundaries, as IAM does.
func listRoles(c *call) (any, error) {
	prefix, err := c.pathPrefix()
	if err != nil {
		return nil, err
	}
	below := iamARN(c.state.partition, c.principal.account.id, "role"+prefix)
	if err := c.authorize("iam:ListRoles", below, conditionKeys{}); err != nil {
		return nil, err
	}
	roles := c.principal.account.sortedRoles()
	roles = slices.DeleteFunc(roles, func(r *role) bool { return !strings.HasPrefix(r.path, prefix) })
	roles, next, err := page(c.params, roles)
	if err != nil {
		return nil, err
	}
	views := []roleView{}
	for _, r := range roles {
		views = append(views, r.view().withSettings(r))
	}
	return listRolesResult{Roles: list(views), pageInfo: pageEnd(next)}, nil
}

// pathPrefix returns the parameter PathPrefix, or "/".
func (p params) pathPrefix() (string, error) {
	prefix, given, err := p.optional("PathPrefix", pathPrefixRule)
	if !given {
		prefix = "/"
	}
	return prefix, err
}

func (a *account) sortedRoles() []*role {
	return slices.SortedFunc(maps.Values(a.roles), func(x, y *role) int { return strings.Compare(x.name, y.name) })
}
