package harness

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
)

// operatorUser is the IAM user as which the operator calls.
const operatorUser = "attache-operator"

// AllowOperator gives the operator's user the rights that the README lists for one provider, with
// managed roles below the path /attache/PROVIDER/ and the managed policies PROVIDER-*, and no others.
func (a *AWS) AllowOperator(ctx context.Context, providerName string) error {
	return a.AllowOperatorRoles(ctx, providerName, awsiam.RolesBounds{
		PathPrefixes: []string{"/attache/" + providerName + "/"},
		Policies:     []string{PolicyARN(providerName + "-*")},
	})
}

// AllowOperatorRoles is AllowOperator with other bounds. What was allowed before goes after the new
// rights are there, so that no call of the operator falls between.
func (a *AWS) AllowOperatorRoles(ctx context.Context, providerName string, bounds awsiam.RolesBounds) error {
	document, err := awsiam.OperatorPolicy(partition.Commercial, AccountID, providerName, bounds)
	if err != nil {
		return err
	}
	if err := a.ensureOperatorUser(ctx); err != nil {
		return err
	}
	path, sum := operatorPath(providerName), sha256.Sum256([]byte(document))
	name := fmt.Sprintf("%s-%x", providerName, sum[:4])
	var exists *iamtypes.EntityAlreadyExistsException
	_, err = a.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, Path: &path, PolicyDocument: &document})
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("write the operator's policy: %w", err)
	}
	arn := PolicyARN(path[1:] + name)
	if _, err := a.IAM.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String(operatorUser), PolicyArn: &arn}); err != nil {
		return fmt.Errorf("allow the operator: %w", err)
	}
	return a.forbidOperator(ctx, providerName, arn)
}

// ForbidOperator takes the rights of AllowOperator away.
func (a *AWS) ForbidOperator(ctx context.Context, providerName string) error {
	return a.forbidOperator(ctx, providerName, "")
}

// forbidOperator takes all rights for a provider away but those of one policy.
func (a *AWS) forbidOperator(ctx context.Context, providerName, but string) error {
	user, path := aws.String(operatorUser), operatorPath(providerName)
	attached, err := a.IAM.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: user, PathPrefix: &path})
	if err != nil {
		return fmt.Errorf("list the operator's rights: %w", err)
	}
	for _, p := range attached.AttachedPolicies {
		if aws.ToString(p.PolicyArn) == but {
			continue
		}
		if _, err := a.IAM.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: user, PolicyArn: p.PolicyArn}); err != nil {
			return fmt.Errorf("forbid the operator: %w", err)
		}
		if _, err := a.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.PolicyArn}); err != nil {
			return fmt.Errorf("delete the operator's policy: %w", err)
		}
	}
	return nil
}

// operatorPath is the path of the policies that give the operator its rights for a provider.
func operatorPath(providerName string) string { return "/operator/" + providerName + "/" }

func (a *AWS) ensureOperatorUser(ctx context.Context) error {
	var exists *iamtypes.EntityAlreadyExistsException
	if _, err := a.IAM.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(operatorUser)}); err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create the operator's user: %w", err)
	}
	return nil
}

// operatorKey makes a fresh access key for the operator's user, and the user where it is absent. The
// keys before it, whose Secret is gone, are deleted: a user has two at most.
func (a *AWS) operatorKey(ctx context.Context) (id, secret string, err error) {
	if err := a.ensureOperatorUser(ctx); err != nil {
		return "", "", err
	}
	old, err := a.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(operatorUser)})
	if err != nil {
		return "", "", fmt.Errorf("list the operator's access keys: %w", err)
	}
	for _, key := range old.AccessKeyMetadata {
		if _, err := a.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String(operatorUser), AccessKeyId: key.AccessKeyId}); err != nil {
			return "", "", fmt.Errorf("delete an access key of the operator: %w", err)
		}
	}
	out, err := a.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(operatorUser)})
	if err != nil {
		return "", "", fmt.Errorf("create the operator's access key: %w", err)
	}
	return aws.ToString(out.AccessKey.AccessKeyId), aws.ToString(out.AccessKey.SecretAccessKey), nil
}

// PolicyARN returns the ARN of a managed policy of the account, or of its path and name.
func PolicyARN(name string) string { return "arn:aws:iam::" + AccountID + ":policy/" + name }
