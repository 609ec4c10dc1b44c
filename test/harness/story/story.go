package story

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness"
)

// ServiceAccount is the service account of a story's pods, unless it goes on as another.
const ServiceAccount = "uploader"

// Story is one user's world. All of it goes when the test ends.
type Story struct {
	*testing.T
	Gomega
	*World
	// Tenant is the name of the namespace and of the provider.
	Tenant string
	// Provider allows the namespace the roles TENANT-* and managed roles under /attache/TENANT/. It
	// is not created yet.
	Provider *v1alpha1.SAMLProvider
	// ServiceAccount of the pods and subject of the mappings.
	ServiceAccount string
}

// New begins a story: its namespace, its service account, and the operator's rights in AWS.
func (w *World) New(t *testing.T) *Story {
	t.Helper()
	tenant := "e2e-" + rand.String(6)
	s := &Story{T: t, Gomega: NewWithT(t), World: w, Tenant: tenant, Provider: newProvider(tenant), ServiceAccount: ServiceAccount}
	t.Cleanup(s.end)
	s.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant, Labels: map[string]string{"attache.dev/ca": "true"}}})
	s.Create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: ServiceAccount, Namespace: tenant}})
	s.Expect(w.AWS.AllowOperator(t.Context(), tenant)).To(Succeed())
	return s
}

func newProvider(tenant string) *v1alpha1.SAMLProvider {
	namespaces := v1alpha1.NamespaceSelection{Names: []string{tenant}}
	subjects := []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount}
	return &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: tenant},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer: "https://" + tenant + ".example/saml/metadata",
			Accounts: []v1alpha1.Account{{
				ID: harness.AccountID, Region: harness.Region,
				Access:    v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
				Endpoints: v1alpha1.AccountEndpoints{IAM: harness.AWSEndpoint, STS: harness.AWSEndpoint},
			}},
			Workload: v1alpha1.Workload{Replicas: ptr.To[int32](1)},
			Allow: []v1alpha1.AllowRule{
				{Namespaces: namespaces, Subjects: subjects, Roles: []v1alpha1.RolePattern{v1alpha1.RolePattern(harness.RoleARN(tenant + "-*"))}},
				{Namespaces: namespaces, Subjects: subjects, Managed: &v1alpha1.AllowManaged{PathPrefix: "/attache/" + tenant + "/", InlinePolicies: true}},
			},
		},
	}
}

// As returns the same world for pods of another service account, which is created.
func (s *Story) As(serviceAccount string) *Story {
	s.Helper()
	other := *s
	other.ServiceAccount = serviceAccount
	s.Create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: serviceAccount, Namespace: s.Tenant}})
	return &other
}

// Ready creates the provider and a mapping of the existing role TENANT-uploader, and waits for both.
func (s *Story) Ready() *Story {
	s.Helper()
	s.Create(s.Provider)
	mapping := s.Mapping("uploader")
	s.Create(mapping)
	s.Expect(s.Cluster.AwaitReady(s.Context(), s.Provider, Readiness)).To(Succeed())
	s.Expect(s.Cluster.AwaitReady(s.Context(), mapping, Readiness)).To(Succeed())
	return s
}

// Mapping returns a RoleMapping of the existing role TENANT-suffix, which the account has from now on.
func (s *Story) Mapping(suffix string) *v1alpha1.RoleMapping {
	s.Helper()
	arn, err := s.AWS.EnsureRole(s.Context(), s.Tenant+"-"+suffix, s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	return s.MappingOf(suffix, s.Tenant, arn)
}

// MappingOf returns a RoleMapping of an existing role.
func (s *Story) MappingOf(name, provider, arn string) *v1alpha1.RoleMapping {
	return &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Tenant, Name: name},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: provider},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: s.ServiceAccount}},
			Role:        v1alpha1.Role{ARN: arn},
		},
	}
}

// ManagedMapping returns a RoleMapping for which a role with an inline policy is made.
func (s *Story) ManagedMapping(name string) *v1alpha1.RoleMapping {
	m := s.MappingOf(name, s.Tenant, "")
	m.Spec.Role.Managed = &v1alpha1.ManagedRole{
		AccountID:      harness.AccountID,
		InlinePolicies: []v1alpha1.InlinePolicy{{Name: "look", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}`}},
	}
	return m
}

// Create creates an object.
func (s *Story) Create(obj client.Object) {
	s.Helper()
	s.Expect(s.Cluster.Client.Create(s.Context(), obj)).To(Succeed())
}

// end keeps what explains a failure, and removes the story's world: what stands in AWS first, while
// IAM still lets the operator delete it.
func (s *Story) end() {
	ctx, cancel := context.WithTimeout(context.Background(), Readiness)
	defer cancel()
	if s.Failed() {
		folder, err := s.Cluster.KeepArtifacts(ctx, s.Name(), s.Tenant, harness.Namespace, "aws")
		s.Logf("artifacts are in %s (%v)", folder, err)
	}
	if err := s.AWS.Control.ClearFaults(ctx); err != nil {
		s.Errorf("clear the faults: %v", err)
	}
	if err := s.AWS.AllowOperator(ctx, s.Tenant); err != nil {
		s.Errorf("allow the operator: %v", err)
	}
	if err := s.Cluster.Client.DeleteAllOf(ctx, &v1alpha1.RoleMapping{}, client.InNamespace(s.Tenant)); err != nil {
		s.Errorf("delete the mappings: %v", err)
	}
	s.DeleteAndWait(ctx, s.Provider)
	if err := s.AWS.ForbidOperator(ctx, s.Tenant); err != nil {
		s.Errorf("forbid the operator: %v", err)
	}
	err := s.Cluster.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Tenant}})
	if client.IgnoreNotFound(err) != nil {
		s.Errorf("delete the namespace: %v", err)
	}
}

// DeleteAndWait deletes an object and waits until it is gone.
func (s *Story) DeleteAndWait(ctx context.Context, obj client.Object) {
	if err := s.Cluster.Client.Delete(ctx, obj); client.IgnoreNotFound(err) != nil {
		s.Errorf("delete %s: %v", obj.GetName(), err)
		return
	}
	err := harness.Await(ctx, Readiness, fmt.Sprintf("%T %s to be gone", obj, obj.GetName()), func(ctx context.Context) (bool, string, error) {
		err := s.Cluster.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		return apierrors.IsNotFound(err), "still there", nil
	})
	if err != nil {
		s.Error(err)
	}
}
