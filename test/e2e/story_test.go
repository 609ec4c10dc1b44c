//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
)

const (
	readiness      = 2 * time.Minute
	serviceAccount = "uploader"
)

var (
	cluster *harness.Cluster
	aws     *harness.AWS
	images  harness.Images
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	if err := install(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	code := m.Run()
	cancel()
	os.Exit(code)
}

func install(ctx context.Context) (err error) {
	if images, err = harness.BuiltImages(); err != nil {
		return err
	}
	if cluster, err = harness.Connect(); err != nil {
		return err
	}
	if aws, err = cluster.InstallAWS(ctx, images.AWSFake); err != nil {
		return err
	}
	return cluster.InstallAttache(ctx, aws, images.Attache)
}

// story is one user's world: a namespace, a SAMLProvider of the same name that allows it the roles
// <name>-*, and a service account. All of it goes when the test ends.
type story struct {
	*testing.T
	Gomega
	name     string
	provider *v1alpha1.SAMLProvider
}

func newStory(t *testing.T) *story {
	t.Helper()
	name := "e2e-" + rand.String(6)
	s := &story{T: t, Gomega: NewWithT(t), name: name}
	replicas := int32(1)
	s.provider = &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer: "https://" + name + ".example/saml/metadata",
			Accounts: []v1alpha1.Account{{
				ID: harness.AccountID, Region: harness.Region,
				Access:    v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
				Endpoints: v1alpha1.AccountEndpoints{IAM: harness.AWSEndpoint, STS: harness.AWSEndpoint},
			}},
			Workload: v1alpha1.Workload{Replicas: &replicas},
			Allow: []v1alpha1.AllowRule{{
				Namespaces: v1alpha1.NamespaceSelection{Names: []string{name}},
				Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
				Roles:      []v1alpha1.RolePattern{v1alpha1.RolePattern(harness.RoleARN(name + "-*"))},
			}},
		},
	}
	t.Cleanup(s.end)
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"attache.dev/ca": "true"}}})
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: serviceAccount, Namespace: name}})
	s.Expect(aws.AllowOperator(t.Context(), name)).To(Succeed())
	return s
}

// ready creates the provider and a mapping of the role <name>-uploader, and waits for both.
func (s *story) ready() *story {
	s.Helper()
	s.create(s.provider)
	mapping := s.mapping("uploader")
	s.create(mapping)
	s.Expect(cluster.AwaitReady(s.Context(), s.provider, readiness)).To(Succeed())
	s.Expect(cluster.AwaitReady(s.Context(), mapping, readiness)).To(Succeed())
	return s
}

// mapping returns a RoleMapping of the role <name>-<suffix>, which the account has from now on.
func (s *story) mapping(suffix string) *v1alpha1.RoleMapping {
	s.Helper()
	arn, err := aws.EnsureRole(s.Context(), s.name+"-"+suffix, s.name)
	s.Expect(err).NotTo(HaveOccurred())
	return s.mappingOf(suffix, s.name, arn)
}

func (s *story) mappingOf(name, provider, arn string) *v1alpha1.RoleMapping {
	return &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: provider},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: serviceAccount}},
			Role:        v1alpha1.Role{ARN: arn},
		},
	}
}

func (s *story) create(obj client.Object) {
	s.Helper()
	s.Expect(cluster.Client.Create(s.Context(), obj)).To(Succeed())
}

// end keeps what explains a failure, and removes the story's world: the provider first, while IAM
// still lets the operator delete its counterpart.
func (s *story) end() {
	ctx, cancel := context.WithTimeout(context.Background(), readiness)
	defer cancel()
	if s.Failed() {
		folder, err := cluster.KeepArtifacts(ctx, s.Name(), s.name, harness.Namespace, "aws")
		s.Logf("artifacts are in %s (%v)", folder, err)
	}
	if err := aws.Control.ClearFaults(ctx); err != nil {
		s.Errorf("clear the faults: %v", err)
	}
	if err := aws.AllowOperator(ctx, s.name); err != nil {
		s.Errorf("allow the operator: %v", err)
	}
	s.deleteAndWait(ctx, s.provider)
	if err := aws.ForbidOperator(ctx, s.name); err != nil {
		s.Errorf("forbid the operator: %v", err)
	}
	err := cluster.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}})
	if client.IgnoreNotFound(err) != nil {
		s.Errorf("delete the namespace: %v", err)
	}
}

func (s *story) deleteAndWait(ctx context.Context, obj client.Object) {
	if err := cluster.Client.Delete(ctx, obj); client.IgnoreNotFound(err) != nil {
		s.Errorf("delete %s: %v", obj.GetName(), err)
		return
	}
	err := harness.Await(ctx, readiness, fmt.Sprintf("%T %s to be gone", obj, obj.GetName()), func(ctx context.Context) (bool, string, error) {
		err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		return apierrors.IsNotFound(err), "still there", nil
	})
	if err != nil {
		s.Error(err)
	}
}

// pod starts a pod of the workload image. Without args it asks for credentials, prints its AWS
// identity and ends; with "idle" it only lives.
func (s *story) pod(name string, args ...string) *corev1.Pod {
	s.Helper()
	_, err := cluster.CABundle(s.Context(), s.name)
	s.Expect(err).NotTo(HaveOccurred())
	yes, no, user, hour, grace := true, false, int64(65532), int64(3600), int64(0)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: name},
		Spec: corev1.PodSpec{
			ServiceAccountName: serviceAccount, AutomountServiceAccountToken: &no,
			RestartPolicy: corev1.RestartPolicyNever, TerminationGracePeriodSeconds: &grace,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user, FSGroup: &user,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "workload", Image: images.Workload, Args: args,
				Env: []corev1.EnvVar{
					{Name: "ATTACHE_PROVIDER", Value: s.name},
					{Name: "ATTACHE_DELEGATION_URL", Value: s.delegationURL()},
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
					ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: s.audience(), ExpirationSeconds: &hour, Path: "token"},
				}}}}},
				{Name: "ca", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "attache-ca"}}}},
			},
		},
	}
	s.create(p)
	return p
}

// livingPod starts an idle pod and waits until it runs.
func (s *story) livingPod(name string) *corev1.Pod {
	s.Helper()
	s.pod(name, "idle")
	p, err := cluster.AwaitPod(s.Context(), s.name, name, readiness, corev1.PodRunning)
	s.Expect(err).NotTo(HaveOccurred())
	return p
}

func (s *story) audience() string { return "attache.dev/" + s.name }

func (s *story) delegationURL() string {
	return "https://attache-" + s.name + "." + harness.Namespace + ".svc/delegation"
}

// token asks the API server for a token of the story's service account, bound to the pod unless
// that is nil.
func (s *story) token(audience string, pod *corev1.Pod) string {
	s.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	answer, err := cluster.Clientset.CoreV1().ServiceAccounts(s.name).CreateToken(s.Context(), serviceAccount, request, metav1.CreateOptions{})
	s.Expect(err).NotTo(HaveOccurred())
	return answer.Status.Token
}

// parameters are those of a good delegation request with the token.
func (s *story) parameters(token string) map[string]string {
	return map[string]string{
		"client_id":  s.name,
		"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"id_token":   token,
		"target":     s.name,
		"api_type":   "aws",
	}
}

// door returns a client of the provider's Service that verifies its certificate.
func (s *story) door() *http.Client {
	s.Helper()
	bundle, err := cluster.CABundle(s.Context(), s.name)
	s.Expect(err).NotTo(HaveOccurred())
	c, err := cluster.HTTPClient(s.Context(), harness.Namespace, "attache-"+s.name, 443, bundle)
	s.Expect(err).NotTo(HaveOccurred())
	return c
}

// answer is what the door said.
type answer struct {
	status     int
	retryAfter string
	Error      string
	// Description is for people.
	Description string `json:"error_description"`
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	AssumedRoleUser struct{ Arn string }
}

// post sends a body to the door. Port-forwards and Services take a moment to notice a change of
// pods, so a connection that cannot be had is tried again.
func (s *story) post(door *http.Client, contentType string, body []byte) answer {
	s.Helper()
	var a answer
	s.Eventually(func() error {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.delegationURL(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", contentType)
		response, err := door.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		a = answer{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			return fmt.Errorf("not JSON: %s", text)
		}
		return json.Unmarshal(text, &a)
	}, "30s", "200ms").Should(Succeed())
	return a
}

// delegate sends parameters as JSON.
func (s *story) delegate(door *http.Client, parameters map[string]string) answer {
	s.Helper()
	body, err := json.Marshal(parameters)
	s.Expect(err).NotTo(HaveOccurred())
	return s.post(door, "application/json", body)
}
