package awsfake

import (
	"maps"
	"slices"
	"strings"
)

// entityFilters are the values of Filter (IAM API Reference,
// GetAccountAuthorizationDetails). awsfake has no groups.
var entityFilters = []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}

type inlinePolicyView struct {
	PolicyName     string `xml:"PolicyName"`
	PolicyDocument string `xml:"PolicyDocument"`
}

type userDetail struct {
	userView
	UserPolicyList          members[inlinePolicyView]   `xml:"UserPolicyList"`
	GroupList               members[string]             `xml:"GroupList"`
	AttachedManagedPolicies members[attachedPolicyView] `xml:"AttachedManagedPolicies"`
}

// roleDetail has neither description nor maximum session duration.
type roleDetail struct {
	Path                     string                       `xml:"Path"`
	RoleName                 string                       `xml:"RoleName"`
	RoleID                   string                       `xml:"RoleId"`
	Arn                      string                       `xml:"Arn"`
	CreateDate               string                       `xml:"CreateDate"`
	AssumeRolePolicyDocument string                       `xml:"AssumeRolePolicyDocument"`
	InstanceProfileList      members[instanceProfileView] `xml:"InstanceProfileList"`
	RolePolicyList           members[inlinePolicyView]    `xml:"RolePolicyList"`
	AttachedManagedPolicies  members[attachedPolicyView]  `xml:"AttachedManagedPolicies"`
	PermissionsBoundary      *boundaryView                `xml:"PermissionsBoundary"`
	Tags                     members[tag]                 `xml:"Tags"`
}

type policyDetail struct {
	policyView
	PolicyVersionList members[policyVersionView] `xml:"PolicyVersionList"`
}

type accountDetailsResult struct {
	UserDetailList  members[userDetail]   `xml:"UserDetailList"`
	GroupDetailList members[struct{}]     `xml:"GroupDetailList"`
	RoleDetailList  members[roleDetail]   `xml:"RoleDetailList"`
	Policies        members[policyDetail] `xml:"Policies"`
	pageInfo
}

// getAccountAuthorizationDetails pages through users, roles and policies as
// through one list.
func getAccountAuthorizationDetails(c *call) (any, error) {
	wanted, err := c.entityFilter()
	if err != nil {
		return nil, err
	}
	if err := c.authorize("iam:GetAccountAuthorizationDetails", "*", conditionKeys{}); err != nil {
		return nil, err
	}
	used := c.principal.account.policyUsage()
	entities, next, err := page(c.params, c.entities(wanted, used))
	if err != nil {
		return nil, err
	}
	result := accountDetailsResult{pageInfo: pageEnd(next)}
	profiles := c.principal.account.profilesByRoleID()
	for _, entity := range entities {
		switch e := entity.(type) {
		case *user:
			result.UserDetailList.Member = append(result.UserDetailList.Member, e.detail())
		case *role:
			result.RoleDetailList.Member = append(result.RoleDetailList.Member, e.detail(profiles[e.id]))
		case *managedPolicy:
			result.Policies.Member = append(result.Policies.Member, e.detail(used))
		}
	}
	return result, nil
}

// entityFilter returns the kinds that the call wants: all without a Filter.
func (c *call) entityFilter() (map[string]bool, error) {
	kinds := c.list("Filter")
	if len(kinds) == 0 {
		kinds = entityFilters
	}
	wanted := map[string]bool{}
	for _, kind := range kinds {
		if !slices.Contains(entityFilters, kind) {
			return nil, constraintError(&kind, "filter", "Member must satisfy enum value set: ["+strings.Join(entityFilters, ", ")+"]")
		}
		wanted[kind] = true
	}
	return wanted, nil
}

// entities lists what the call wants in a stable order. Of AWS's own policies
// those in use are there.
func (c *call) entities(wanted map[string]bool, used policyUsage) []any {
	var all []any
	account := c.principal.account
	if wanted["User"] {
		for _, u := range slices.SortedFunc(maps.Values(account.users), func(x, y *user) int { return strings.Compare(x.name, y.name) }) {
			all = append(all, u)
		}
	}
	if wanted["Role"] {
		for _, r := range account.sortedRoles() {
			all = append(all, r)
		}
	}
	if wanted["LocalManagedPolicy"] {
		for _, p := range account.sortedPolicies() {
			all = append(all, p)
		}
	}
	if wanted["AWSManagedPolicy"] {
		for _, p := range attachedPolicies(c.state.awsPolicies).sorted() {
			if used.attached[p]+used.boundary[p] > 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// profilesByRoleID goes by ID because a read that lags has copies of the roles.
func (a *account) profilesByRoleID() map[string][]*instanceProfile {
	byRole := map[string][]*instanceProfile{}
	for _, p := range a.profiles {
		if p.role != nil {
			byRole[p.role.id] = append(byRole[p.role.id], p)
		}
	}
	return byRole
}

func (p inlinePolicies) views() []inlinePolicyView {
	views := []inlinePolicyView{}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		views = append(views, inlinePolicyView{PolicyName: name, PolicyDocument: encodeDocument(p[name].text)})
	}
	return views
}

func (u *user) detail() userDetail {
	return userDetail{
		userView: u.view(), UserPolicyList: list(u.policies.views()), AttachedManagedPolicies: list(attachedViews(u.attached.sorted())),
	}
}

func (r *role) detail(profiles []*instanceProfile) roleDetail {
	return roleDetail{
		Path: r.path, RoleName: r.name, RoleID: r.id, Arn: r.arn, CreateDate: timestamp(r.created),
		AssumeRolePolicyDocument: encodeDocument(r.trustDocument),
		InstanceProfileList:      list(profileViews(profiles)),
		RolePolicyList:           list(r.policies.views()),
		AttachedManagedPolicies:  list(attachedViews(r.attached.sorted())),
		PermissionsBoundary:      r.boundary.asBoundary(),
		Tags:                     list(r.tags.sorted()),
	}
}

func (p *managedPolicy) detail(used policyUsage) policyDetail {
	return policyDetail{policyView: p.view(used), PolicyVersionList: list([]policyVersionView{p.version()})}
}
