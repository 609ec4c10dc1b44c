package deploy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
)

var update = flag.Bool("update", false, "write the golden files")

func provider(change func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	p := &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: "corp", UID: "1c5c4d8e-0000-4000-8000-000000000001"}}
	if change != nil {
		change(p)
	}
	return p
}

func objects(p *v1alpha1.SAMLProvider) []runtime.ApplyConfiguration {
	return deploy.Objects(deploy.Input{
		Provider:        p,
		Namespace:       "attache-system",
		Image:           "registry.example/attache:v1",
		ImagePullPolicy: corev1.PullIfNotPresent,
	})
}

func TestObjectsAreTheGoldenOnes(t *testing.T) {
	for _, row := range []struct {
		name, file string
		change     func(*v1alpha1.SAMLProvider)
	}{
		{"defaults", "defaults.yaml", nil},
		{"every field of spec.workload", "workload.yaml", func(p *v1alpha1.SAMLProvider) {
			p.Spec.Workload = v1alpha1.Workload{
				Replicas: ptr.To[int32](5),
				Resources: &corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
				},
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			var got bytes.Buffer
			for _, o := range objects(provider(row.change)) {
				document, err := yaml.Marshal(o)
				g.Expect(err).NotTo(HaveOccurred())
				got.WriteString("---\n")
				got.Write(document)
			}
			path := filepath.Join("testdata", row.file)
			if *update {
				g.Expect(os.WriteFile(path, got.Bytes(), 0o600)).To(Succeed())
			}
			want, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.String()).To(Equal(string(want)), "run `go test ./idp/deploy -update` if this is meant")
		})
	}
}

func TestObjectsNameTheirProviderAndGoWithIt(t *testing.T) {
	for _, o := range asUnstructured(t, objects(provider(nil))) {
		t.Run(o.GetKind()+" "+o.GetName(), func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(o.GetLabels()).To(HaveKeyWithValue(deploy.LabelProvider, "corp"))
			g.Expect(o.GetLabels()).To(HaveKeyWithValue("app.kubernetes.io/managed-by", "attache"))
			g.Expect(o.GetOwnerReferences()).To(ConsistOf(SatisfyAll(
				HaveField("Kind", "SAMLProvider"),
				HaveField("Name", "corp"),
				HaveField("UID", provider(nil).UID),
				HaveField("Controller", HaveValue(BeTrue())),
			)))
			if o.GetNamespace() != "" {
				g.Expect(o.GetNamespace()).To(Equal("attache-system"))
			}
		})
	}
}

func TestPodsMeetTheRestrictedPodSecurityStandard(t *testing.T) {
	g := NewWithT(t)
	pod := deployment(t, objects(provider(nil))).Spec.Template.Spec

	g.Expect(pod.SecurityContext.RunAsNonRoot).To(HaveValue(BeTrue()))
	g.Expect(pod.SecurityContext.RunAsUser).To(HaveValue(BeEquivalentTo(65532)))
	g.Expect(pod.SecurityContext.SeccompProfile.Type).To(Equal(corev1.SeccompProfileTypeRuntimeDefault))
	g.Expect(pod.HostNetwork).To(BeFalse())
	for _, c := range pod.Containers {
		g.Expect(c.SecurityContext.AllowPrivilegeEscalation).To(HaveValue(BeFalse()))
		g.Expect(c.SecurityContext.ReadOnlyRootFilesystem).To(HaveValue(BeTrue()))
		g.Expect(c.SecurityContext.Capabilities.Drop).To(ConsistOf(corev1.Capability("ALL")))
		g.Expect(c.SecurityContext.Capabilities.Add).To(BeEmpty())
	}
	for _, v := range pod.Volumes {
		g.Expect(v.HostPath).To(BeNil())
	}
}

func TestARolloutNeverTakesAPodBeforeItsSuccessorIsReady(t *testing.T) {
	g := NewWithT(t)
	d := deployment(t, objects(provider(nil)))
	g.Expect(d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue()).To(BeZero())
	g.Expect(d.Spec.Template.Spec.Containers[0].ReadinessProbe).NotTo(BeNil())
	g.Expect(d.Spec.Template.Spec.TerminationGracePeriodSeconds).To(HaveValue(BeEquivalentTo(30)))
}

func TestPodsAreNotRolledForKeysOrStatus(t *testing.T) {
	g := NewWithT(t)
	before := deployment(t, objects(provider(nil)))
	after := deployment(t, objects(provider(func(p *v1alpha1.SAMLProvider) {
		p.Generation, p.ResourceVersion = 7, "99"
		p.Status.Keys = []v1alpha1.KeyStatus{{ID: "0123456789abcdef", State: v1alpha1.KeyActive}}
		p.Status.Accounts = []v1alpha1.AccountStatus{{ID: "111122223333", ActiveKey: "0123456789abcdef"}}
		p.Spec.Allow = []v1alpha1.AllowRule{{Namespaces: v1alpha1.NamespaceSelection{Names: []string{"reports"}}}}
	})))
	g.Expect(after.Spec.Template).To(Equal(before.Spec.Template))
	for _, v := range after.Spec.Template.Spec.Volumes {
		g.Expect(v.Secret.SecretName).NotTo(Equal(keys.SecretName("corp")), "keys are watched, not mounted")
	}
}

func TestPodsReachOnlyTheirOwnSecretAndProvider(t *testing.T) {
	g := NewWithT(t)
	roles := 0
	for _, o := range asUnstructured(t, objects(provider(nil))) {
		if o.GetKind() != "Role" && o.GetKind() != "ClusterRole" {
			continue
		}
		roles++
		rules, _, err := unstructured.NestedSlice(o.Object, "rules")
		g.Expect(err).NotTo(HaveOccurred())
		for _, r := range rules {
			rule, ok := r.(map[string]any)
			g.Expect(ok).To(BeTrue())
			g.Expect(rule["verbs"]).To(ConsistOf("get", "list", "watch"))
			g.Expect(rule["resourceNames"]).To(Or(ConsistOf("attache-corp-keys"), ConsistOf("corp")))
		}
	}
	g.Expect(roles).To(Equal(2))
}

func TestTheServiceLeavesTheOpsPortOut(t *testing.T) {
	g := NewWithT(t)
	for _, o := range asUnstructured(t, objects(provider(nil))) {
		if o.GetKind() != "Service" {
			continue
		}
		service := &corev1.Service{}
		g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, service)).To(Succeed())
		g.Expect(service.Spec.Ports).To(ConsistOf(SatisfyAll(HaveField("Port", BeEquivalentTo(443)), HaveField("TargetPort.StrVal", "https"))))
		return
	}
	t.Fatal("there is no Service")
}

func TestNamesOfTheLongestProviderFit(t *testing.T) {
	g := NewWithT(t)
	longest := "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
	g.Expect(longest).To(HaveLen(50))
	g.Expect(len(deploy.Name(longest))).To(BeNumerically("<=", 63))
	g.Expect(deploy.MetadataURL("corp", "attache-system")).To(Equal("https://attache-corp.attache-system.svc/saml/metadata"))
	g.Expect(deploy.DelegationURL("corp", "attache-system")).To(Equal("https://attache-corp.attache-system.svc/delegation"))
}

func deployment(t *testing.T, all []runtime.ApplyConfiguration) *appsv1.Deployment {
	t.Helper()
	for _, o := range asUnstructured(t, all) {
		if o.GetKind() == "Deployment" {
			d := &appsv1.Deployment{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d); err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
	t.Fatal("there is no Deployment")
	return nil
}

func asUnstructured(t *testing.T, all []runtime.ApplyConfiguration) []*unstructured.Unstructured {
	t.Helper()
	out := make([]*unstructured.Unstructured, 0, len(all))
	for _, o := range all {
		document, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &u.Object); err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}
