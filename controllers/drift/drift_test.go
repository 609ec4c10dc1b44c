package drift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	accountID    = "111122223333"
	perNamespace = 5
)

// world is an account with managed and foreign roles and a cluster without an API server. Its clock
// stands still until it is moved.
type world struct {
	t          testing.TB
	now        time.Time
	client     client.Client
	account    *testaws.Account
	control    awsfake.Control
	root       *iam.Client
	mappings   *rolemapping.Reconciler
	reconciler *Reconciler
	changed    chan event.GenericEvent
	keys       []client.ObjectKey
	// taken is how snapshots ended.
	taken []string
}

func newWorld(t testing.TB, managed, foreign int) *world {
	t.Helper()
	w := &world{t: t, now: time.Now(), changed: make(chan event.GenericEvent, 2*managed+1)}
	w.startAWS(foreign)
	w.startCluster(managed)
	for _, key := range w.keys {
		for range 2 { // the ledger, then the role
			w.reconcileMapping(key)
		}
	}
	if made := w.calls()["CreateRole"]; made != managed {
		t.Fatalf("%d of %d roles were made", made, managed)
	}
	return w
}

func (w *world) startAWS(foreign int) {
	account := testaws.Start(w.t, accountID, "eu-west-1")
	w.account, w.control, w.root = account, account.Control, account.IAM(account.Root)
	w.must(w.control.Seed(w.t.Context(), awsfake.Seed{Roles: foreign}))
	w.reconciler = &Reconciler{IAM: func(v1alpha1.Account) awsiam.API { return account.API(account.Root) }}
}

func (w *world) startCluster(managed int) {
	scheme := runtime.NewScheme()
	w.must(errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)))
	objects := []client.Object{newProvider()}
	for i := range managed {
		m := newMapping(i)
		w.keys = append(w.keys, client.ObjectKeyFromObject(m))
		objects = append(objects, m)
		if i%perNamespace == 0 {
			objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: m.Namespace}})
		}
	}
	byProvider := func(o client.Object) []string { return []string{o.(*v1alpha1.RoleMapping).Spec.ProviderRef.Name} }
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.RoleMapping{}).
		WithIndex(&v1alpha1.RoleMapping{}, v1alpha1.FieldProvider, byProvider).WithObjects(objects...).Build()
	clock := func() time.Time { return w.now }
	store := &snapshot.Store{Clock: clock}
	w.mappings = &rolemapping.Reconciler{
		Client: w.client, Status: status.Writer{Client: w.client, Recorder: events.NewFakeRecorder(10 * (managed + 1))}, IAM: w.reconciler.IAM,
		Snapshots: store, ClusterUID: "c1", Clock: clock,
	}
	w.reconciler.Client, w.reconciler.Snapshots, w.reconciler.Mappings = w.client, store, w.mappings
	w.reconciler.Changed, w.reconciler.Clock = w.changed, clock
	w.reconciler.Taken = func(_ time.Duration, calls int, err error) {
		w.taken = append(w.taken, fmt.Sprintf("%s in %d", awsiam.OutcomeOf(err), calls))
	}
}

func newProvider() *v1alpha1.SAMLProvider {
	return &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "p1", Generation: 1},
		Spec: v1alpha1.SAMLProviderSpec{
			Accounts: []v1alpha1.Account{{ID: accountID, Region: "eu-west-1"}},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Managed:    &v1alpha1.AllowManaged{PathPrefix: "/attache/", Policies: []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"}, InlinePolicies: true},
			}},
		},
	}
}

func newMapping(i int) *v1alpha1.RoleMapping {
	return &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("tenant-%d", i/perNamespace), Name: fmt.Sprintf("uploader-%d", i), UID: types.UID(fmt.Sprintf("m%d", i)), Generation: 1,
		},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role: v1alpha1.Role{Managed: &v1alpha1.ManagedRole{
				AccountID:   accountID,
				Description: "Uploads what its tenant has",
				Policies:    []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
				InlinePolicies: []v1alpha1.InlinePolicy{{
					Name:     "s3",
					Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::uploads/${saml:namequalifier}/${saml:sub}/*"}]}`,
				}},
			}},
		},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reconcile() time.Duration {
	w.t.Helper()
	result, err := w.reconciler.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "corp"}})
	w.must(err)
	return result.RequeueAfter
}

func (w *world) reconcileMapping(key client.ObjectKey) {
	w.t.Helper()
	_, err := w.mappings.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
	w.must(err)
}

// resync is what one interval brings: the snapshot, and each mapping's own turn.
func (w *world) resync() {
	w.t.Helper()
	w.now = w.now.Add(v1alpha1.DefaultInterval)
	w.reconcile()
	for _, key := range w.keys {
		w.reconcileMapping(key)
	}
}

func (w *world) calls() map[string]int {
	w.t.Helper()
	all, err := w.control.Calls(context.WithoutCancel(w.t.Context()), "")
	w.must(err)
	w.must(w.control.ClearCalls(context.WithoutCancel(w.t.Context())))
	counts := map[string]int{}
	for _, c := range all {
		counts[c.Operation]++
	}
	return counts
}

func total(calls map[string]int) int {
	sum := 0
	for _, n := range calls {
		sum += n
	}
	return sum
}

// called are the mappings that the reconciler called for.
func (w *world) called() []string {
	var names []string
	for {
		select {
		case e := <-w.changed:
			names = append(names, e.Object.GetName())
		default:
			slices.Sort(names)
			return names
		}
	}
}

func (w *world) describe(i int, words string) {
	w.t.Helper()
	_, err := w.root.UpdateRole(w.t.Context(), &iam.UpdateRoleInput{RoleName: aws.String(newMapping(i).ManagedRoleName()), Description: &words})
	w.must(err)
}

// TestAQuietResyncCostsThePagesAndTwoCalls is the operator's promise for a large account that it
// shares with others; docs/performance.md has the figures.
func TestAQuietResyncCostsThePagesAndTwoCalls(t *testing.T) {
	const managed, foreign, pageSize = 1000, 2000, 1000
	const pages = (managed + foreign) / pageSize
	g := NewWithT(t)
	w := newWorld(t, managed, foreign)
	for range 2 {
		w.resync()
		calls := w.calls()
		t.Logf("a quiet resync of %d managed and %d foreign roles: %v", managed, foreign, calls)
		g.Expect(total(calls)).To(BeNumerically("<=", pages+2))
		g.Expect(w.called()).To(BeEmpty())
	}

	w.describe(0, "mine")
	w.describe(500, "mine")
	w.calls()
	w.resync()
	g.Expect(w.called()).To(Equal([]string{"uploader-0", "uploader-500"}))
	calls := w.calls()
	g.Expect(calls).To(And(HaveKeyWithValue("UpdateRole", 2), HaveKeyWithValue("GetRole", 2)), "only what changed is looked at and repaired")
}

func TestASnapshotIsTakenEachInterval(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 1, 0)
	g.Expect(w.reconcile()).To(BeNumerically("~", time.Hour, 6*time.Minute))
	g.Expect(w.taken).To(Equal([]string{"Success in 2"}))

	w.now = w.now.Add(20 * time.Minute)
	g.Expect(w.reconcile()).To(Equal(40*time.Minute), "an edit of the provider calls too early")
	g.Expect(w.taken).To(HaveLen(1))

	p := newProvider()
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	p.Spec.Interval = &metav1.Duration{Duration: 10 * time.Minute}
	w.must(w.client.Update(t.Context(), p))
	g.Expect(w.reconcile()).To(BeNumerically("~", 10*time.Minute, time.Minute))
	g.Expect(w.taken).To(HaveLen(2), "a shorter interval counts at once")
}

func TestAnAccountThatNoMappingNamesIsNotRead(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 0, 10)
	g.Expect(w.reconcile()).To(Equal(30 * time.Minute))
	g.Expect(w.calls()).To(BeEmpty())
}

func TestADeniedSnapshotLeavesEachMappingToItself(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 3, 0)
	w.must(w.control.AddFault(t.Context(), awsfake.Fault{Operation: "GetAccountAuthorizationDetails", Kind: awsfake.FaultDeny}))
	g.Expect(w.reconcile()).To(BeNumerically("~", 5*time.Minute, 30*time.Second))
	g.Expect(w.taken).To(Equal([]string{"Denied in 0"}))
	g.Expect(w.called()).To(BeEmpty())

	w.describe(1, "mine")
	w.calls()
	w.resync()
	g.Expect(w.calls()).To(And(HaveKeyWithValue("GetRole", 3), HaveKeyWithValue("UpdateRole", 1)))
}

func TestTheSnapshotsOfAProviderThatGoesAreForgotten(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 1, 0)
	w.reconcile()
	account := rolemapping.SnapshotKey(newProvider(), newProvider().Spec.Accounts[0])
	g.Expect(w.reconciler.Snapshots.TakenAt(account)).To(Equal(w.now))

	p := newProvider()
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	p.Finalizers = []string{"attache.dev/provider"}
	w.must(w.client.Update(t.Context(), p))
	w.must(w.client.Delete(t.Context(), p))
	w.now = w.now.Add(2 * time.Hour)
	w.calls()
	g.Expect(w.reconcile()).To(BeZero())
	g.Expect(w.calls()).To(BeEmpty())
	g.Expect(w.reconciler.Snapshots.TakenAt(account)).To(BeZero())
}

func TestAProviderThatIsGoneIsNoFailure(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 1, 0)
	w.must(w.client.Delete(t.Context(), newProvider()))
	g.Expect(w.reconcile()).To(BeZero())
	g.Expect(w.calls()).To(BeEmpty())
}

// BenchmarkQuietResync is what an interval costs while nothing changes: the snapshot, and the
// comparison of each mapping with it. awsfake answers in the same process and the objects come out
// of a client that decodes JSON, so that the time is an upper bound of the operator's own.
func BenchmarkQuietResync(b *testing.B) {
	const managed, foreign = 1000, 2000
	w := newWorld(b, managed, foreign)
	calls := 0
	for b.Loop() {
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.reconcile()
		b.StopTimer()
		for _, key := range w.keys {
			w.reconcileMapping(key)
		}
		calls += total(w.calls())
		b.StartTimer()
	}
	b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
	b.ReportMetric(managed+foreign, "roles")
}

func TestAnAccountThatIsSilentDelaysNoOther(t *testing.T) {
	const silent = 3 * time.Second
	g := NewWithT(t)
	w := newWorld(t, 2, 0)
	w.reconciler.Taken = nil
	other := w.account.Beside("444455556666", "eu-west-1")
	first := w.reconciler.IAM
	w.reconciler.IAM = func(a v1alpha1.Account) awsiam.API {
		if a.ID == accountID {
			return first(a)
		}
		return other.API(other.Root)
	}
	p := newProvider()
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	// The silent one is the first in the list.
	p.Spec.Accounts = append([]v1alpha1.Account{{ID: "444455556666", Region: "eu-west-1"}}, p.Spec.Accounts...)
	w.must(w.client.Update(t.Context(), p))
	there := newMapping(9)
	there.Spec.Role = v1alpha1.Role{ARN: "arn:aws:iam::444455556666:role/reports"}
	w.must(w.client.Create(t.Context(), there))
	w.must(w.control.AddFault(t.Context(), awsfake.Fault{
		Operation: "GetAccountAuthorizationDetails", Kind: awsfake.FaultDelay, Delay: awsfake.Duration(silent), Account: "444455556666",
	}))
	w.describe(1, "mine")

	ended := make(chan struct{})
	go func() { defer close(ended); w.reconcile() }()
	g.Eventually(w.changed).WithTimeout(silent / 2).Should(Receive(HaveField("Object", HaveField("ObjectMeta.Name", "uploader-1"))))
	g.Expect(ended).NotTo(BeClosed())
	g.Eventually(ended).WithTimeout(2 * silent).Should(BeClosed())
}

func TestTheSnapshotsOfAnAccountThatIsNoLongerListedAreForgotten(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, 1, 0)
	w.reconcile()
	p := newProvider()
	former := rolemapping.SnapshotKey(p, p.Spec.Accounts[0])
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	p.Spec.Accounts[0].ID = "444455556666"
	p.Status.Accounts = []v1alpha1.AccountStatus{{ID: accountID, ProviderARN: "arn:aws:iam::111122223333:saml-provider/corp", LastSpec: &v1alpha1.AccountLastSpec{Region: "eu-west-1"}}}
	w.must(w.client.Update(t.Context(), p))
	w.reconcile()
	g.Expect(w.reconciler.Snapshots.TakenAt(former)).To(BeZero())
}
