//go:build e2e

package e2e

import (
	"errors"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestIAMDenyingIsToldByTheMissingActionAndEndsWhenItIsGranted(t *testing.T) {
	s := world.New(t)
	s.Expect(aws.ForbidOperator(t.Context(), s.Tenant)).To(Succeed())
	s.Create(s.Provider)

	s.Expect(cluster.AwaitCondition(t.Context(), s.Provider, v1alpha1.ConditionProvidersSynced, metav1.ConditionFalse, v1alpha1.ReasonAccessDenied, story.Readiness)).To(Succeed())
	message := meta.FindStatusCondition(s.Provider.Status.Conditions, v1alpha1.ConditionProvidersSynced).Message
	s.Expect(message).To(MatchRegexp(`iam:\w+SAMLProvider`))
	t.Log(message)
	s.Eventually(func() []string {
		events, err := cluster.Clientset.CoreV1().Events("").List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + s.Tenant})
		s.Expect(err).NotTo(HaveOccurred())
		reasons := []string{}
		for _, e := range events.Items {
			reasons = append(reasons, e.Reason)
		}
		return reasons
	}, "20s", "200ms").Should(ContainElement(v1alpha1.ReasonAccessDenied))

	s.Expect(aws.AllowOperator(t.Context(), s.Tenant)).To(Succeed())
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"workload":{"replicas":2}}}`))
	s.Expect(cluster.Client.Patch(t.Context(), s.Provider, patch)).To(Succeed())
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
}

func TestWhatIsTouchedIsRepaired(t *testing.T) {
	s := world.New(t).Ready()
	ctx, name := t.Context(), "attache-"+s.Tenant
	token := s.Token(s.Audience(), s.LivingPod("app"))

	for _, obj := range []client.Object{
		&corev1.Service{}, &appsv1.Deployment{}, &corev1.ServiceAccount{},
	} {
		key := client.ObjectKey{Namespace: harness.Namespace, Name: name}
		s.Expect(cluster.Client.Get(ctx, key, obj)).To(Succeed())
		uid := obj.GetUID()
		s.Expect(cluster.Client.Delete(ctx, obj)).To(Succeed())
		s.Eventually(func() bool {
			return cluster.Client.Get(ctx, key, obj) == nil && obj.GetUID() != uid
		}, "30s", "100ms").Should(BeTrue(), "%T is made again", obj)
	}
	scale := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":0}}`))
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: harness.Namespace, Name: name}}
	s.Expect(cluster.Client.Patch(ctx, deployment, scale)).To(Succeed())
	s.Expect(harness.Await(ctx, story.Readiness, "the replicas to be put right", replicasAre(deployment, 1))).To(Succeed())

	s.Expect(cluster.AwaitDeployment(ctx, harness.Namespace, name, story.Readiness)).To(Succeed())
	s.Expect(s.Delegate(s.Door(), s.Parameters(token)).Status).To(Equal(200))
}

func TestADeletedProviderLeavesNothingInAWSNorInTheCluster(t *testing.T) {
	s := world.New(t).Ready()
	ctx, arn := t.Context(), s.Provider.Status.Accounts[0].ProviderARN
	_, err := aws.IAM.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: awssdk.String(arn)})
	s.Expect(err).NotTo(HaveOccurred())

	s.DeleteAndWait(ctx, s.Provider)

	_, err = aws.IAM.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: awssdk.String(arn)})
	var gone *iamtypes.NoSuchEntityException
	s.Expect(errors.As(err, &gone)).To(BeTrue(), "%v", err)
	for name, obj := range map[string]client.Object{
		"attache-" + s.Tenant:           &appsv1.Deployment{},
		"attache-" + s.Tenant + "-keys": &corev1.Secret{},
		"attache-" + s.Tenant + "-tls":  &corev1.Secret{},
	} {
		s.Eventually(func() bool {
			return apierrors.IsNotFound(cluster.Client.Get(ctx, client.ObjectKey{Namespace: harness.Namespace, Name: name}, obj))
		}, "60s", "200ms").Should(BeTrue(), "%T %s is gone", obj, name)
	}
	mapping := &v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: s.Tenant, Name: "uploader"}}
	s.Expect(cluster.AwaitCondition(ctx, mapping, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonProviderNotFound, story.Readiness)).To(Succeed())
}
