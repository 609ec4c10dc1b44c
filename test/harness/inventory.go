package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam"
)

// MadeFor returns the ARNs of everything in AWS that the operator's tags say was made for a SAML
// provider of that name or for a mapping in the namespace of that name: roles first, each sort in
// order.
func (a *AWS) MadeFor(ctx context.Context, tenant string) ([]string, error) {
	inventory, err := a.Control.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, role := range inventory.Roles {
		if role.Tags[awsiam.TagNamespace] == tenant {
			arns = append(arns, role.ARN)
		}
	}
	for _, provider := range inventory.SAMLProviders {
		if provider.Tags[awsiam.TagName] == tenant {
			arns = append(arns, provider.ARN)
		}
	}
	return arns, nil
}

// Remove takes what MadeFor returned out of AWS, as an administrator of the account does.
func (a *AWS) Remove(ctx context.Context, arns ...string) error {
	var failures []error
	for _, arn := range arns {
		if _, role, ok := strings.Cut(arn, ":role/"); ok {
			failures = append(failures, a.removeRole(ctx, role[strings.LastIndex(role, "/")+1:]))
			continue
		}
		_, err := a.IAM.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: &arn})
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("clean up in AWS: %w", err)
	}
	return nil
}

func (a *AWS) removeRole(ctx context.Context, name string) error {
	inline, err := a.IAM.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, policy := range inline.PolicyNames {
		if _, err := a.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policy}); err != nil {
			return err
		}
	}
	_, err = a.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	return err
}

// AddToInstanceProfile makes something that keeps IAM from deleting a role, and returns what takes
// it away again.
func (a *AWS) AddToInstanceProfile(ctx context.Context, roleName string) (undo func(context.Context) error, err error) {
	if _, err := a.IAM.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &roleName}); err != nil {
		return nil, err
	}
	_, err = a.IAM.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &roleName, RoleName: &roleName})
	return func(ctx context.Context) error {
		var gone *iamtypes.NoSuchEntityException
		_, err := a.IAM.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &roleName, RoleName: &roleName})
		if err != nil && !errors.As(err, &gone) {
			return err
		}
		_, err = a.IAM.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: aws.String(roleName)})
		if errors.As(err, &gone) {
			return nil
		}
		return err
	}, err
}
