package controllers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers"
	"attache.dev/attache/internal/metrics"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
	"attache.dev/attache/test/testenv"
)

const (
	// namespace is the one that config/rbac/role.yaml speaks of.
	namespace = "attache-system"
	operator  = "system:serviceaccount:attache-system:attache-operator"
	accountID = "111122223333"
	region    = "eu-west-1"

	patience = 30 * time.Second
	interval = 50 * time.Millisecond
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Run(m, func(e *testenv.Env) {
		env = e
		if err := prepareCluster(context.Background(), e.Client); err != nil {
			panic(err)
		}
	})
}

// prepareCluster does what the chart does: the namespace, and the operator's generated roles, so
// that these tests also show that the roles suffice.
func prepareCluster(ctx context.Context, c client.Client) error {
	if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join("..", "config", "rbac", "role.yaml"))
	if err != nil {
		return err
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), len(manifest))
	for {
		role := &unstructured.Unstructured{}
		if err := documents.Decode(role); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.Create(ctx, role); err != nil {
			return err
		}
		if err := c.Create(ctx, bindingOf(role)); err != nil {
			return err
		}
	}
}

func bindingOf(role *unstructured.Unstructured) client.Object {
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: operator}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.GetKind(), Name: role.GetName()}
	if role.GetKind() == "ClusterRole" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role.GetName()}, Subjects: subjects, RoleRef: ref}
	}
	return &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: role.GetNamespace(), Name: role.GetName()}, Subjects: subjects, RoleRef: ref}
}

// world is one AWS and one operator on a control plane, which most tests share. Tests use providers
// of different names, because nothing collects garbage here.
type world struct {
	*GomegaWithT
	t          *testing.T
	env        *testenv.Env
	clusterUID string
	aws        *fakeAWS
	// metrics are those of the operator that runs.
	metrics *prometheus.Registry
	// ahead is how much later it is for the operator, in nanoseconds.
	ahead *atomic.Int64
	// writes counts what the operator writes to the cluster.
	writes *atomic.Int64
	stop   func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, env, "c1c1c1c1-0000-4000-8000-000000000001", newFakeAWS(t))
}

// newWorldOn makes the world of a cluster of its own, whose AWS others may share.
func newWorldOn(t *testing.T, e *testenv.Env, clusterUID string, f *fakeAWS) *world {
	t.Helper()
	w := &world{GomegaWithT: NewWithT(t), t: t, env: e, clusterUID: clusterUID, aws: f, ahead: &atomic.Int64{}, writes: &atomic.Int64{}}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(interval)
	// One clean-up for whichever operator runs then, and before those of the providers: they need
	// an operator to go.
	t.Cleanup(func() { w.stop() })
	w.startOperator()
	return w
}

// asOperator reaches a cluster with the rights of the operator's service account.
func asOperator(e *testenv.Env) *rest.Config {
	cfg := rest.CopyConfig(e.Config)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: operator, Groups: []string{"system:authenticated", "system:serviceaccounts"}}
	return cfg
}

// startOperator runs the operator under its own roles until stop is called or the test ends.
func (w *world) startOperator() {
	w.t.Helper()
	cfg := asOperator(w.env)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return countingWrites{next, w.writes} })
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:     testenv.Scheme,
		Cache:      controllers.Cache(namespace),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
		// As in production, so that the roles are shown to suffice for it.
		LeaderElection:                true,
		LeaderElectionID:              "attache-operator",
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	w.Expect(err).NotTo(HaveOccurred())
	w.metrics = prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	w.Expect(controllers.Setup(ctx, mgr, controllers.Options{
		Namespace:       namespace,
		Image:           "registry.example/attache:v1",
		ImagePullPolicy: corev1.PullIfNotPresent,
		ClusterUID:      w.clusterUID,
		IAM:             w.aws.asOperator,
		Clock:           func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		Metrics:         metrics.NewOperator(w.metrics),
		Registry:        w.metrics,
	})).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the operator ended: %v", err)
		}
	})
	w.Expect(mgr.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
}

// createProvider makes a SAMLProvider that the operator may manage in AWS, and takes it away when
// the test ends.
func (w *world) createProvider(name string, changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	w.t.Helper()
	w.aws.allow(name)
	return w.createProviderAsIs(name, changes...)
}

func (w *world) createProviderAsIs(name string, changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	w.t.Helper()
	p := newProvider(name)
	p.Spec.Accounts[0].Endpoints = v1alpha1.AccountEndpoints{IAM: w.aws.url, STS: w.aws.url}
	for _, change := range changes {
		change(p)
	}
	w.Expect(w.env.Client.Create(w.t.Context(), p)).To(Succeed())
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		if err := w.env.Client.Delete(ctx, p); client.IgnoreNotFound(err) != nil {
			w.t.Error(err)
		}
		w.Eventually(func() bool {
			return apierrors.IsNotFound(w.env.Client.Get(ctx, client.ObjectKeyFromObject(p), &v1alpha1.SAMLProvider{}))
		}).Should(BeTrue(), "the provider is gone at the end of the test")
	})
	return p
}

func newProvider(name string) *v1alpha1.SAMLProvider {
	return &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer:   "https://login.corp.example/" + name,
			Accounts: []v1alpha1.Account{{ID: accountID, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}}},
		},
	}
}

func allow(namespace string, roles ...v1alpha1.RolePattern) func(*v1alpha1.SAMLProvider) {
	return func(p *v1alpha1.SAMLProvider) {
		p.Spec.Allow = append(p.Spec.Allow, v1alpha1.AllowRule{
			Namespaces: v1alpha1.NamespaceSelection{Names: []string{namespace}},
			Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
			Roles:      roles,
		})
	}
}

func newMapping(namespace, provider, roleARN string) *v1alpha1.RoleMapping {
	return &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "uploader"},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: provider},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: roleARN},
		},
	}
}

// update changes an object as a person does, again if somebody else was faster.
func update[T client.Object](w *world, o T, change func(T)) {
	w.t.Helper()
	w.Eventually(func() error {
		if err := w.env.Client.Get(w.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		change(o)
		return w.env.Client.Update(w.t.Context(), o)
	}).Should(Succeed())
}

// condition returns a function that reads a condition of an object, for Eventually.
func (w *world) condition(o client.Object, kind string) func() metav1.Condition {
	return func() metav1.Condition {
		if err := w.env.Client.Get(w.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return metav1.Condition{}
		}
		var all []metav1.Condition
		switch o := o.(type) {
		case *v1alpha1.SAMLProvider:
			all = o.Status.Conditions
		case *v1alpha1.RoleMapping:
			all = o.Status.Conditions
		}
		c := meta.FindStatusCondition(all, kind)
		if c == nil {
			return metav1.Condition{}
		}
		return *c
	}
}

// countingWrites counts requests that change something, but for events and the operator's Lease.
type countingWrites struct {
	next   http.RoundTripper
	writes *atomic.Int64
}

func (c countingWrites) RoundTrip(r *http.Request) (*http.Response, error) {
	aside := strings.Contains(r.URL.Path, "/events") || strings.Contains(r.URL.Path, "/leases")
	if r.Method != http.MethodGet && !aside {
		c.writes.Add(1)
	}
	return c.next.RoundTrip(r)
}

// fakeAWS is an account in which the operator's user may do what it was allowed.
type fakeAWS struct {
	t       *testing.T
	account *testaws.Account
	// id of the account.
	id   string
	url  string
	root *iam.Client
	// operator is the configuration that the operator's pod would have.
	operator aws.Config
	// control has calls fail, and counts them.
	control awsfake.Control
	// others are further accounts of the same AWS, by their IDs.
	others map[string]*fakeAWS
}

func newFakeAWS(t *testing.T) *fakeAWS {
	t.Helper()
	return newFakeAccount(t, testaws.Start(t, accountID, region), accountID)
}

func newFakeAccount(t *testing.T, account *testaws.Account, id string) *fakeAWS {
	t.Helper()
	return &fakeAWS{
		t: t, account: account, id: id, url: account.URL, root: account.IAM(account.Root), operator: account.User("attache"),
		control: account.Control, others: map[string]*fakeAWS{},
	}
}

// beside opens another account of the same AWS, in which the operator is a user of its own.
func (f *fakeAWS) beside(id string) *fakeAWS {
	f.t.Helper()
	f.others[id] = newFakeAccount(f.t, f.account.Beside(id, region), id)
	return f.others[id]
}

func (f *fakeAWS) asOperator(a v1alpha1.Account) awsiam.API {
	if other := f.others[a.ID]; other != nil {
		return awsiam.New(other.operator, a.Region, a.Endpoints.IAM)
	}
	return awsiam.New(f.operator, a.Region, a.Endpoints.IAM)
}

// allow gives the operator's user the documented policy for one provider, but for some actions.
func (f *fakeAWS) allow(provider string, without ...string) {
	f.t.Helper()
	document, err := awsiam.OperatorPolicy(partition.OfRegion(region), f.id, provider, awsiam.RolesBounds{})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, action := range without {
		if !strings.Contains(document, action) {
			f.t.Fatalf("the policy does not have %s", action)
		}
		document = strings.ReplaceAll(document, action, "iam:GetUser")
	}
	if _, err := f.root.PutUserPolicy(f.t.Context(), &iam.PutUserPolicyInput{
		UserName: aws.String("attache"), PolicyName: &provider, PolicyDocument: &document,
	}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeAWS) arnOf(provider string) string {
	return partition.OfRegion(region).SAMLProviderARN(f.id, provider)
}

// provider returns what IAM holds, or nil.
func (f *fakeAWS) provider(name string) *iam.GetSAMLProviderOutput {
	arn := f.arnOf(name)
	out, err := f.root.GetSAMLProvider(context.WithoutCancel(f.t.Context()), &iam.GetSAMLProviderInput{SAMLProviderArn: &arn})
	if err != nil {
		return nil
	}
	return out
}
