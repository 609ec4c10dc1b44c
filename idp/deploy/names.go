package deploy

import (
	"fmt"

	"attache.dev/attache/api/v1alpha1"
)

// LabelProvider names the SAMLProvider on everything that is made for it.
const LabelProvider = "attache.dev/provider"

// BaseClusterRole is the chart's ClusterRole with what every identity provider may do in all
// namespaces. The operator may bind it and no other.
const BaseClusterRole = "attache-idp"

const (
	// ServicePort is the Service's, for HTTPS.
	ServicePort = 443
	// ContainerPort is the one behind it.
	ContainerPort = 8443
	// OpsPort serves health and metrics over plain HTTP, and is not in the Service.
	OpsPort = 8081
	// TLSDir is where the serving certificate is mounted.
	TLSDir = "/var/run/attache/tls"
)

// Name of a provider's Deployment, Service, ServiceAccount, PodDisruptionBudget, Role and
// RoleBinding.
func Name(provider string) string { return "attache-" + provider }

// TLSSecretName is the name of the Secret with the serving certificate.
func TLSSecretName(provider string) string { return Name(provider) + "-tls" }

// ClusterName is the name of a provider's ClusterRole and ClusterRoleBinding.
func ClusterName(provider string) string { return "attache-idp-" + provider }

// DNSNames are the names under which the Service is reached from inside the cluster, the one that
// clients should use first.
func DNSNames(provider, namespace string) []string {
	name := Name(provider)
	return []string{
		name + "." + namespace + ".svc",
		name + "." + namespace,
		name + "." + namespace + ".svc.cluster.local",
		name,
	}
}

// MetadataURL is where the identity provider serves its SAML metadata inside the cluster.
func MetadataURL(provider, namespace string) string {
	return fmt.Sprintf("https://%s/saml/metadata", DNSNames(provider, namespace)[0])
}

// DelegationURL is where pods send their id_token inside the cluster.
func DelegationURL(provider, namespace string) string {
	return fmt.Sprintf("https://%s/delegation", DNSNames(provider, namespace)[0])
}

// Labels of everything that is made for a provider.
func Labels(p *v1alpha1.SAMLProvider) map[string]string {
	labels := selector(p)
	labels["app.kubernetes.io/managed-by"] = "attache"
	labels[LabelProvider] = p.Name
	return labels
}

// selector is a Deployment's, which cannot change: it holds what is certain to stay.
func selector(p *v1alpha1.SAMLProvider) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":      "attache",
		"app.kubernetes.io/component": "idp",
		"app.kubernetes.io/instance":  p.Name,
	}
}
