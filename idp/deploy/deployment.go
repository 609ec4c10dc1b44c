package deploy

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

const (
	portHTTPS = "https"
	portOps   = "ops"
	volumeTLS = "tls"

	// nonRoot is the user and group of distroless' "nonroot", for images without a passwd file.
	nonRoot = 65532
	// terminationGrace is what a pod has to finish the requests it has taken.
	terminationGrace = 30
	ownerAndGroup    = 0o440
)

// deployment never changes for a key or a certificate: the pods watch their keys and read their
// certificate again, so that a rotation rolls nothing.
func deployment(in Input) *appsv1ac.DeploymentApplyConfiguration {
	labels := Labels(in.Provider)
	return appsv1ac.Deployment(Name(in.Provider.Name), in.Namespace).
		WithLabels(labels).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(in.Provider.Replicas()).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector(in.Provider))).
			WithStrategy(appsv1ac.DeploymentStrategy().
				WithType(appsv1.RollingUpdateDeploymentStrategyType).
				WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
					WithMaxUnavailable(intstr.FromInt32(0)).
					WithMaxSurge(intstr.FromInt32(1)))).
			WithTemplate(corev1ac.PodTemplateSpec().
				WithLabels(labels).
				WithSpec(podSpec(in))))
}

func podSpec(in Input) *corev1ac.PodSpecApplyConfiguration {
	return corev1ac.PodSpec().
		WithServiceAccountName(Name(in.Provider.Name)).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(terminationGrace).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(nonRoot).
			WithRunAsGroup(nonRoot).
			WithFSGroup(nonRoot).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).
			WithTopologyKey(corev1.LabelHostname).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector(in.Provider)))).
		WithContainers(container(in)).
		WithVolumes(corev1ac.Volume().
			WithName(volumeTLS).
			WithSecret(corev1ac.SecretVolumeSource().
				WithSecretName(TLSSecretName(in.Provider.Name)).
				WithDefaultMode(ownerAndGroup)))
}

func container(in Input) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName("idp").
		WithImage(in.Image).
		WithImagePullPolicy(in.ImagePullPolicy).
		WithArgs(
			"idp",
			"--provider="+in.Provider.Name,
			"--namespace="+in.Namespace,
			fmt.Sprintf("--listen=:%d", ContainerPort),
			fmt.Sprintf("--ops-listen=:%d", OpsPort),
			"--tls-dir="+TLSDir,
		).
		WithPorts(
			corev1ac.ContainerPort().WithName(portHTTPS).WithContainerPort(ContainerPort).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName(portOps).WithContainerPort(OpsPort).WithProtocol(corev1.ProtocolTCP),
		).
		WithResources(resources(in.Provider)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(5)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10)).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithVolumeMounts(corev1ac.VolumeMount().
			WithName(volumeTLS).
			WithMountPath(TLSDir).
			WithReadOnly(true))
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portOps)))
}

// resources of the container: the spec's, or what serves some hundred requests a second. There is
// no CPU limit, because throttled signing makes every caller wait.
func resources(p *v1alpha1.SAMLProvider) *corev1ac.ResourceRequirementsApplyConfiguration {
	wanted := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("50m"),
			corev1.ResourceMemory: resource.MustParse("64Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	if p.Spec.Workload.Resources != nil {
		wanted = *p.Spec.Workload.Resources
	}
	ac := corev1ac.ResourceRequirements()
	if len(wanted.Requests) > 0 {
		ac.WithRequests(wanted.Requests)
	}
	if len(wanted.Limits) > 0 {
		ac.WithLimits(wanted.Limits)
	}
	for _, c := range wanted.Claims {
		claim := corev1ac.ResourceClaim().WithName(c.Name)
		if c.Request != "" {
			claim.WithRequest(c.Request)
		}
		ac.WithClaims(claim)
	}
	return ac
}
