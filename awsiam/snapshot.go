package awsiam

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam/role"
)

// pageSize is the most that IAM takes as MaxItems.
const pageSize = 1000

// Snapshot is what one account held while it was read.
type Snapshot struct {
	// Roles of the account by ARN. Those outside the path prefix have no description and a
	// MaxSessionDuration of 0.
	Roles map[string]role.Role
	// Calls that it took.
	Calls int
}

func (c *client) Snapshot(ctx context.Context, pathPrefix string) (Snapshot, error) {
	s := Snapshot{Roles: map[string]role.Role{}}
	if err := s.readDetails(ctx, c.iam); err != nil {
		return Snapshot{}, err
	}
	if err := s.readSettings(ctx, c.iam, pathPrefix); err != nil {
		return Snapshot{}, err
	}
	return s, nil
}

func (s *Snapshot) readDetails(ctx context.Context, api *iam.Client) error {
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(api, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeRole}, MaxItems: aws.Int32(pageSize),
	})
	for pages.HasMorePages() {
		s.Calls++
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify("GetAccountAuthorizationDetails", err)
		}
		for i := range page.RoleDetailList {
			r, err := detailed(&page.RoleDetailList[i])
			if err != nil {
				return err
			}
			s.Roles[r.ARN] = r
		}
	}
	return nil
}

func detailed(d *types.RoleDetail) (role.Role, error) {
	const operation = "GetAccountAuthorizationDetails"
	if d.Arn == nil {
		return role.Role{}, incomplete(operation)
	}
	trust, err := decodeDocument(operation, d.AssumeRolePolicyDocument)
	if err != nil {
		return role.Role{}, err
	}
	r := role.Role{
		ARN: *d.Arn, TrustPolicy: trust, PermissionsBoundary: boundaryOf(d.PermissionsBoundary), Tags: fromTags(d.Tags),
		Policies: attachedARNs(d.AttachedManagedPolicies), InlinePolicies: make(map[string]string, len(d.RolePolicyList)),
	}
	slices.Sort(r.Policies)
	for _, p := range d.RolePolicyList {
		if r.InlinePolicies[aws.ToString(p.PolicyName)], err = decodeDocument(operation, p.PolicyDocument); err != nil {
			return role.Role{}, err
		}
	}
	return r, nil
}

// readSettings adds what only ListRoles tells of many roles at once.
func (s *Snapshot) readSettings(ctx context.Context, api *iam.Client, pathPrefix string) error {
	pages := iam.NewListRolesPaginator(api, &iam.ListRolesInput{PathPrefix: &pathPrefix, MaxItems: aws.Int32(pageSize)})
	for pages.HasMorePages() {
		s.Calls++
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify("ListRoles", err)
		}
		for _, listed := range page.Roles {
			arn := aws.ToString(listed.Arn)
			r, known := s.Roles[arn]
			if !known { // made in between: the next snapshot has it
				continue
			}
			r.Description = aws.ToString(listed.Description)
			r.MaxSessionDuration = time.Duration(aws.ToInt32(listed.MaxSessionDuration)) * time.Second
			s.Roles[arn] = r
		}
	}
	return nil
}
