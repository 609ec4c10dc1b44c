package idp_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
)

const (
	accountID  = "111122223333"
	region     = "eu-west-1"
	adminID    = "AKIAADMIN00000000000"
	adminKey   = "the key of the account's root user"
	roleName   = "reports-uploader"
	roleARN    = "arn:aws:iam::" + accountID + ":role/" + roleName
	issuer     = "https://login.corp.example/saml/metadata"
	trustShape = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":"sts:AssumeRoleWithSAML",
		"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}]}`
)

// world is a cluster and an AWS account as the operator leaves them: the provider with its key, IAM
// with the metadata, a role that trusts it, a mapping and a pod.
type world struct {
	aws         *awsfake.Server
	endpoint    *httptest.Server
	awsURL      string
	iam         *iam.Client
	provider    *v1alpha1.SAMLProvider
	providerARN string
	key         keys.Key
	secret      *corev1.Secret
	mapping     *v1alpha1.RoleMapping
	pod         *corev1.Pod
	metadata    []byte
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{aws: awsfake.New(awsfake.Options{
		AccountID: accountID, Region: region, AdminAccessKeyID: adminID, AdminSecretAccessKey: adminKey,
	})}
	w.endpoint = httptest.NewServer(w.aws)
	t.Cleanup(w.endpoint.Close)
	w.awsURL = w.endpoint.URL
	w.iam = iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &w.awsURL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(adminID, adminKey, ""),
	})
	w.pod = pod(t, env.Namespace(t, "reports"), "uploader")
	w.makeProvider(t)
	w.makeRole(t)
	w.mapping = &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.pod.Namespace, Name: "uploader"},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: w.provider.Name},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: roleARN},
		},
	}
	must(t, env.Client.Create(t.Context(), w.mapping))
	return w
}

// makeProvider does what the SAMLProvider controller does.
func (w *world) makeProvider(t *testing.T) {
	t.Helper()
	w.provider = &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "corp-"},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer: issuer,
			Accounts: []v1alpha1.Account{{
				ID: accountID, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
				Endpoints: v1alpha1.AccountEndpoints{IAM: w.awsURL, STS: w.awsURL},
			}},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Names: []string{w.pod.Namespace}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Roles:      []v1alpha1.RolePattern{"arn:aws:iam::" + accountID + ":role/reports-*"},
			}},
		},
	}
	must(t, env.Client.Create(t.Context(), w.provider))
	t.Cleanup(func() {
		if err := env.Client.Delete(context.WithoutCancel(t.Context()), w.provider); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete SAMLProvider %s: %v", w.provider.Name, err)
		}
	})

	var err error
	w.key, err = keys.Generate(rand.Reader, w.provider.Name, time.Now())
	must(t, err)
	data, err := keys.ToSecretData([]keys.Key{w.key})
	must(t, err)
	w.secret = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace(t, "attache-system"), Name: keys.SecretName(w.provider.Name)},
		Data:       data,
	}
	must(t, env.Client.Create(t.Context(), w.secret))

	w.metadata, err = assertion.Metadata(issuer, []*x509.Certificate{w.key.Certificate})
	must(t, err)
	created, err := w.iam.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{
		Name: &w.provider.Name, SAMLMetadataDocument: aws.String(string(w.metadata)),
	})
	must(t, err)
	w.providerARN = *created.SAMLProviderArn

	w.provider.Status.Accounts = []v1alpha1.AccountStatus{{
		ID: accountID, ProviderARN: w.providerARN, State: v1alpha1.AccountSynced, ActiveKey: w.key.ID,
	}}
	must(t, env.Client.Status().Update(t.Context(), w.provider))
}

// makeRole does what the platform team does in IAM.
func (w *world) makeRole(t *testing.T) {
	t.Helper()
	_, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(roleName), AssumeRolePolicyDocument: aws.String(fmt.Sprintf(trustShape, w.providerARN)),
	})
	must(t, err)
}

// update changes the provider's spec or the mapping's.
func (w *world) update(t *testing.T, change func()) {
	t.Helper()
	change()
	for _, o := range []client.Object{w.provider, w.mapping} {
		must(t, env.Client.Update(t.Context(), o))
	}
}

// label sets the label tier of the pod's namespace, or takes it off.
func (w *world) label(t *testing.T, tier string) {
	t.Helper()
	value := []byte("null")
	if tier != "" {
		value = []byte(strconv.Quote(tier))
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"tier":`+string(value)+`}}}`))
	must(t, env.Client.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.pod.Namespace}}, patch))
}

// fault makes AWS's answers to AssumeRoleWithSAML fail.
func (w *world) fault(t *testing.T, f awsfake.Fault) {
	t.Helper()
	f.Operation = "AssumeRoleWithSAML"
	must(t, w.aws.Control().AddFault(t.Context(), f))
}

// exchanges returns the calls of AssumeRoleWithSAML so far.
func (w *world) exchanges(t *testing.T) []awsfake.Call {
	t.Helper()
	calls, err := w.aws.Control().Calls(t.Context(), "AssumeRoleWithSAML")
	must(t, err)
	return calls
}

// token of the pod for the provider.
func (w *world) token(t *testing.T) string {
	t.Helper()
	return tokenOf(t, w.pod, w.provider.Audience())
}

// identity asks AWS whose credentials these are.
func (w *world) identity(t *testing.T, accessKeyID, secretAccessKey, sessionToken string) *sts.GetCallerIdentityOutput {
	t.Helper()
	client := sts.New(sts.Options{
		Region: region, BaseEndpoint: &w.awsURL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, sessionToken),
	})
	got, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	must(t, err)
	return got
}
