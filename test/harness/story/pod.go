package story

import (
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/test/harness"
)

// Pod starts a pod of the workload image. Without args it asks for credentials, prints its AWS
// identity and ends; with "idle" it only lives.
func (s *Story) Pod(name string, args ...string) *corev1.Pod {
	s.Helper()
	_, err := s.Cluster.CABundle(s.Context(), s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	yes, no, user, hour, grace := true, false, int64(65532), int64(3600), int64(0)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Tenant, Name: name},
		Spec: corev1.PodSpec{
			ServiceAccountName: s.ServiceAccount, AutomountServiceAccountToken: &no,
			RestartPolicy: corev1.RestartPolicyNever, TerminationGracePeriodSeconds: &grace,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user, FSGroup: &user,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "workload", Image: s.Images.Workload, Args: args,
				Env: []corev1.EnvVar{
					{Name: "ATTACHE_PROVIDER", Value: s.Tenant},
					{Name: "ATTACHE_DELEGATION_URL", Value: s.DelegationURL()},
					{Name: "AWS_REGION", Value: harness.Region},
					{Name: "AWS_ENDPOINT_URL_STS", Value: harness.AWSEndpoint},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "token", MountPath: "/var/run/attache/token", ReadOnly: true},
					{Name: "ca", MountPath: "/var/run/attache/ca", ReadOnly: true},
				},
			}},
			Volumes: []corev1.Volume{
				{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
					ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: s.Audience(), ExpirationSeconds: &hour, Path: "token"},
				}}}}},
				{Name: "ca", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "attache-ca"}}}},
			},
		},
	}
	s.Create(p)
	return p
}

// LivingPod starts an idle pod and waits until it runs.
func (s *Story) LivingPod(name string) *corev1.Pod {
	s.Helper()
	s.Pod(name, "idle")
	p, err := s.Cluster.AwaitPod(s.Context(), s.Tenant, name, Readiness, corev1.PodRunning)
	s.Expect(err).NotTo(HaveOccurred())
	return p
}

// Audience is the one that tokens for the provider are made for.
func (s *Story) Audience() string { return "attache.dev/" + s.Tenant }

// DelegationURL is where pods send their tokens.
func (s *Story) DelegationURL() string {
	return "https://attache-" + s.Tenant + "." + harness.Namespace + ".svc/delegation"
}

// Token asks the API server for a token of the story's service account, bound to the pod unless
// that is nil.
func (s *Story) Token(audience string, pod *corev1.Pod) string {
	s.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	answer, err := s.Cluster.Clientset.CoreV1().ServiceAccounts(s.Tenant).CreateToken(s.Context(), s.ServiceAccount, request, metav1.CreateOptions{})
	s.Expect(err).NotTo(HaveOccurred())
	return answer.Status.Token
}
