package rolemapping

import (
	"context"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/mapping"
)

const role = "arn:aws:iam::111122223333:role/reports-uploader"

func provider(changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	p := &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "p1", Generation: 1},
		Spec: v1alpha1.SAMLProviderSpec{
			Accounts: []v1alpha1.Account{{ID: "111122223333", Region: "eu-west-1"}},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Names: []string{"reports"}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Roles:      []v1alpha1.RolePattern{"arn:aws:iam::111122223333:role/reports-*"},
			}},
		},
		Status: v1alpha1.SAMLProviderStatus{
			Accounts: []v1alpha1.AccountStatus{{ID: "111122223333", State: v1alpha1.AccountSynced, ActiveKey: "0123456789abcdef"}},
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

func roleMapping(changes ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Name: "uploader", Namespace: "reports", Generation: 3},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: role},
		},
	}
	for _, change := range changes {
		change(m)
	}
	return m
}

// rows is a way to each outcome of the table.
var rows = []struct {
	name     string
	provider *v1alpha1.SAMLProvider
	mapping  *v1alpha1.RoleMapping
	outcome  string
	says     string
}{
	{"a mapping that is allowed and served", provider(), roleMapping(), v1alpha1.ReasonAccepted, `SAMLProvider "corp" allows`},
	{"a mapping of a provider that does not exist", nil, roleMapping(), v1alpha1.ReasonProviderNotFound, `SAMLProvider "corp" does not exist: create it`},
	{"a mapping of a provider that goes away", provider(func(p *v1alpha1.SAMLProvider) {
		p.DeletionTimestamp, p.Finalizers = new(metav1.Now()), []string{"attache.dev/provider"}
	}), roleMapping(), v1alpha1.ReasonDeleting, "is being deleted"},
	{"a mapping of a namespace that is not allowed", provider(), roleMapping(func(m *v1alpha1.RoleMapping) { m.Namespace = "billing" }), v1alpha1.ReasonNotAllowedByProvider, "ask its owner to add"},
	{"a role that no pattern matches", provider(), roleMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = "arn:aws:iam::111122223333:role/admin" }), v1alpha1.ReasonNotAllowedByProvider, "arn:aws:iam::111122223333:role/admin"},
	{"a role of another account", provider(), roleMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = "arn:aws:iam::444455556666:role/reports-x" }), v1alpha1.ReasonAccountNotListed, "444455556666"},
	{"a role of another partition", provider(), roleMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = "arn:aws-cn:iam::111122223333:role/reports-x" }), v1alpha1.ReasonPartitionMismatch, "aws-cn"},
	{"a provider that IAM does not trust yet", provider(func(p *v1alpha1.SAMLProvider) { p.Status.Accounts = nil }), roleMapping(), v1alpha1.ReasonProviderNotReady, "IAM does not trust"},
	{"a provider without a ready pod", provider(func(p *v1alpha1.SAMLProvider) {
		setWorkload(p, metav1.ConditionFalse, v1alpha1.ReasonWorkloadUnavailable)
	}), roleMapping(), v1alpha1.ReasonProviderNotReady, "No pod"},
	{"a provider during a rollout serves", provider(func(p *v1alpha1.SAMLProvider) {
		setWorkload(p, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
	}), roleMapping(), v1alpha1.ReasonAccepted, "allows"},
}

func TestReconcile(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, row.provider, row.mapping)
			w.reconcile(t, row.mapping)

			m := w.mapping(t, row.mapping)
			want := outcomes[row.outcome]
			told := meta.FindStatusCondition(m.Status.Conditions, want.Condition)
			g.Expect(told).NotTo(BeNil())
			g.Expect(told.Reason).To(Equal(row.outcome))
			g.Expect(told.Message).To(ContainSubstring(row.says))
			g.Expect(told.Status == metav1.ConditionTrue).To(Equal(want.Progress == status.Done))
			g.Expect(meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionReady)).To(Equal(row.outcome == v1alpha1.ReasonAccepted))
			g.Expect(meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionStalled)).To(Equal(want.Progress == status.Stalled))
			if want.Progress == status.Done || want.Progress == status.Stalled {
				g.Expect(m.Status.ObservedGeneration).To(Equal(m.Generation))
			} else {
				g.Expect(m.Status.ObservedGeneration).To(BeZero())
			}
			g.Expect(w.events()).To(ContainElement(ContainSubstring(" " + row.outcome + " ")))

			accepted := meta.IsStatusConditionTrue(m.Status.Conditions, v1alpha1.ConditionAccepted)
			g.Expect(m.Status.RoleARN != "").To(Equal(accepted))
			if accepted {
				g.Expect(m.Status.ProviderARN).To(Equal("arn:aws:iam::111122223333:saml-provider/corp"))
			}
		})
	}
}

func TestEveryOutcomeIsReached(t *testing.T) {
	g := NewWithT(t)
	for reason, row := range outcomes {
		g.Expect(row.Reason).To(Equal(reason))
		g.Expect(row.Meaning).NotTo(BeEmpty())
		g.Expect(row.Retry).To(Equal(status.Never), "watches call again")
		reached := false
		for _, r := range rows {
			reached = reached || r.outcome == reason
		}
		g.Expect(reached).To(BeTrue(), "%s has no row", reason)
	}
}

func TestAReasonThatTheTableLacksStalls(t *testing.T) {
	g := NewWithT(t)
	f := refused(mapping.Finding{Reason: "SomethingNew", Message: "in words"})
	g.Expect(f.Reason).To(Equal("SomethingNew"))
	g.Expect(f.Progress).To(Equal(status.Stalled))
}

func TestASecondReconciliationWritesNothing(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, row.provider, row.mapping)
			w.reconcile(t, row.mapping)
			g.Expect(w.writes).To(Equal(1))
			w.reconcile(t, row.mapping)
			g.Expect(w.writes).To(Equal(1))
		})
	}
}

func TestAMappingHearsOnlyOfWhatItCanTell(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.SAMLProvider)
		hears  bool
	}{
		{"another spec", func(p *v1alpha1.SAMLProvider) { p.Generation++ }, true},
		{"another active key", func(p *v1alpha1.SAMLProvider) { p.Status.Accounts[0].ActiveKey = "fedcba9876543210" }, true},
		{"a workload without ready pods", func(p *v1alpha1.SAMLProvider) {
			setWorkload(p, metav1.ConditionFalse, v1alpha1.ReasonWorkloadUnavailable)
		}, true},
		{"another time of the last look at IAM", func(p *v1alpha1.SAMLProvider) {
			p.Status.Accounts[0].LastSyncTime = new(metav1.Now())
		}, false},
		{"another condition", func(p *v1alpha1.SAMLProvider) {
			meta.SetStatusCondition(&p.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionKeysReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonKeyActive})
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(viewOf(provider()) != viewOf(provider(row.change))).To(Equal(row.hears))
		})
	}
}

// world is a cluster without an API server, which counts what is written.
type world struct {
	client     client.Client
	reconciler *Reconciler
	recorder   *events.FakeRecorder
	writes     int
}

func newWorld(t *testing.T, p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	objects := []client.Object{m.DeepCopy()}
	if p != nil {
		objects = append(objects, p.DeepCopy())
	}
	w := &world{recorder: events.NewFakeRecorder(16)}
	w.client = fake.NewClientBuilder().
		WithScheme(scheme).
		WithStatusSubresource(&v1alpha1.RoleMapping{}, &v1alpha1.SAMLProvider{}).
		WithObjects(slices.Clone(objects)...).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes++
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).
		Build()
	w.reconciler = &Reconciler{Client: w.client, Status: status.Writer{Client: w.client, Recorder: w.recorder}}
	return w
}

func (w *world) reconcile(t *testing.T, m *v1alpha1.RoleMapping) {
	t.Helper()
	result, err := w.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(m)})
	if err != nil {
		t.Fatal(err)
	}
	if result != (ctrl.Result{}) {
		t.Fatalf("nothing but a watch should call again, got %v", result)
	}
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

func (w *world) mapping(t *testing.T, m *v1alpha1.RoleMapping) *v1alpha1.RoleMapping {
	t.Helper()
	got := &v1alpha1.RoleMapping{}
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(m), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// BenchmarkReconcileUnchanged is what each of thousands of mappings costs when its provider calls.
func BenchmarkReconcileUnchanged(b *testing.B) {
	p, m := provider(), roleMapping()
	for b.Loop() {
		if len(examine(p, m).Findings) != 1 {
			b.Fatal("the mapping should be accepted")
		}
	}
}
