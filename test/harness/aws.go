package harness

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/awsfake"
)

const (
	// AccountID is the AWS account that the stand-in knows.
	AccountID = "111122223333"
	// Region in which it stands.
	Region = "eu-west-1"
	// AWSEndpoint is the base URL of IAM and STS inside the cluster.
	AWSEndpoint = "http://awsfake.aws.svc"

	awsNamespace  = "aws"
	adminSecret   = "awsfake-admin"
	controlPort   = 8081
	deployTimeout = 3 * time.Minute
)

//go:embed awsfake.yaml
var awsfakeManifest string

// AWS is the stand-in for AWS, in a namespace of its own.
type AWS struct {
	// IAM is a client with the rights of the account's root user.
	IAM *iam.Client
	// Control makes it fail on purpose.
	Control awsfake.Control

	stsOptions sts.Options
}

// InstallAWS brings the stand-in up; one that runs already is kept with its state.
func (c *Cluster) InstallAWS(ctx context.Context, image string) (*AWS, error) {
	set := func(u *unstructured.Unstructured) {
		if u.GetKind() != "Deployment" {
			return
		}
		containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = image
		_ = unstructured.SetNestedSlice(u.Object, containers, "spec", "template", "spec", "containers")
	}
	if err := c.Apply(ctx, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+awsNamespace+"}\n"), nil); err != nil {
		return nil, err
	}
	admin, err := c.adminKey(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Apply(ctx, []byte(awsfakeManifest), set); err != nil {
		return nil, err
	}
	if err := c.AwaitDeployment(ctx, awsNamespace, "awsfake", deployTimeout); err != nil {
		return nil, err
	}
	api, err := c.HTTPClient(ctx, awsNamespace, "awsfake", 80, nil)
	if err != nil {
		return nil, err
	}
	control, err := c.HTTPClient(ctx, awsNamespace, "awsfake", controlPort, nil)
	if err != nil {
		return nil, err
	}
	id, secret := string(admin.Data["AWSFAKE_ADMIN_ACCESS_KEY_ID"]), string(admin.Data["AWSFAKE_ADMIN_SECRET_ACCESS_KEY"])
	return &AWS{
		IAM: iam.New(iam.Options{
			Region: partition.Commercial.IAMRegion, BaseEndpoint: aws.String(AWSEndpoint), HTTPClient: api,
			Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		}),
		Control:    awsfake.NewControlClient(fmt.Sprintf("%s:%d", AWSEndpoint, controlPort), secret, control),
		stsOptions: sts.Options{Region: Region, BaseEndpoint: aws.String(AWSEndpoint), HTTPClient: api},
	}, nil
}

// adminKey returns the Secret with the root user's key; it is made once, at random.
func (c *Cluster) adminKey(ctx context.Context) (*corev1.Secret, error) {
	secrets := c.Clientset.CoreV1().Secrets(awsNamespace)
	found, err := secrets.Get(ctx, adminSecret, getOptions)
	if !apierrors.IsNotFound(err) {
		return found, err
	}
	return secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: adminSecret},
		StringData: map[string]string{
			"AWSFAKE_ADMIN_ACCESS_KEY_ID":     "AKIA" + rand.Text()[:16],
			"AWSFAKE_ADMIN_SECRET_ACCESS_KEY": rand.Text() + rand.Text(),
		},
	}, metav1.CreateOptions{})
}

// CallerIdentity asks STS who the holder of a key is.
func (a *AWS) CallerIdentity(ctx context.Context, accessKeyID, secretAccessKey, sessionToken string) (string, error) {
	o := a.stsOptions
	o.Credentials = credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, sessionToken)
	out, err := sts.New(o).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

// EnsureRole makes a role that the named provider's subjects may assume, as an administrator of
// the account would, and returns its ARN.
func (a *AWS) EnsureRole(ctx context.Context, name, providerName string) (string, error) {
	p := partition.Commercial
	trust := strings.NewReplacer("PROVIDER", p.SAMLProviderARN(AccountID, providerName), "ACS", p.ACS).Replace(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},` +
			`"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"ACS"}}}]}`)
	var exists *iamtypes.EntityAlreadyExistsException
	_, err := a.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust)})
	if errors.As(err, &exists) {
		_, err = a.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(name), PolicyDocument: aws.String(trust)})
	}
	if err != nil {
		return "", fmt.Errorf("make role %s: %w", name, err)
	}
	return RoleARN(name), nil
}

// EnsurePolicy makes a managed policy as an administrator of the account would, and returns its ARN.
func (a *AWS) EnsurePolicy(ctx context.Context, name, document string) (string, error) {
	var exists *iamtypes.EntityAlreadyExistsException
	_, err := a.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
	if err != nil && !errors.As(err, &exists) {
		return "", fmt.Errorf("make policy %s: %w", name, err)
	}
	return PolicyARN(name), nil
}

// AwaitProvider waits until the account has the IAM SAML provider of that name.
func (a *AWS) AwaitProvider(ctx context.Context, name string, timeout time.Duration) error {
	arn := partition.Commercial.SAMLProviderARN(AccountID, name)
	return Await(ctx, timeout, arn, func(ctx context.Context) (bool, string, error) {
		_, err := a.IAM.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: aws.String(arn)})
		return err == nil, fmt.Sprint(err), nil
	})
}

// AwaitRole waits until the account has the role of that name.
func (a *AWS) AwaitRole(ctx context.Context, name string, timeout time.Duration) error {
	return Await(ctx, timeout, "role "+name, func(ctx context.Context) (bool, string, error) {
		_, err := a.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		return err == nil, fmt.Sprint(err), nil
	})
}

// RoleARN returns the ARN of a role of the account.
func RoleARN(name string) string { return "arn:aws:iam::" + AccountID + ":role/" + name }

// ManagedRoleARN returns the ARN of a role of that path and name.
func ManagedRoleARN(path, name string) string {
	return "arn:aws:iam::" + AccountID + ":role" + path + name
}
