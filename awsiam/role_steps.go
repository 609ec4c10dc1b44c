package awsiam

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"attache.dev/attache/awsiam/role"
)

func (c roles) Do(ctx context.Context, arn string, s role.Step) error {
	name := aws.String(role.Name(arn))
	var err error
	switch s.Operation {
	case role.UpdateAssumeRolePolicy:
		_, err = c.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: &s.Document})
	case role.PutRolePermissionsBoundary:
		_, err = c.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: &s.PolicyARN})
	case role.DeleteRolePermissionsBoundary:
		_, err = c.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
	case role.AttachRolePolicy:
		_, err = c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: &s.PolicyARN})
	case role.DetachRolePolicy:
		_, err = c.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: &s.PolicyARN})
	case role.PutRolePolicy:
		_, err = c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: &s.PolicyName, PolicyDocument: &s.Document})
	case role.DeleteRolePolicy:
		_, err = c.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: &s.PolicyName})
	case role.UpdateRole:
		_, err = c.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: &s.Description, MaxSessionDuration: seconds(s.MaxSessionDuration)})
	case role.TagRole:
		_, err = c.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: toTags(s.Tags)})
	case role.UntagRole:
		_, err = c.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: s.TagKeys})
	case role.DeleteRole:
		_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	default:
		err = fmt.Errorf("%q is not a step of a role", s.Operation)
	}
	return classify(string(s.Operation), err)
}
