package deploy

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/keys"
)

// read are the verbs of an informer.
var read = []string{"get", "list", "watch"}

// role lets the pods watch their signing keys, and no other Secret.
func role(in Input) *rbacv1ac.RoleApplyConfiguration {
	return rbacv1ac.Role(Name(in.Provider.Name), in.Namespace).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithRules(rbacv1ac.PolicyRule().
			WithAPIGroups(corev1.GroupName).
			WithResources("secrets").
			WithResourceNames(keys.SecretName(in.Provider.Name)).
			WithVerbs(read...))
}

func roleBinding(in Input) *rbacv1ac.RoleBindingApplyConfiguration {
	return rbacv1ac.RoleBinding(Name(in.Provider.Name), in.Namespace).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithSubjects(podsAccount(in)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(Name(in.Provider.Name)))
}

// clusterRole lets the pods watch their own SAMLProvider, and no other.
func clusterRole(in Input) *rbacv1ac.ClusterRoleApplyConfiguration {
	return rbacv1ac.ClusterRole(ClusterName(in.Provider.Name)).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithRules(rbacv1ac.PolicyRule().
			WithAPIGroups(v1alpha1.GroupVersion.Group).
			WithResources("samlproviders").
			WithResourceNames(in.Provider.Name).
			WithVerbs(read...))
}

func clusterRoleBinding(in Input) *rbacv1ac.ClusterRoleBindingApplyConfiguration {
	return bindCluster(in, ClusterName(in.Provider.Name), ClusterName(in.Provider.Name))
}

// baseBinding gives the pods what every identity provider may do, whichever its name.
func baseBinding(in Input) *rbacv1ac.ClusterRoleBindingApplyConfiguration {
	return bindCluster(in, ClusterName(in.Provider.Name)+"-base", BaseClusterRole)
}

func bindCluster(in Input, name, clusterRole string) *rbacv1ac.ClusterRoleBindingApplyConfiguration {
	return rbacv1ac.ClusterRoleBinding(name).
		WithLabels(Labels(in.Provider)).
		WithOwnerReferences(OwnerReference(in.Provider)).
		WithSubjects(podsAccount(in)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName(clusterRole))
}

func podsAccount(in Input) *rbacv1ac.SubjectApplyConfiguration {
	return rbacv1ac.Subject().
		WithKind(rbacv1.ServiceAccountKind).
		WithNamespace(in.Namespace).
		WithName(Name(in.Provider.Name))
}
