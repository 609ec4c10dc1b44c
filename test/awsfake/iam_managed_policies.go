package awsfake

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// maxManagedPolicy is in characters without white space (IAM User Guide, "IAM and
// AWS STS quotas").
const maxManagedPolicy = 6144

// onlyVersion is the version of every managed policy: the operations that make
// others are refused.
const onlyVersion = "v1"

var versionRule = rule{min: 1, max: 64, pattern: regexp.MustCompile(`^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$`)}

// managedPolicy is a policy of its own, of the account or of AWS.
type managedPolicy struct {
	name, path, arn, id string
	description         string
	document            string
	parsed              *policy.Document
	created             time.Time
	tags                tagSet
}

// managedPolicy finds a policy of the caller's account or of AWS, or nil.
func (c *call) managedPolicy(arn string) *managedPolicy {
	return c.state.managedPolicy(c.principal.account, arn)
}

func (s *state) managedPolicy(a *account, arn string) *managedPolicy {
	if p := s.awsPolicies[arn]; p != nil {
		return p
	}
	p := a.policies[strings.ToLower(arn[strings.LastIndex(arn, "/")+1:])]
	if p == nil || p.arn != arn {
		return nil
	}
	return p
}

type policyView struct {
	PolicyName                    string        `xml:"PolicyName"`
	PolicyID                      string        `xml:"PolicyId"`
	Arn                           string        `xml:"Arn"`
	Path                          string        `xml:"Path"`
	DefaultVersionID              string        `xml:"DefaultVersionId"`
	AttachmentCount               int           `xml:"AttachmentCount"`
	PermissionsBoundaryUsageCount int           `xml:"PermissionsBoundaryUsageCount"`
	IsAttachable                  bool          `xml:"IsAttachable"`
	Description                   *string       `xml:"Description"`
	CreateDate                    string        `xml:"CreateDate"`
	UpdateDate                    string        `xml:"UpdateDate"`
	Tags                          *members[tag] `xml:"Tags"`
}

type policyResult struct {
	Policy policyView `xml:"Policy"`
}

// view prints a policy without description and tags, as ListPolicies does.
func (p *managedPolicy) view(used policyUsage) policyView {
	return policyView{
		PolicyName: p.name, PolicyID: p.id, Arn: p.arn, Path: p.path, DefaultVersionID: onlyVersion, IsAttachable: true,
		AttachmentCount: used.attached[p], PermissionsBoundaryUsageCount: used.boundary[p],
		CreateDate: timestamp(p.created), UpdateDate: timestamp(p.created),
	}
}

func (v policyView) withTags(p *managedPolicy) policyView {
	if len(p.tags) > 0 {
		tags := list(p.tags.sorted())
		v.Tags = &tags
	}
	return v
}

// policyUsage counts the roles and users that use each managed policy.
type policyUsage struct{ attached, boundary map[*managedPolicy]int }

func (a *account) policyUsage() policyUsage {
	used := policyUsage{attached: map[*managedPolicy]int{}, boundary: map[*managedPolicy]int{}}
	for _, r := range a.roles {
		for _, p := range r.attached {
			used.attached[p]++
		}
		if r.boundary != nil {
			used.boundary[r.boundary]++
		}
	}
	for _, u := range a.users {
		for _, p := range u.attached {
			used.attached[p]++
		}
	}
	return used
}

func createPolicy(c *call) (any, error) {
	p, err := c.readManagedPolicy()
	if err != nil {
		return nil, err
	}
	if err := c.authorizeCreate("iam:CreatePolicy", "iam:TagPolicy", p.arn, conditionKeys{request: p.tags.sorted()}); err != nil {
		return nil, err
	}
	if p.parsed, err = policy.ParseIdentity(p.document); err != nil {
		return nil, policyError(err)
	}
	if countedLength(p.document) > maxManagedPolicy {
		return nil, limitExceeded("PolicySize", maxManagedPolicy)
	}
	policies, key := c.principal.account.policies, strings.ToLower(p.name)
	if policies[key] != nil {
		return nil, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", p.name)
	}
	p.id, p.created = newID(prefixManagedPolicy), c.now
	policies[key] = p
	return policyResult{Policy: p.view(policyUsage{}).withTags(p)}, nil
}

func (c *call) readManagedPolicy() (*managedPolicy, error) {
	p := &managedPolicy{path: "/"}
	var err error
	if p.name, err = c.required("PolicyName", policyNameRule); err != nil {
		return nil, err
	}
	if path, given, err := c.optional("Path", pathRule); err != nil {
		return nil, err
	} else if given {
		p.path = path
	}
	if p.document, err = c.required("PolicyDocument", documentRule); err != nil {
		return nil, err
	}
	if p.description, _, err = c.optional("Description", descriptionRule); err != nil {
		return nil, err
	}
	tags, err := c.tags()
	if err != nil {
		return nil, err
	}
	p.tags = newTagSet(tags)
	p.arn = iamARN(c.state.partition, c.principal.account.id, "policy"+p.path+p.name)
	return p, nil
}

// policyFor authorizes action on the managed policy that PolicyArn names.
func (c *call) policyFor(action string) (*managedPolicy, error) {
	arn, err := c.required("PolicyArn", arnRule)
	if err != nil {
		return nil, err
	}
	p := c.managedPolicy(arn)
	keys := conditionKeys{}
	if p != nil {
		keys.resource = p.tags
	}
	if err := c.authorize(action, arn, keys); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	return p, nil
}

func getManagedPolicy(c *call) (any, error) {
	p, err := c.policyFor("iam:GetPolicy")
	if err != nil {
		return nil, err
	}
	view := p.view(c.principal.account.policyUsage()).withTags(p)
	if p.description != "" {
		view.Description = &p.description
	}
	return policyResult{Policy: view}, nil
}

type policyVersionView struct {
	Document         string `xml:"Document"`
	VersionID        string `xml:"VersionId"`
	IsDefaultVersion bool   `xml:"IsDefaultVersion"`
	CreateDate       string `xml:"CreateDate"`
}

func (p *managedPolicy) version() policyVersionView {
	return policyVersionView{
		Document: encodeDocument(p.document), VersionID: onlyVersion, IsDefaultVersion: true, CreateDate: timestamp(p.created),
	}
}

type policyVersionResult struct {
	PolicyVersion policyVersionView `xml:"PolicyVersion"`
}

func getPolicyVersion(c *call) (any, error) {
	version, err := c.required("VersionId", versionRule)
	if err != nil {
		return nil, err
	}
	p, err := c.policyFor("iam:GetPolicyVersion")
	if err != nil {
		return nil, err
	}
	if version != onlyVersion {
		return nil, noSuchEntity("Policy %s version %s does not exist or is not attachable.", p.arn, version)
	}
	return policyVersionResult{PolicyVersion: p.version()}, nil
}

func deleteManagedPolicy(c *call) (any, error) {
	p, err := c.policyFor("iam:DeletePolicy")
	if err != nil {
		return nil, err
	}
	if c.state.awsPolicies[p.arn] != nil {
		return nil, accessDenied("Policy is outside your own account.")
	}
	used := c.principal.account.policyUsage()
	if used.attached[p]+used.boundary[p] > 0 {
		return nil, deleteConflict("Cannot delete a policy attached to entities.")
	}
	delete(c.principal.account.policies, strings.ToLower(p.name))
	return nil, nil
}

type listManagedPoliciesResult struct {
	Policies members[policyView] `xml:"Policies"`
	pageInfo
}

var scopeRule = rule{pattern: regexp.MustCompile(`^(All|AWS|Local)$`), max: 5}

func listManagedPolicies(c *call) (any, error) {
	scope, given, err := c.optional("Scope", scopeRule)
	if err != nil {
		return nil, err
	}
	if !given {
		scope = "All"
	}
	prefix, err := c.pathPrefix()
	if err != nil {
		return nil, err
	}
	if err := c.authorize("iam:ListPolicies", "*", conditionKeys{}); err != nil {
		return nil, err
	}
	var policies []*managedPolicy
	if scope != "Local" {
		policies = attachedPolicies(c.state.awsPolicies).sorted()
	}
	if scope != "AWS" {
		policies = append(policies, c.principal.account.sortedPolicies()...)
	}
	policies = slices.DeleteFunc(policies, outside(prefix))
	policies, next, err := page(c.params, policies)
	if err != nil {
		return nil, err
	}
	used := c.principal.account.policyUsage()
	views := []policyView{}
	for _, p := range policies {
		views = append(views, p.view(used))
	}
	return listManagedPoliciesResult{Policies: list(views), pageInfo: pageEnd(next)}, nil
}

func (a *account) sortedPolicies() []*managedPolicy {
	return slices.SortedFunc(maps.Values(a.policies), func(x, y *managedPolicy) int { return strings.Compare(x.name, y.name) })
}
