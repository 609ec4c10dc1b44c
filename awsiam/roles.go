package awsiam

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam/role"
)

// Roles are IAM's calls for roles. IAM finds a role by its name, without regard to path and case:
// before a change the caller compares the whole ARN, and the tags, of what Get returned. Every error
// is an *Error.
type Roles interface {
	// Get returns everything of the role of that name, or an Error of kind NotFound. It takes three
	// calls and one for each inline policy.
	Get(ctx context.Context, name string) (role.Role, error)
	// GetTrust returns ARN, description, trust policy, maximum session duration, boundary and tags, in
	// one call.
	GetTrust(ctx context.Context, name string) (role.Role, error)
	// Create makes the role with all but its policies in one step. It returns an Error of kind
	// AlreadyExists when the name is taken. When the answer is lost, Get finds out whether it was made.
	Create(ctx context.Context, want role.Role) error
	// Do carries out one step of a plan. An Error of kind NotFound means that the role, or what the
	// step takes away or refers to, is not there: the plan is outdated.
	Do(ctx context.Context, arn string, step role.Step) error
	// InstanceProfiles returns the names of the instance profiles that hold the role, which keep IAM
	// from deleting it.
	InstanceProfiles(ctx context.Context, name string) ([]string, error)
}

type roles struct {
	iam *iam.Client
}

func (c roles) GetTrust(ctx context.Context, name string) (role.Role, error) {
	out, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return role.Role{}, classify("GetRole", err)
	}
	if out.Role == nil || out.Role.Arn == nil {
		return role.Role{}, incomplete("GetRole")
	}
	trust, err := decodeDocument("GetRole", out.Role.AssumeRolePolicyDocument)
	if err != nil {
		return role.Role{}, err
	}
	return role.Role{
		ARN:                 *out.Role.Arn,
		Description:         aws.ToString(out.Role.Description),
		MaxSessionDuration:  time.Duration(aws.ToInt32(out.Role.MaxSessionDuration)) * time.Second,
		TrustPolicy:         trust,
		PermissionsBoundary: boundaryOf(out.Role.PermissionsBoundary),
		Tags:                fromTags(out.Role.Tags),
	}, nil
}

func (c roles) Get(ctx context.Context, name string) (role.Role, error) {
	r, err := c.GetTrust(ctx, name)
	if err != nil {
		return role.Role{}, err
	}
	if r.Policies, err = c.attachedPolicies(ctx, name); err != nil {
		return role.Role{}, err
	}
	if r.InlinePolicies, err = c.inlinePolicies(ctx, name); err != nil {
		return role.Role{}, err
	}
	return r, nil
}

func (c roles) attachedPolicies(ctx context.Context, name string) ([]string, error) {
	var arns []string
	pages := iam.NewListAttachedRolePoliciesPaginator(c.iam, &iam.ListAttachedRolePoliciesInput{RoleName: &name, MaxItems: aws.Int32(pageSize)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify("ListAttachedRolePolicies", err)
		}
		arns = append(arns, attachedARNs(page.AttachedPolicies)...)
	}
	slices.Sort(arns)
	return arns, nil
}

func (c roles) inlinePolicies(ctx context.Context, name string) (map[string]string, error) {
	var names []string
	pages := iam.NewListRolePoliciesPaginator(c.iam, &iam.ListRolePoliciesInput{RoleName: &name, MaxItems: aws.Int32(pageSize)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify("ListRolePolicies", err)
		}
		names = append(names, page.PolicyNames...)
	}
	documents := make(map[string]string, len(names))
	for _, policyName := range names {
		out, err := c.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policyName})
		if err != nil {
			return nil, classify("GetRolePolicy", err)
		}
		if documents[policyName], err = decodeDocument("GetRolePolicy", out.PolicyDocument); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

func (c roles) Create(ctx context.Context, want role.Role) error {
	in := &iam.CreateRoleInput{
		RoleName:                 aws.String(role.Name(want.ARN)),
		Path:                     aws.String(role.Path(want.ARN)),
		AssumeRolePolicyDocument: &want.TrustPolicy,
		MaxSessionDuration:       seconds(want.MaxSessionDuration),
		Tags:                     toTags(want.Tags),
	}
	if want.Description != "" {
		in.Description = &want.Description
	}
	if want.PermissionsBoundary != "" {
		in.PermissionsBoundary = &want.PermissionsBoundary
	}
	out, err := c.iam.CreateRole(ctx, in)
	if err != nil {
		return classify("CreateRole", err)
	}
	if out.Role == nil || out.Role.Arn == nil {
		return incomplete("CreateRole")
	}
	if made := *out.Role.Arn; made != want.ARN {
		return wrongAccount("CreateRole", made, want.ARN, c.Do(ctx, made, role.Step{Operation: role.DeleteRole}))
	}
	return nil
}

func (c roles) InstanceProfiles(ctx context.Context, name string) ([]string, error) {
	var names []string
	pages := iam.NewListInstanceProfilesForRolePaginator(c.iam, &iam.ListInstanceProfilesForRoleInput{RoleName: &name, MaxItems: aws.Int32(pageSize)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, classify("ListInstanceProfilesForRole", err)
		}
		for _, p := range page.InstanceProfiles {
			names = append(names, aws.ToString(p.InstanceProfileName))
		}
	}
	slices.Sort(names)
	return names, nil
}

// decodeDocument reads a policy as IAM returns it (IAM API reference, GetRole: "URL-encoded JSON").
func decodeDocument(operation string, encoded *string) (string, error) {
	if encoded == nil {
		return "", incomplete(operation)
	}
	document, err := url.PathUnescape(*encoded)
	if err != nil {
		return "", &Error{Kind: Unavailable, Operation: operation, Message: fmt.Sprintf("IAM returned a policy that is not URL-encoded: %v", err), Err: err}
	}
	return document, nil
}

func boundaryOf(b *types.AttachedPermissionsBoundary) string {
	if b == nil {
		return ""
	}
	return aws.ToString(b.PermissionsBoundaryArn)
}

func attachedARNs(policies []types.AttachedPolicy) []string {
	arns := make([]string, 0, len(policies))
	for _, p := range policies {
		arns = append(arns, aws.ToString(p.PolicyArn))
	}
	return arns
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d.Seconds())) }
