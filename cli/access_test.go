package cli

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/internal/metrics"
	"attache.dev/attache/test/testaws"
)

const (
	clusterUID = "c1c1c1c1-0000-4000-8000-000000000001"
	system     = "attache-system"
	corpARN    = "arn:aws:iam::111122223333:saml-provider/corp"
)

// accessWorld is an AWS account, and a cluster that holds Secrets alone.
type accessWorld struct {
	*GomegaWithT
	t       *testing.T
	aws     *testaws.Account
	cluster client.Client
	// user is who the operator's pod is in AWS, without any right of its own.
	user   aws.Config
	access *accountAccess
}

func newAccessWorld(t *testing.T) *accessWorld {
	t.Helper()
	w := &accessWorld{GomegaWithT: NewWithT(t), t: t, aws: testaws.Start(t, accountID, region)}
	scheme, err := operatorScheme()
	w.Expect(err).NotTo(HaveOccurred())
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).Build()
	w.user = w.aws.User("attache")
	w.access, err = newAccountAccess(w.user, w.cluster, system, clusterUID, metrics.NewOperator(prometheus.NewRegistry()))
	w.Expect(err).NotTo(HaveOccurred())
	return w
}

// look does what every reconciliation of a provider begins with, in the way that an account names.
func (w *accessWorld) look(access v1alpha1.AccountAccess) error {
	w.t.Helper()
	account := v1alpha1.Account{ID: accountID, Region: region, Access: access, Endpoints: v1alpha1.AccountEndpoints{IAM: w.aws.URL, STS: w.aws.URL}}
	_, err := w.access.IAM(account).Providers().Get(w.t.Context(), corpARN)
	return err
}

func (w *accessWorld) store(name string, data map[string][]byte) {
	w.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}, Data: data}
	w.Expect(client.IgnoreNotFound(w.cluster.Delete(w.t.Context(), secret.DeepCopy()))).To(Succeed())
	w.Expect(w.cluster.Create(w.t.Context(), secret)).To(Succeed())
}

func (w *accessWorld) createRole(name, trust string) {
	w.t.Helper()
	_, err := w.aws.IAM(w.aws.Root).CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	w.Expect(err).NotTo(HaveOccurred())
	_, err = w.aws.IAM(w.aws.Root).PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &name, PolicyDocument: aws.String(everything)})
	w.Expect(err).NotTo(HaveOccurred())
}

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`

// notThere is IAM's answer to who may ask.
func notThere(err error) bool { return awsiam.KindOf(err) == awsiam.NotFound }

func TestAmbientIsWhoThePodIs(t *testing.T) {
	w := newAccessWorld(t)
	w.Expect(awsiam.KindOf(w.look(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}))).To(Equal(awsiam.Denied))
	w.aws.Grant("attache", "everything", everything)
	w.Expect(w.look(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient})).To(Satisfy(notThere))
}

func TestASecretIsReadAnewForEachCall(t *testing.T) {
	w := newAccessWorld(t)
	access := v1alpha1.AccountAccess{Mode: v1alpha1.AccessSecret, SecretRef: &v1alpha1.SecretReference{Name: "production"}}
	err := w.look(access)
	w.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	w.Expect(err).To(MatchError(ContainSubstring("put an access key of account 111122223333 that is in use into Secret attache-system/production")))

	w.store("production", map[string][]byte{"aws_access_key_id": []byte("AKIAOLDOLDOLDOLDOLD1"), "aws_secret_access_key": []byte("a former secret")})
	err = w.look(access)
	w.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	w.Expect(err).NotTo(MatchError(ContainSubstring("a former secret")))

	root, err := w.aws.Root.Credentials.Retrieve(t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	w.store("production", map[string][]byte{"aws_access_key_id": []byte(root.AccessKeyID), "aws_secret_access_key": []byte(root.SecretAccessKey)})
	w.Expect(w.look(access)).To(Satisfy(notThere))
}

func TestARoleIsAssumedWithItsExternalID(t *testing.T) {
	w := newAccessWorld(t)
	const arn = "arn:aws:iam::111122223333:role/manager"
	w.createRole("manager", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/attache"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"blue"}}}]}`)
	w.aws.Grant("attache", "assume", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+arn+`"}]}`)
	w.Expect(awsiam.KindOf(w.look(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: arn, ExternalID: "green"}}))).To(Equal(awsiam.Denied))
	w.Expect(w.look(v1alpha1.AccountAccess{Mode: v1alpha1.AccessAssumeRole, AssumeRole: &v1alpha1.AssumeRoleAccess{RoleARN: arn, ExternalID: "blue"}})).To(Satisfy(notThere))
}

func TestTheOperatorSignsInWithItsOwnKey(t *testing.T) {
	w := newAccessWorld(t)
	federated := v1alpha1.AccountAccess{Mode: v1alpha1.AccessFederated}
	err := w.look(federated)
	w.Expect(err).To(MatchError(ContainSubstring("the operator's own signing key cannot be used")))

	key, err := keys.Generate(rand.Reader, identity.Name, time.Now())
	w.Expect(err).NotTo(HaveOccurred())
	data, err := keys.ToSecretData([]keys.Key{key})
	w.Expect(err).NotTo(HaveOccurred())
	w.store("attache-operator-keys", data)
	own := identity.Of(w.cluster, system, clusterUID)
	metadata, err := own.Metadata(t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	administrator := bootstrap.Runner{API: w.aws.API(w.aws.Root)}
	bring := func(mode bootstrap.Mode) {
		_, err := administrator.Bring(t.Context(), bootstrap.Config{
			AccountID: accountID, Region: region, ClusterUID: clusterUID, Metadata: metadata, NameID: own.NameID(), Providers: []string{"corp"},
		}, mode)
		w.Expect(err).NotTo(HaveOccurred())
	}
	bring(bootstrap.Create)

	// Another process: this one remembers for some seconds that it was refused.
	w.access, err = newAccountAccess(w.user, w.cluster, system, clusterUID, nil)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.look(federated)).To(Satisfy(notThere))

	bring(bootstrap.Remove)
	bring(bootstrap.Create)
	w.Expect(awsiam.KindOf(w.look(federated))).To(Equal(awsiam.NoCredentials), "the session was the former role's")
	w.Expect(w.look(federated)).To(Satisfy(notThere), "and is not used again")
}
