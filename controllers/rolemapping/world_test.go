package rolemapping

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	accountID   = "111122223333"
	clusterUID  = "c1c1c1c1-0000-4000-8000-000000000001"
	existingARN = "arn:aws:iam::111122223333:role/reports-uploader"
	managedARN  = "arn:aws:iam::111122223333:role/reports/reports.uploader"
	managedName = "reports.uploader"
	providerARN = "arn:aws:iam::111122223333:saml-provider/corp"
	readOnly    = "arn:aws:iam::aws:policy/ReadOnlyAccess"

	inlineDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
	goodTrust      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + providerARN + `"},"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}]}`
	otherTrust     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// key of the mapping that the tests are about.
var key = client.ObjectKey{Namespace: "reports", Name: "uploader"}

func newProvider(changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	p := &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "p1", Generation: 1},
		Spec: v1alpha1.SAMLProviderSpec{
			Accounts: []v1alpha1.Account{{ID: accountID, Region: "eu-west-1"}},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Names: []string{"reports"}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Roles:      []v1alpha1.RolePattern{"arn:aws:iam::111122223333:role/reports-*"},
				Managed: &v1alpha1.AllowManaged{
					PathPrefix: "/reports/", Policies: []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"}, InlinePolicies: true, Adoption: true,
				},
			}},
		},
		Status: v1alpha1.SAMLProviderStatus{
			Accounts: []v1alpha1.AccountStatus{{ID: accountID, State: v1alpha1.AccountSynced, ActiveKey: "0123456789abcdef"}},
		},
	}
	setWorkload(p, metav1.ConditionTrue, v1alpha1.ReasonWorkloadAvailable)
	for _, change := range changes {
		change(p)
	}
	return p
}

func setWorkload(p *v1alpha1.SAMLProvider, state metav1.ConditionStatus, reason string) {
	meta.SetStatusCondition(&p.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionWorkloadReady, Status: state, Reason: reason})
}

func newMapping(changes ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name, Generation: 3, UID: "0b0b0b0b-0000-4000-8000-000000000001",
			CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)),
		},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: existingARN},
		},
	}
	for _, change := range changes {
		change(m)
	}
	return m
}

// managed turns a mapping into one whose role has everything that a role can have.
func managed(m *v1alpha1.RoleMapping) {
	m.Spec.Role = v1alpha1.Role{Managed: &v1alpha1.ManagedRole{
		AccountID:           accountID,
		Path:                "/reports/",
		Description:         "Uploads reports",
		MaxSessionDuration:  &metav1.Duration{Duration: 2 * time.Hour},
		PermissionsBoundary: readOnly,
		Policies:            []v1alpha1.PolicyARN{readOnly},
		InlinePolicies:      []v1alpha1.InlinePolicy{{Name: "s3", Document: inlineDocument}},
		Tags:                []v1alpha1.Tag{{Key: "team", Value: "reports"}},
	}}
}

// world is an AWS, and a cluster without an API server whose writes are counted. Its clock stands
// still until it is moved.
type world struct {
	t          *testing.T
	now        time.Time
	client     client.Client
	account    *testaws.Account
	control    awsfake.Control
	root       *iam.Client
	api        awsiam.API
	limiter    *limit.Limiter
	snapshots  *snapshot.Store
	reconciler *Reconciler
	recorder   *events.FakeRecorder
	writes     int
	// drift counts what the reconciler says of it, by whether it was put right.
	drift map[bool]int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, now: time.Now(), recorder: events.NewFakeRecorder(4096), drift: map[bool]int{}}
	account := testaws.Start(t, accountID, "eu-west-1")
	w.account, w.control, w.root, w.api = account, account.Control, account.IAM(account.Root), account.API(account.Root)
	w.client = fake.NewClientBuilder().
		WithScheme(scheme).
		WithStatusSubresource(&v1alpha1.RoleMapping{}, &v1alpha1.SAMLProvider{}).
		WithIndex(&v1alpha1.RoleMapping{}, providerField, indexByProvider).
		WithObjects(append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: key.Namespace}})...).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes++
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).
		Build()
	w.restartOperator()
	return w
}

// restartOperator forgets what the operator remembers.
func (w *world) restartOperator() {
	w.snapshots = &snapshot.Store{Clock: func() time.Time { return w.now }}
	w.reconciler = &Reconciler{
		Client:     w.client,
		Status:     status.Writer{Client: w.client, Recorder: w.recorder},
		IAM:        func(v1alpha1.Account) awsiam.API { return w.api },
		Snapshots:  w.snapshots,
		Drifted:    func(repaired bool) { w.drift[repaired]++ },
		ClusterUID: clusterUID,
		Clock:      func() time.Time { return w.now },
	}
}

func (w *world) reconcile() ctrl.Result {
	w.t.Helper()
	result, err := w.reconciler.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// settle reconciles as long as the operator asks to come back at once.
func (w *world) settle() ctrl.Result {
	w.t.Helper()
	const enough = 10
	for range enough {
		if result := w.reconcile(); result.RequeueAfter == 0 || result.RequeueAfter > time.Second {
			return result
		}
	}
	w.t.Fatal("the operator does not come to rest")
	return ctrl.Result{}
}

func (w *world) mapping() *v1alpha1.RoleMapping {
	w.t.Helper()
	m := &v1alpha1.RoleMapping{}
	if err := w.client.Get(w.t.Context(), key, m); err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) gone() bool {
	err := w.client.Get(w.t.Context(), key, &v1alpha1.RoleMapping{})
	return apierrors.IsNotFound(err)
}

// edit changes the spec or the metadata of the mapping, as a person does.
func (w *world) edit(change func(*v1alpha1.RoleMapping)) {
	w.t.Helper()
	m := w.mapping()
	change(m)
	m.Generation++
	if err := w.client.Update(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}

// editProviderStatus changes what the SAMLProvider controller has written down.
func (w *world) editProviderStatus(change func(*v1alpha1.SAMLProvider)) {
	w.t.Helper()
	p := &v1alpha1.SAMLProvider{}
	w.must(w.client.Get(w.t.Context(), client.ObjectKey{Name: "corp"}, p))
	change(p)
	w.must(w.client.Status().Update(w.t.Context(), p))
}

func (w *world) editProvider(change func(*v1alpha1.SAMLProvider)) {
	w.t.Helper()
	p := &v1alpha1.SAMLProvider{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Name: "corp"}, p); err != nil {
		w.t.Fatal(err)
	}
	change(p)
	p.Generation++
	if err := w.client.Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

// loseStatus is a restore of the object without its status.
func (w *world) loseStatus() {
	w.t.Helper()
	m := w.mapping()
	m.Status = v1alpha1.RoleMappingStatus{}
	if err := w.client.Status().Update(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) delete() {
	w.t.Helper()
	if err := w.client.Delete(w.t.Context(), w.mapping()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	if c := meta.FindStatusCondition(w.mapping().Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func (w *world) events() []string {
	var all []string
	for {
		select {
		case e := <-w.recorder.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

func (w *world) fault(f awsfake.Fault) {
	w.t.Helper()
	if err := w.control.AddFault(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) heal() {
	w.t.Helper()
	if err := w.control.ClearFaults(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// calls returns the operations that AWS was asked for since the last time.
func (w *world) calls() []string {
	w.t.Helper()
	all, err := w.control.Calls(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.control.ClearCalls(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	operations := make([]string, 0, len(all))
	for _, c := range all {
		operations = append(operations, c.Operation)
	}
	return operations
}

// makeRole makes a role as an administrator does.
func (w *world) makeRole(path, name, trust string, tags map[string]string) {
	w.t.Helper()
	in := &iam.CreateRoleInput{Path: &path, RoleName: &name, AssumeRolePolicyDocument: &trust}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
	}
	_, err := w.root.CreateRole(w.t.Context(), in)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// takeSnapshot reads the account as the drift controller does.
func (w *world) takeSnapshot() {
	w.t.Helper()
	p := &v1alpha1.SAMLProvider{}
	w.must(w.client.Get(w.t.Context(), client.ObjectKey{Name: "corp"}, p))
	arns, err := w.reconciler.RoleARNs(w.t.Context(), p, p.Spec.Accounts[0])
	w.must(err)
	_, err = w.snapshots.Take(w.t.Context(), SnapshotKey(p, p.Spec.Accounts[0]), func(ctx context.Context) (awsiam.Snapshot, error) {
		return w.api.Snapshot(ctx, snapshot.PathPrefix(arns...))
	}, func(role.Role) bool { return true })
	w.must(err)
}
