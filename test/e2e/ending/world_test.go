//go:build e2e

package ending

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/internal/uninstall"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

var world *story.World

func TestMain(m *testing.M) {
	story.Main(m, func(w *story.World) { world = w })
}

// ending is a story at whose end an operator is installed again, whatever happened to it, so that
// what is left can go.
type ending struct {
	*story.Story
	mapping *v1alpha1.RoleMapping
}

// begin tells of a provider and a mapping with a managed role, which stand in AWS.
func begin(t *testing.T, values ...string) *ending {
	t.Helper()
	NewWithT(t).Expect(install(t.Context(), values...)).To(Succeed())
	e := &ending{Story: world.New(t)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*story.Readiness)
		defer cancel()
		if t.Failed() {
			// The story keeps its own when it ends, with an operator that is another one then.
			folder, err := world.Cluster.KeepArtifacts(ctx, t.Name()+"-at-failure", e.Tenant, harness.Namespace, "aws")
			t.Logf("artifacts are in %s (%v)", folder, err)
		}
		if err := world.AWS.Control.ClearFaults(ctx); err != nil {
			t.Error(err)
		}
		if err := install(ctx); err != nil {
			t.Error(err)
		}
	})
	e.mapping = e.ManagedMapping("uploader")
	e.Create(e.Provider)
	e.Create(e.mapping)
	e.Expect(world.Cluster.AwaitReady(t.Context(), e.Provider, story.Readiness)).To(Succeed())
	e.Expect(world.Cluster.AwaitReady(t.Context(), e.mapping, story.Readiness)).To(Succeed())
	e.Expect(e.inAWS()).To(ConsistOf(e.roleARN(), e.providerARN()))
	return e
}

// install brings the operator back. A release that helm would not upgrade, because it was asked
// to uninstall it, is removed first.
func install(ctx context.Context, values ...string) error {
	if err := world.Cluster.InstallAttache(ctx, world.AWS, world.Images.Attache, values...); err == nil {
		return nil
	}
	if _, err := harness.HelmUninstall(ctx, "--no-hooks", "--ignore-not-found"); err != nil {
		return err
	}
	return world.Cluster.InstallAttache(ctx, world.AWS, world.Images.Attache, values...)
}

func (e *ending) roleARN() string     { return e.mapping.Status.Role.ARN }
func (e *ending) providerARN() string { return e.Provider.Status.Accounts[0].ProviderARN }

func (e *ending) inAWS() []string {
	e.Helper()
	arns, err := world.AWS.MadeFor(e.Context(), e.Tenant)
	e.Expect(err).NotTo(HaveOccurred())
	return arns
}

func (e *ending) delete(o client.Object) {
	e.Helper()
	e.Expect(client.IgnoreNotFound(world.Cluster.Client.Delete(e.Context(), o))).To(Succeed())
}

func (e *ending) awaitGone(o client.Object) {
	e.Helper()
	e.Eventually(func() bool {
		return apierrors.IsNotFound(world.Cluster.Client.Get(e.Context(), client.ObjectKeyFromObject(o), o))
	}, story.Readiness, "200ms").Should(BeTrue(), "%T %s is gone; last seen: %+v", o, o.GetName(), harness.Conditions(o))
}

// awaitNoOperator waits until nobody holds the operator's Lease: one that was killed has not given
// it back.
func (e *ending) awaitNoOperator() {
	e.Helper()
	e.Eventually(func() (string, error) {
		operator, err := uninstall.Look(e.Context(), world.Cluster.Client, harness.Namespace)
		return operator.Holder(time.Now()), err
	}, story.Readiness, "500ms").Should(BeEmpty(), "the operator is gone")
}

// awaitWords waits until the Ready condition of an object that is being deleted says so.
func (e *ending) awaitWords(o client.Object, reason string, words ...string) {
	e.Helper()
	saysAll := []types.GomegaMatcher{}
	for _, w := range words {
		saysAll = append(saysAll, ContainSubstring(w))
	}
	e.Eventually(func() (metav1.Condition, error) {
		if err := world.Cluster.Client.Get(e.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return metav1.Condition{}, err
		}
		ready := meta.FindStatusCondition(harness.Conditions(o), v1alpha1.ConditionReady)
		if ready == nil || o.GetDeletionTimestamp().IsZero() {
			return metav1.Condition{}, nil
		}
		return *ready, nil
	}, story.Readiness, "200ms").Should(And(
		HaveField("Status", metav1.ConditionFalse),
		HaveField("Reason", reason),
		HaveField("Message", And(saysAll...)),
	))
	e.Logf("%s: %s", reason, meta.FindStatusCondition(harness.Conditions(o), v1alpha1.ConditionReady).Message)
}

// nothingIsLeft asserts what every ending comes to: no object of the story, no Secret that a
// finalizer holds, nothing in AWS.
func (e *ending) nothingIsLeft() {
	e.Helper()
	e.awaitGone(e.mapping)
	e.awaitGone(e.Provider)
	secrets := &corev1.SecretList{}
	e.Expect(world.Cluster.Client.List(e.Context(), secrets, client.InNamespace(harness.Namespace))).To(Succeed())
	for _, secret := range secrets.Items {
		e.Expect(secret.Finalizers).To(BeEmpty(), secret.Name)
	}
	e.Expect(e.inAWS()).To(BeEmpty())
}

// attache runs the binary as an administrator does, and asserts its exit code.
func (e *ending) attache(code int, args ...string) string {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), 3*time.Minute)
	defer cancel()
	administrator, err := world.Cluster.Administrator(ctx)
	e.Expect(err).NotTo(HaveOccurred())
	printed, got, err := administrator.Attache(ctx, args...)
	e.Expect(err).NotTo(HaveOccurred())
	e.Logf("attache %v:\n%s", args, printed)
	e.Expect(got).To(Equal(code), printed)
	return printed
}
