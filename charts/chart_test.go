// Package charts tests the Helm chart by rendering it with helm and reading the result strictly: a misspelt field of a
// Kubernetes object fails.
package charts

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

const namespace = "elsewhere"

var scheme = runtime.NewScheme()

func init() {
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
}

// helm renders the chart for a namespace that is not the usual one.
func helm(t *testing.T, args ...string) (stdout []byte, err error) {
	t.Helper()
	if _, err := exec.LookPath("helm"); err != nil {
		t.Fatal("helm is not on PATH: run `make test`, or `. hack/cluster/env.sh` after `hack/cluster/build.sh helm`")
	}
	// What helm reads is no reason for go test to run again; what the test itself reads is.
	if err := filepath.WalkDir("attache", func(string, fs.DirEntry, error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "helm", append([]string{"template", "attache", "attache", "--namespace", namespace}, args...)...)
	stdout, err = cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, errors.New(string(failed.Stderr))
	}
	return stdout, err
}

// render returns the chart's objects by kind and name.
func render(t *testing.T, args ...string) map[string]runtime.Object {
	t.Helper()
	g := NewWithT(t)
	out, err := helm(t, args...)
	g.Expect(err).NotTo(HaveOccurred())

	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	objects := map[string]runtime.Object{}
	for documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(out))); ; {
		document := make([]byte, len(out))
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			return objects
		}
		g.Expect(err).NotTo(HaveOccurred())
		if len(bytes.TrimSpace(document[:n])) == 0 {
			continue
		}
		object, kind, err := decoder.Decode(document[:n], nil, nil)
		g.Expect(err).NotTo(HaveOccurred(), string(document[:n]))
		objects[kind.Kind+"/"+object.(metav1.Object).GetName()] = object
	}
}

func operator(t *testing.T, args ...string) *appsv1.Deployment {
	t.Helper()
	deployment, ok := render(t, args...)["Deployment/attache-operator"].(*appsv1.Deployment)
	NewWithT(t).Expect(ok).To(BeTrue())
	return deployment
}

func TestDefaultsRenderEveryObjectIntoTheReleasesNamespace(t *testing.T) {
	g := NewWithT(t)
	objects := render(t)
	g.Expect(slices.Collect(maps.Keys(objects))).To(ConsistOf(
		"CustomResourceDefinition/samlproviders.attache.dev", "CustomResourceDefinition/rolemappings.attache.dev",
		"Deployment/attache-operator", "ServiceAccount/attache-operator", "PodDisruptionBudget/attache-operator",
		"NetworkPolicy/attache-operator", "Service/attache-operator-metrics",
		"Role/attache-operator", "RoleBinding/attache-operator",
		"ClusterRole/attache-operator", "ClusterRoleBinding/attache-operator",
		"ClusterRole/attache-idp", "ClusterRole/attache-view", "ClusterRole/attache-edit",
		"ServiceAccount/attache-uninstall-check", "Job/attache-uninstall-check",
		"ClusterRole/attache-uninstall-check", "ClusterRoleBinding/attache-uninstall-check",
		"ValidatingAdmissionPolicy/attache-operator-namespace", "ValidatingAdmissionPolicyBinding/attache-operator-namespace",
	))
	for name, object := range objects {
		meta := object.(metav1.Object)
		g.Expect(meta.GetLabels()).To(HaveKeyWithValue("app.kubernetes.io/name", "attache"), name)
		switch object.(type) {
		case *apiextensionsv1.CustomResourceDefinition, *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding,
			*admissionregistrationv1.ValidatingAdmissionPolicy, *admissionregistrationv1.ValidatingAdmissionPolicyBinding:
			g.Expect(meta.GetNamespace()).To(BeEmpty(), name)
		default:
			g.Expect(meta.GetNamespace()).To(Equal(namespace), name)
		}
	}
}

func TestPodsMeetTheRestrictedPodSecurityStandard(t *testing.T) {
	objects := render(t)
	for name, pod := range map[string]corev1.PodSpec{
		"the operator":               objects["Deployment/attache-operator"].(*appsv1.Deployment).Spec.Template.Spec,
		"the check of the uninstall": objects["Job/attache-uninstall-check"].(*batchv1.Job).Spec.Template.Spec,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(pod.SecurityContext.RunAsNonRoot).To(HaveValue(BeTrue()))
			g.Expect(pod.SecurityContext.SeccompProfile.Type).To(Equal(corev1.SeccompProfileTypeRuntimeDefault))
			for _, c := range pod.Containers {
				g.Expect(c.SecurityContext.AllowPrivilegeEscalation).To(HaveValue(BeFalse()))
				g.Expect(c.SecurityContext.ReadOnlyRootFilesystem).To(HaveValue(BeTrue()))
				g.Expect(c.SecurityContext.Capabilities.Drop).To(ConsistOf(corev1.Capability("ALL")))
			}
		})
	}
}

func TestHelmChecksBeforeItUninstallsAndLeavesNothingOfTheCheck(t *testing.T) {
	g := NewWithT(t)
	objects := render(t)
	for name, object := range objects {
		if meta := object.(metav1.Object); meta.GetName() == "attache-uninstall-check" {
			g.Expect(meta.GetAnnotations()).To(SatisfyAll(
				HaveKeyWithValue("helm.sh/hook", "pre-delete"),
				HaveKeyWithValue("helm.sh/hook-delete-policy", "before-hook-creation,hook-succeeded,hook-failed"),
			), name)
		}
	}
	job := objects["Job/attache-uninstall-check"].(*batchv1.Job)
	g.Expect(job.Annotations).To(HaveKeyWithValue("helm.sh/hook-output-log-policy", "hook-failed"))
	pod := job.Spec.Template
	g.Expect(pod.Spec.Containers[0].Args).To(HaveExactElements("uninstall", "--check", "--namespace="+namespace))
	g.Expect(pod.Spec.ServiceAccountName).To(Equal("attache-uninstall-check"))
	for _, rule := range objects["ClusterRole/attache-uninstall-check"].(*rbacv1.ClusterRole).Rules {
		g.Expect(rule.Verbs).To(HaveExactElements("list"))
	}
	selector, err := metav1.LabelSelectorAsSelector(objects["Deployment/attache-operator"].(*appsv1.Deployment).Spec.Selector)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(selector.Matches(labels.Set(pod.Labels))).To(BeFalse(), "nobody takes it for the operator")
}

func TestTheOperatorsNamespaceAloneIsGuardedByEverySAMLProvider(t *testing.T) {
	g := NewWithT(t)
	objects := render(t)
	policy := objects["ValidatingAdmissionPolicy/attache-operator-namespace"].(*admissionregistrationv1.ValidatingAdmissionPolicy)
	g.Expect(policy.Spec.ParamKind).To(HaveValue(Equal(admissionregistrationv1.ParamKind{APIVersion: "attache.dev/v1alpha1", Kind: "SAMLProvider"})))
	g.Expect(policy.Spec.MatchConstraints.ResourceRules).To(HaveExactElements(HaveField("ResourceNames", HaveExactElements(namespace))))
	binding := objects["ValidatingAdmissionPolicyBinding/attache-operator-namespace"].(*admissionregistrationv1.ValidatingAdmissionPolicyBinding)
	g.Expect(binding.Spec.PolicyName).To(Equal(policy.Name))
	g.Expect(binding.Spec.ParamRef.Selector).To(HaveValue(BeZero()))
	g.Expect(binding.Spec.ParamRef.ParameterNotFoundAction).To(HaveValue(Equal(admissionregistrationv1.AllowAction)))
}

func TestOperatorRunsTheImageThatItGivesToIdentityProviders(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, row := range []struct {
		name, want string
		args       []string
	}{
		{"the chart's version unless told otherwise", "localhost/attache:dev", nil},
		{"a tag", "registry.example/attache:v1", []string{"--set", "image.repository=registry.example/attache,image.tag=v1"}},
		{"a digest, which wins over the tag", "localhost/attache@" + digest, []string{"--set", "image.tag=v1,image.digest=" + digest}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			container := operator(t, row.args...).Spec.Template.Spec.Containers[0]
			g.Expect(container.Image).To(Equal(row.want))
			g.Expect(container.Args).To(ContainElements("--namespace="+namespace, "--idp-image="+row.want, "--idp-image-pull-policy=IfNotPresent"))
		})
	}
}

func TestValuesReachTheOperator(t *testing.T) {
	g := NewWithT(t)
	deployment := operator(t, "--set", "aws.credentialsSecretName=aws,replicas=2,podLabels.team=cloud,podAnnotations.a=b,"+
		"extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy:3128,priorityClassName=system-cluster-critical,"+
		"extraVolumes[0].name=token,extraVolumeMounts[0].name=token,extraVolumeMounts[0].mountPath=/token,"+
		"nodeSelector.disk=ssd,tolerations[0].key=infra,topologySpreadConstraints[0].maxSkew=2")
	pod := deployment.Spec.Template
	g.Expect(deployment.Spec.Replicas).To(HaveValue(BeEquivalentTo(2)))
	g.Expect(pod.Labels).To(HaveKeyWithValue("team", "cloud"))
	g.Expect(pod.Annotations).To(HaveKeyWithValue("a", "b"))
	g.Expect(pod.Spec.Containers[0].EnvFrom).To(HaveExactElements(HaveField("SecretRef.Name", "aws")))
	g.Expect(pod.Spec.Containers[0].Env).To(HaveExactElements(corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}))
	g.Expect(pod.Spec.Containers[0].VolumeMounts).To(HaveExactElements(HaveField("MountPath", "/token")))
	g.Expect(pod.Spec.Volumes).To(HaveExactElements(HaveField("Name", "token")))
	g.Expect(pod.Spec.PriorityClassName).To(Equal("system-cluster-critical"))
	g.Expect(pod.Spec.NodeSelector).To(HaveKeyWithValue("disk", "ssd"))
	g.Expect(pod.Spec.Tolerations).To(HaveExactElements(HaveField("Key", "infra")))
	g.Expect(pod.Spec.TopologySpreadConstraints).To(HaveExactElements(HaveField("MaxSkew", BeEquivalentTo(2))))
}

func TestOperatorsRightsStayInItsNamespaceWhereTheyCan(t *testing.T) {
	g := NewWithT(t)
	objects := render(t)
	g.Expect(objects).To(HaveKey("Role/attache-operator"))
	for _, kind := range []string{"Role", "ClusterRole"} {
		g.Expect(objects).To(HaveKeyWithValue(kind+"Binding/attache-operator", SatisfyAll(
			HaveField("RoleRef.Kind", kind),
			HaveField("RoleRef.Name", "attache-operator"),
			HaveField("Subjects", HaveExactElements(rbacv1.Subject{Kind: "ServiceAccount", Name: "attache-operator", Namespace: namespace})),
		)))
	}
	for _, rule := range objects["ClusterRole/attache-operator"].(*rbacv1.ClusterRole).Rules {
		g.Expect(rule.Resources).NotTo(ContainElement("secrets"))
		g.Expect(rule.Verbs).NotTo(ContainElements(Or(Equal("*"), Equal("escalate"), Equal("impersonate"))))
		if len(rule.Verbs) == 1 && rule.Verbs[0] == "bind" {
			g.Expect(rule.ResourceNames).To(HaveExactElements("attache-idp"))
		}
	}
}

func TestDefinitionsStayWhenTheChartGoes(t *testing.T) {
	g := NewWithT(t)
	objects := render(t)
	for _, name := range []string{"samlproviders.attache.dev", "rolemappings.attache.dev"} {
		g.Expect(objects).To(HaveKeyWithValue("CustomResourceDefinition/"+name,
			HaveField("Annotations", HaveKeyWithValue("helm.sh/resource-policy", "keep"))))
	}
	g.Expect(render(t, "--set", "crds.install=false")).NotTo(HaveKey(HavePrefix("CustomResourceDefinition/")))
}

func TestWhatIsOptionalCanBeLeftOut(t *testing.T) {
	g := NewWithT(t)
	objects := render(t, "--set", "podDisruptionBudget.enabled=false,networkPolicy.enabled=false,rbac.aggregateToDefaultRoles=false,"+
		"uninstallGuard.helmUninstall=false,uninstallGuard.namespaceDeletion=false")
	for _, name := range []string{
		"PodDisruptionBudget/attache-operator", "NetworkPolicy/attache-operator", "ClusterRole/attache-view", "ClusterRole/attache-edit",
		"ServiceAccount/attache-uninstall-check", "Job/attache-uninstall-check",
		"ClusterRole/attache-uninstall-check", "ClusterRoleBinding/attache-uninstall-check",
		"ValidatingAdmissionPolicy/attache-operator-namespace", "ValidatingAdmissionPolicyBinding/attache-operator-namespace",
	} {
		g.Expect(objects).NotTo(HaveKey(name))
	}
}

func TestNetworkPolicyConfinesWhoReadsMetrics(t *testing.T) {
	g := NewWithT(t)
	policy := render(t, "--set", "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring")["NetworkPolicy/attache-operator"].(*networkingv1.NetworkPolicy)
	g.Expect(policy.Spec.Ingress).To(HaveExactElements(HaveField("From", HaveLen(1))))
}

func TestServiceMonitorSelectsTheMetricsService(t *testing.T) {
	g := NewWithT(t)
	// Its kind is not Kubernetes' own, so only the text is looked at.
	out, err := helm(t, "--show-only", "templates/metrics.yaml", "--set", "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prometheus")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(out)).To(SatisfyAll(ContainSubstring("kind: ServiceMonitor"), ContainSubstring("release: prometheus"), ContainSubstring("interval: 1m")))
}

func TestSchemaRefusesMistakes(t *testing.T) {
	for _, row := range []struct{ name, set, want string }{
		{"a key that does not exist", "replicaCount=2", "replicaCount"},
		{"a key that does not exist, further down", "image.name=x", "name"},
		{"a pull policy that Kubernetes does not know", "image.pullPolicy=Sometimes", "pullPolicy"},
		{"no replicas", "replicas=0", "replicas"},
		{"a digest that is none", "image.digest=sha256:abc", "digest"},
		{"a variable without a name", "extraEnv[0].value=x", "name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := helm(t, "--set", row.set)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(row.want)))
		})
	}
}
