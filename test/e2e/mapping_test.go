//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestAMappingThatIsRefusedSaysWhatToWrite(t *testing.T) {
	s := world.New(t)
	s.Create(s.Provider)

	for _, tt := range []struct {
		name, provider, arn string
		reason, says        string
	}{
		{"absent", "nobody", harness.RoleARN("x"), v1alpha1.ReasonProviderNotFound, "nobody"},
		{"not-allowed", s.Tenant, harness.RoleARN("admin"), v1alpha1.ReasonNotAllowedByProvider, harness.RoleARN("admin")},
		{"other-account", s.Tenant, "arn:aws:iam::999999999999:role/x", v1alpha1.ReasonAccountNotListed, "999999999999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			m := s.MappingOf(tt.name, tt.provider, tt.arn)
			g.Expect(cluster.Client.Create(t.Context(), m)).To(Succeed())
			g.Expect(cluster.AwaitCondition(t.Context(), m, v1alpha1.ConditionAccepted, metav1.ConditionFalse, tt.reason, story.Readiness)).To(Succeed())
			message := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionAccepted).Message
			g.Expect(message).To(ContainSubstring(tt.says))
			t.Log(message)
		})
	}
	t.Run("malformed", func(t *testing.T) {
		err := cluster.Client.Create(t.Context(), s.MappingOf("malformed", s.Tenant, "arn:aws:iam::1:user/me"))
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("such as arn:aws:iam::111122223333:role/reports-uploader")))
		t.Log(err)
	})
}

func TestWhatTheProviderNoLongerAllowsIsRefusedAtOnce(t *testing.T) {
	s := world.New(t).Ready()
	token, door := s.Token(s.Audience(), s.LivingPod("app")), s.Door()
	s.Expect(s.Delegate(door, s.Parameters(token)).Status).To(Equal(200))

	disallow := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"allow":[]}}`))
	s.Expect(cluster.Client.Patch(t.Context(), s.Provider, disallow)).To(Succeed())

	s.Eventually(func() string { return s.Delegate(door, s.Parameters(token)).Error }, "5s", "100ms").Should(Equal("access_denied"))
	m := &v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: s.Tenant, Name: "uploader"}}
	s.Expect(cluster.AwaitCondition(t.Context(), m, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotAllowedByProvider, story.Readiness)).To(Succeed())
}

func TestOfTwoRolesTheCallerNamesOne(t *testing.T) {
	s := world.New(t).Ready()
	second := s.Mapping("archiver")
	s.Create(second)
	s.Expect(cluster.AwaitReady(t.Context(), second, story.Readiness)).To(Succeed())
	token, door := s.Token(s.Audience(), s.LivingPod("app")), s.Door()

	s.Eventually(func() string { return s.Delegate(door, s.Parameters(token)).Description }, "5s", "100ms").Should(And(
		ContainSubstring(harness.RoleARN(s.Tenant+"-uploader")), ContainSubstring(harness.RoleARN(s.Tenant+"-archiver"))))

	named := s.Parameters(token)
	named["role"] = harness.RoleARN(s.Tenant + "-archiver")
	s.Expect(s.Delegate(door, named).AssumedRoleUser.Arn).To(ContainSubstring("assumed-role/" + s.Tenant + "-archiver/"))
}

func replicasAre(d *appsv1.Deployment, want int32) func(context.Context) (bool, string, error) {
	return func(ctx context.Context) (bool, string, error) {
		if err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(d), d); err != nil {
			return false, err.Error(), nil
		}
		return *d.Spec.Replicas == want, fmt.Sprintf("%d replicas", *d.Spec.Replicas), nil
	}
}
