package samlprovider

import (
	"context"
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/internal/tlsca"
)

const (
	namespace  = "attache-system"
	clusterUID = "c1c1c1c1-0000-4000-8000-000000000001"
	accountID  = "111122223333"
	region     = "eu-west-1"
	arn        = "arn:aws:iam::111122223333:saml-provider/corp"
)

// world is a cluster in memory and an IAM that is as strict as AWS's, with a clock that stands still until it is moved.
type world struct {
	t      *testing.T
	now    time.Time
	client client.Client
	aws    *fakeAWS
	// others are further accounts, by their IDs.
	others     map[string]*fakeAWS
	recorder   *events.FakeRecorder
	reconciler *Reconciler
	// writes counts what is written to the cluster.
	writes int
	// refuse fails writes of a kind, as the API server may.
	refuse func(client.Object) error
}

func newWorld(t *testing.T, changes ...func(*v1alpha1.SAMLProvider)) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{
		t:        t,
		now:      time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		aws:      newFakeAWS(t),
		recorder: events.NewFakeRecorder(64),
	}
	w.client = fake.NewClientBuilder().
		WithScheme(scheme).
		WithStatusSubresource(&v1alpha1.SAMLProvider{}, &v1alpha1.RoleMapping{}, &appsv1.Deployment{}).
		WithIndex(&v1alpha1.RoleMapping{}, v1alpha1.FieldProvider, func(o client.Object) []string {
			return []string{o.(*v1alpha1.RoleMapping).Spec.ProviderRef.Name}
		}).
		WithInterceptorFuncs(w.counting()).
		Build()
	w.restartOperator()
	p := &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "0b0b0b0b-0000-4000-8000-000000000001", Generation: 1},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer:   "https://login.corp.example/saml/metadata",
			Accounts: []v1alpha1.Account{{ID: accountID, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}}},
		},
	}
	for _, change := range changes {
		change(p)
	}
	w.create(p)
	w.createAuthority()
	w.writes = 0
	return w
}

// restartOperator forgets what the operator remembers.
func (w *world) restartOperator() {
	w.reconciler = &Reconciler{
		Client: w.client,
		Live:   w.client,
		Status: status.Writer{Client: w.client, Recorder: w.recorder},
		IAM: func(a v1alpha1.Account) awsiam.API {
			if other := w.others[a.ID]; other != nil {
				return other.operator
			}
			return w.aws.operator
		},
		ClusterUID:      clusterUID,
		Namespace:       namespace,
		Image:           "registry.example/attache:v1",
		ImagePullPolicy: corev1.PullIfNotPresent,
		Clock:           func() time.Time { return w.now },
		Applier:         &ssa.Applier{Client: w.client, Label: deploy.LabelProvider, Cached: Cached},
	}
}

func (w *world) createAuthority() {
	w.t.Helper()
	authorities, err := tlsca.Authorities{}.Take(tlsca.MakeFirst, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := authorities.SecretData()
	if err != nil {
		w.t.Fatal(err)
	}
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: cabundle.Name}, Data: data})
}

// counting sees each write on its way.
func (w *world) counting() interceptor.Funcs {
	see := func(o client.Object) error {
		w.writes++
		if w.refuse != nil && o != nil {
			return w.refuse(o)
		}
		return nil
	}
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return errors.Join(see(o), c.Create(ctx, o, opts...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := see(o); err != nil {
				return err
			}
			return c.Delete(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := see(o); err != nil {
				return err
			}
			return c.Patch(ctx, o, p, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := see(nil); err != nil {
				return err
			}
			return c.Apply(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if err := see(o); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// reconcile runs one reconciliation.
func (w *world) reconcile() (ctrl.Result, error) {
	return w.reconciler.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "corp"}})
}

// settle reconciles as long as the operator asks to come back at once.
func (w *world) settle() ctrl.Result {
	w.t.Helper()
	const enough = 10
	for range enough {
		result, err := w.reconcile()
		if err != nil {
			w.t.Fatal(err)
		}
		if result.RequeueAfter == 0 || result.RequeueAfter > time.Second {
			return result
		}
	}
	w.t.Fatal("the operator does not come to rest")
	return ctrl.Result{}
}

// startPods is the kubelet: all pods of the Deployment become ready.
func (w *world) startPods() {
	w.t.Helper()
	d := &appsv1.Deployment{}
	w.get(deploy.Name("corp"), d)
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: *d.Spec.Replicas, UpdatedReplicas: *d.Spec.Replicas, AvailableReplicas: *d.Spec.Replicas}
	if err := w.client.Status().Update(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(name string, o client.Object) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) provider() *v1alpha1.SAMLProvider {
	w.t.Helper()
	p := &v1alpha1.SAMLProvider{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Name: "corp"}, p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) keySecret() *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.get(keys.SecretName("corp"), secret)
	return secret
}

// edit changes the provider's spec, as a person does.
func (w *world) edit(change func(*v1alpha1.SAMLProvider)) {
	w.t.Helper()
	p := w.provider()
	change(p)
	p.Generation++
	if err := w.client.Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) delete() {
	w.t.Helper()
	if err := w.client.Delete(w.t.Context(), w.provider()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.provider().Status.Conditions, kind)
	if c == nil {
		return metav1.Condition{}
	}
	return *c
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

// gone tells whether the provider's object has been let go.
func (w *world) gone() bool {
	return apierrors.IsNotFound(w.client.Get(w.t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{}))
}

// loseStatus is a restore of the object from a backup.
func (w *world) loseStatus() {
	w.t.Helper()
	p := w.provider()
	p.Status = v1alpha1.SAMLProviderStatus{}
	if err := w.client.Status().Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

// account is the ledger's entry.
func (w *world) account() v1alpha1.AccountStatus {
	w.t.Helper()
	all := w.provider().Status.Accounts
	if len(all) != 1 {
		w.t.Fatalf("the ledger has %d entries", len(all))
	}
	return all[0]
}

// owner is what the tags of the provider's own say.
func (w *world) owner() awsiam.Owner { return newScope(w.provider(), namespace, clusterUID).owner }
