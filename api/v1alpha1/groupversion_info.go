// Package v1alpha1 holds the custom resources of Attaché: SAMLProvider, which the platform team
// owns, and RoleMapping, which the application team owns.
//
// +kubebuilder:object:generate=true
// +groupName=attache.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "attache.dev", Version: "v1alpha1"}

var (
	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds of this package with a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&SAMLProvider{}, &SAMLProviderList{},
		&RoleMapping{}, &RoleMappingList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
