package deploy

import (
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"attache.dev/attache/api/v1alpha1"
)

// Input is what the objects are made from.
type Input struct {
	Provider *v1alpha1.SAMLProvider
	// Namespace of the operator, where the identity provider runs.
	Namespace string
	// Image is the operator's own: the identity provider is a subcommand of it.
	Image           string
	ImagePullPolicy corev1.PullPolicy
}

// Objects returns everything that the operator applies for one identity provider, in the order in
// which it is applied: what a pod needs comes before the pods. The two Secrets are not among them,
// because their contents are not a function of the spec.
func Objects(in Input) []runtime.ApplyConfiguration {
	return []runtime.ApplyConfiguration{
		serviceAccount(in),
		role(in),
		roleBinding(in),
		clusterRole(in),
		clusterRoleBinding(in),
		baseBinding(in),
		service(in),
		deployment(in),
		disruptionBudget(in),
	}
}

// OwnerReference makes the garbage collector delete an object with its SAMLProvider.
func OwnerReference(p *v1alpha1.SAMLProvider) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("SAMLProvider").
		WithName(p.Name).
		WithUID(p.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

func serviceAccount(in Input) *corev1ac.ServiceAccountApplyConfiguration {
	// Only the pods of the Deployment mount its token, and they say so themselves.
	return corev1ac.ServiceAccount(Name(in.Provider.Name), in.Namespace).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithAutomountServiceAccountToken(false)
}

func service(in Input) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(Name(in.Provider.Name), in.Namespace).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithSpec(corev1ac.ServiceSpec().
			WithType(corev1.ServiceTypeClusterIP).
			WithSelector(selector(in.Provider)).
			WithPorts(corev1ac.ServicePort().
				WithName(portHTTPS).
				WithProtocol(corev1.ProtocolTCP).
				WithPort(ServicePort).
				WithTargetPort(intstr.FromString(portHTTPS))))
}

func disruptionBudget(in Input) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	// Not minAvailable: with one replica it would block the drain of a node for ever. Pods that
	// are not ready protect nobody, so they may always go.
	return policyv1ac.PodDisruptionBudget(Name(in.Provider.Name), in.Namespace).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector(in.Provider))))
}
