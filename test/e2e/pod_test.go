//go:build e2e

package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestAPodObtainsCredentialsThatAWSAccepts(t *testing.T) {
	s := world.New(t).Ready()

	s.Pod("uploader")
	pod, err := cluster.AwaitPod(t.Context(), s.Tenant, "uploader", story.Readiness, corev1.PodSucceeded, corev1.PodFailed)
	s.Expect(err).NotTo(HaveOccurred())
	printed, err := cluster.Logs(t.Context(), s.Tenant, "uploader")
	s.Expect(err).NotTo(HaveOccurred())

	s.Expect(pod.Status.Phase).To(Equal(corev1.PodSucceeded), printed)
	s.Expect(strings.TrimSpace(printed)).To(Equal("arn:aws:sts::" + harness.AccountID + ":assumed-role/" + s.Tenant + "-uploader/uploader"))
}

func TestJSONAndFormAreAnsweredAlikeAndTheSecondFromTheCache(t *testing.T) {
	s := world.New(t).Ready()
	token, door := s.Token(s.Audience(), s.LivingPod("app")), s.Door()
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	fromJSON := s.Delegate(door, s.Parameters(token))
	form := url.Values{}
	for k, v := range s.Parameters(token) {
		form.Set(k, v)
	}
	fromForm := s.Post(door, "application/x-www-form-urlencoded", []byte(form.Encode()))

	s.Expect(fromJSON.Status).To(Equal(200), fromJSON.Description)
	s.Expect(fromForm).To(Equal(fromJSON))
	identity, err := aws.CallerIdentity(t.Context(), fromJSON.Credentials.AccessKeyID, fromJSON.Credentials.SecretAccessKey, fromJSON.Credentials.SessionToken)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(identity).To(Equal(fromJSON.AssumedRoleUser.Arn))
	calls, err := aws.Control.Calls(t.Context(), "AssumeRoleWithSAML")
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(calls).To(HaveLen(1))
}

func TestADeletedPodIsRefusedWithin15SecondsEvenWhereCredentialsAreCached(t *testing.T) {
	s := world.New(t).Ready()
	pod := s.LivingPod("app")
	token, door := s.Token(s.Audience(), pod), s.Door()
	s.Expect(s.Delegate(door, s.Parameters(token)).Status).To(Equal(200))

	now := int64(0)
	s.Expect(cluster.Clientset.CoreV1().Pods(s.Tenant).Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})).To(Succeed())
	s.Eventually(func() bool {
		_, err := cluster.Clientset.CoreV1().Pods(s.Tenant).Get(t.Context(), pod.Name, metav1.GetOptions{})
		return err != nil
	}, "30s", "50ms").Should(BeTrue())
	removed := time.Now()

	s.Eventually(func() string { return s.Delegate(door, s.Parameters(token)).Error }, "15s", "250ms").Should(Equal("invalid_grant"))
	t.Logf("refused %.1f s after the pod's removal", time.Since(removed).Seconds())
}
