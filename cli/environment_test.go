package cli

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers"
	"attache.dev/attache/internal/uninstall"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testenv"
)

const (
	accountID = "111122223333"
	region    = "eu-west-1"

	rootKey    = "AKIAROOTROOTROOTROOT"
	rootSecret = "a root secret for tests only"
	patience   = 30 * time.Second
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Run(m, func(e *testenv.Env) { env = e })
}

// world is an AWS, a namespace for the operator and one for a tenant, with a provider and a mapping
// with a managed role.
type world struct {
	*GomegaWithT
	t        *testing.T
	fake     *awsfake.Server
	url      string
	operator string
	tenant   string
	provider *v1alpha1.SAMLProvider
	mapping  *v1alpha1.RoleMapping
}

// newWorld lets an operator bring the objects about, and ends it unless it is to stay.
func newWorld(t *testing.T, operatorStays bool) *world {
	t.Helper()
	w := &world{GomegaWithT: NewWithT(t), t: t}
	w.SetDefaultEventuallyTimeout(patience)
	w.fake = awsfake.New(awsfake.Options{AccountID: accountID, Region: region, AdminAccessKeyID: rootKey, AdminSecretAccessKey: rootSecret})
	server := httptest.NewServer(w.fake)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.operator, w.tenant = env.Namespace(t, "operator"), env.Namespace(t, "tenant")

	stop := w.startOperator()
	t.Cleanup(w.clear)
	t.Cleanup(stop)
	w.createObjects()
	if !operatorStays {
		stop()
	}
	return w
}

// startOperator runs the controllers as `attache operator` does, and makes the Deployment that the
// chart would have.
func (w *world) startOperator() (stop func()) {
	w.t.Helper()
	scheme, err := operatorScheme()
	w.Expect(err).NotTo(HaveOccurred())
	mgr, err := ctrl.NewManager(env.Config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         controllers.Cache(w.operator),
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		Controller:                    config.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection:                true,
		LeaderElectionID:              uninstall.OperatorName,
		LeaderElectionNamespace:       w.operator,
		LeaderElectionReleaseOnCancel: true,
	})
	w.Expect(err).NotTo(HaveOccurred())
	clusterUID, err := readClusterUID(w.t.Context(), env.Client)
	w.Expect(err).NotTo(HaveOccurred())
	root := aws.Config{Credentials: credentials.NewStaticCredentialsProvider(rootKey, rootSecret, "")}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	w.Expect(controllers.Setup(ctx, mgr, controllers.Options{
		Namespace: w.operator, Image: "registry.example/attache:v1", ImagePullPolicy: corev1.PullIfNotPresent,
		ClusterUID: clusterUID, Clock: time.Now,
		IAM: func(a v1alpha1.Account) awsiam.API { return awsiam.New(root, a.Region, a.Endpoints.IAM) },
	})).To(Succeed())
	deployment := w.deployment()
	w.Expect(env.Client.Create(ctx, deployment)).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the operator ended: %v", err)
		}
		if err := env.Client.Delete(context.WithoutCancel(ctx), deployment); err != nil {
			w.t.Error(err)
		}
	})
}

func (w *world) deployment() *appsv1.Deployment {
	labels := map[string]string{"app.kubernetes.io/instance": "attache"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.operator, Name: uninstall.OperatorName, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "registry.example/attache:v1"}}},
			},
		},
	}
}

func (w *world) createObjects() {
	w.t.Helper()
	w.provider = &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: strings.ReplaceAll(w.tenant, "tenant", "corp")},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer: "https://login.corp.example/saml/metadata",
			Accounts: []v1alpha1.Account{{
				ID: accountID, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
				Endpoints: v1alpha1.AccountEndpoints{IAM: w.url, STS: w.url},
			}},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Names: []string{w.tenant}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Managed:    &v1alpha1.AllowManaged{PathPrefix: "/attache/"},
			}},
		},
	}
	w.mapping = &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.tenant, Name: "uploader"},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: w.provider.Name},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID}},
		},
	}
	w.Expect(env.Client.Create(w.t.Context(), w.provider)).To(Succeed())
	w.Expect(env.Client.Create(w.t.Context(), w.mapping)).To(Succeed())
	w.Eventually(func(g Gomega) {
		g.Expect(w.get(w.provider)).To(Succeed())
		g.Expect(w.get(w.mapping)).To(Succeed())
		g.Expect(w.provider.Status.Accounts).To(HaveExactElements(HaveField("State", v1alpha1.AccountSynced)))
		g.Expect(w.mapping.Status.Role).To(HaveValue(HaveField("State", v1alpha1.RoleSynced)))
	}).Should(Succeed())
}

func (w *world) get(o client.Object) error {
	return env.Client.Get(w.t.Context(), client.ObjectKeyFromObject(o), o)
}

// inAWS returns the ARNs of all that stands there.
func (w *world) inAWS() []string {
	w.t.Helper()
	inventory, err := w.fake.Control().Inventory(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	var arns []string
	for _, item := range append(inventory.Roles, inventory.SAMLProviders...) {
		arns = append(arns, item.ARN)
	}
	return arns
}

func (w *world) nothingIsLeft() {
	w.t.Helper()
	w.Expect(apierrors.IsNotFound(w.get(w.mapping))).To(BeTrue())
	w.Expect(apierrors.IsNotFound(w.get(w.provider))).To(BeTrue())
	secrets := &corev1.SecretList{}
	w.Expect(env.Client.List(w.t.Context(), secrets, client.InNamespace(w.operator))).To(Succeed())
	for _, secret := range secrets.Items {
		w.Expect(secret.Finalizers).To(BeEmpty(), secret.Name)
	}
}

// takeSecrets deletes the Secrets of the operator's namespace, whatever holds them.
func (w *world) takeSecrets() {
	w.t.Helper()
	secrets := &corev1.SecretList{}
	w.Expect(env.Client.List(w.t.Context(), secrets, client.InNamespace(w.operator))).To(Succeed())
	for i := range secrets.Items {
		w.Expect(client.IgnoreNotFound(env.Client.Patch(w.t.Context(), &secrets.Items[i], withoutFinalizers))).To(Succeed())
		w.Expect(client.IgnoreNotFound(env.Client.Delete(w.t.Context(), &secrets.Items[i]))).To(Succeed())
	}
}

var withoutFinalizers = client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))

// clear takes away what a test left, so that the next one finds an empty cluster.
func (w *world) clear() {
	ctx := context.WithoutCancel(w.t.Context())
	for _, o := range []client.Object{w.mapping, w.provider} {
		for _, err := range []error{env.Client.Delete(ctx, o), env.Client.Patch(ctx, o, withoutFinalizers)} {
			if client.IgnoreNotFound(err) != nil {
				w.t.Error(err)
			}
		}
	}
}
