package idp_test

import (
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pod creates a service account and a pod that runs as it.
func pod(t *testing.T, namespace, serviceAccount string) *corev1.Pod {
	t.Helper()
	must(t, env.Client.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceAccount}}))
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceAccount + "-x2x4p"},
		Spec: corev1.PodSpec{
			ServiceAccountName: serviceAccount,
			Containers:         []corev1.Container{{Name: "app", Image: "app"}},
		},
	}
	must(t, env.Client.Create(t.Context(), p))
	return p
}

// removePod removes a pod from the API, as the kubelet does when its containers have ended.
func removePod(t *testing.T, p *corev1.Pod) {
	t.Helper()
	must(t, env.Client.Delete(t.Context(), p, client.GracePeriodSeconds(0)))
}

// tokenOf asks for the token that the kubelet would project into the pod.
func tokenOf(t *testing.T, p *corev1.Pod, audience string) string {
	t.Helper()
	return request(t, p, audience, &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: p.UID})
}

// unboundTokenOf asks for a token as `kubectl create token` does.
func unboundTokenOf(t *testing.T, p *corev1.Pod, audience string) string {
	t.Helper()
	return request(t, p, audience, nil)
}

func request(t *testing.T, p *corev1.Pod, audience string, bound *authenticationv1.BoundObjectReference) string {
	t.Helper()
	r, err := clientset(t).CoreV1().ServiceAccounts(p.Namespace).CreateToken(t.Context(), p.Spec.ServiceAccountName,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}, BoundObjectRef: bound}}, metav1.CreateOptions{})
	must(t, err)
	return r.Status.Token
}

func clientset(t *testing.T) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(env.Config)
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
