package awsfake

import (
	"slices"
	"strings"
	"time"
)

// Instance profiles are here because they keep a role from being deleted; an
// instance never uses one.

// maxRolesPerInstanceProfile cannot be raised (IAM User Guide, "IAM and AWS STS
// quotas").
const maxRolesPerInstanceProfile = 1

var instanceProfileNameRule = rule{min: 1, max: 128, pattern: nameText}

type instanceProfile struct {
	name, path, arn, id string
	created             time.Time
	tags                tagSet
	// role is nil while the profile is empty.
	role *role
}

type instanceProfileView struct {
	Path                string            `xml:"Path"`
	InstanceProfileName string            `xml:"InstanceProfileName"`
	InstanceProfileID   string            `xml:"InstanceProfileId"`
	Arn                 string            `xml:"Arn"`
	CreateDate          string            `xml:"CreateDate"`
	Roles               members[roleView] `xml:"Roles"`
}

type instanceProfileResult struct {
	InstanceProfile instanceProfileView `xml:"InstanceProfile"`
}

func (p *instanceProfile) view() instanceProfileView {
	v := instanceProfileView{
		Path: p.path, InstanceProfileName: p.name, InstanceProfileID: p.id, Arn: p.arn, CreateDate: timestamp(p.created),
	}
	if p.role != nil {
		v.Roles = list([]roleView{p.role.view()})
	}
	return v
}

// profilesOf returns the instance profiles that hold a role, by name.
func (a *account) profilesOf(r *role) []*instanceProfile {
	var found []*instanceProfile
	for _, p := range a.profiles {
		if p.role != nil && p.role.id == r.id {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(x, y *instanceProfile) int { return strings.Compare(x.name, y.name) })
	return found
}

func createInstanceProfile(c *call) (any, error) {
	name, err := c.required("InstanceProfileName", instanceProfileNameRule)
	if err != nil {
		return nil, err
	}
	path, given, err := c.optional("Path", pathRule)
	if err != nil {
		return nil, err
	}
	if !given {
		path = "/"
	}
	tags, err := c.tags()
	if err != nil {
		return nil, err
	}
	arn := iamARN(c.state.partition, c.principal.account.id, "instance-profile"+path+name)
	if err := c.authorizeCreate("iam:CreateInstanceProfile", "iam:TagInstanceProfile", arn, conditionKeys{request: tags}); err != nil {
		return nil, err
	}
	profiles, key := c.principal.account.profiles, strings.ToLower(name)
	if profiles[key] != nil {
		return nil, alreadyExists("Instance Profile %s already exists.", name)
	}
	p := &instanceProfile{name: name, path: path, arn: arn, id: newID(prefixInstanceProfile), created: c.now, tags: newTagSet(tags)}
	profiles[key] = p
	return instanceProfileResult{InstanceProfile: p.view()}, nil
}

// instanceProfileFor authorizes action on the profile that InstanceProfileName names.
func (c *call) instanceProfileFor(action string) (*instanceProfile, error) {
	name, err := c.required("InstanceProfileName", instanceProfileNameRule)
	if err != nil {
		return nil, err
	}
	p := c.principal.account.profiles[strings.ToLower(name)]
	arn := iamARN(c.state.partition, c.principal.account.id, "instance-profile/"+name)
	keys := conditionKeys{}
	if p != nil {
		arn, keys.resource = p.arn, p.tags
	}
	if err := c.authorize(action, arn, keys); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchEntity("Instance Profile %s cannot be found.", name)
	}
	return p, nil
}

// addRoleToInstanceProfile also asks for iam:PassRole on the role (IAM API
// Reference, AddRoleToInstanceProfile).
func addRoleToInstanceProfile(c *call) (any, error) {
	p, err := c.instanceProfileFor("iam:AddRoleToInstanceProfile")
	if err != nil {
		return nil, err
	}
	r, err := c.roleFor("iam:PassRole")
	if err != nil {
		return nil, err
	}
	if p.role != nil {
		return nil, limitExceeded("InstanceSessionsPerInstanceProfile", maxRolesPerInstanceProfile)
	}
	p.role = r
	return nil, nil
}

func removeRoleFromInstanceProfile(c *call) (any, error) {
	name, err := c.required("RoleName", roleNameRule)
	if err != nil {
		return nil, err
	}
	p, err := c.instanceProfileFor("iam:RemoveRoleFromInstanceProfile")
	if err != nil {
		return nil, err
	}
	if p.role == nil || p.role != c.principal.account.role(name) {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	p.role = nil
	return nil, nil
}

func deleteInstanceProfile(c *call) (any, error) {
	p, err := c.instanceProfileFor("iam:DeleteInstanceProfile")
	if err != nil {
		return nil, err
	}
	if p.role != nil {
		return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	delete(c.principal.account.profiles, strings.ToLower(p.name))
	return nil, nil
}

type listInstanceProfilesResult struct {
	InstanceProfiles members[instanceProfileView] `xml:"InstanceProfiles"`
	pageInfo
}

func listInstanceProfilesForRole(c *call) (any, error) {
	r, err := c.roleFor("iam:ListInstanceProfilesForRole")
	if err != nil {
		return nil, err
	}
	profiles, next, err := page(c.params, c.principal.account.profilesOf(r))
	if err != nil {
		return nil, err
	}
	return listInstanceProfilesResult{InstanceProfiles: list(profileViews(profiles)), pageInfo: pageEnd(next)}, nil
}

func profileViews(profiles []*instanceProfile) []instanceProfileView {
	views := []instanceProfileView{}
	for _, p := range profiles {
		views = append(views, p.view())
	}
	return views
}
