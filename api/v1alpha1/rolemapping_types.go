package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RoleMapping gives subjects of its namespace the right to obtain credentials of an IAM role
// through a SAMLProvider that allows it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=rmap,categories=attache
// +kubebuilder:selectablefield:JSONPath=`.spec.providerRef.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.role.arn`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RoleMapping struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec RoleMappingSpec `json:"spec"`
	// +optional
	Status RoleMappingStatus `json:"status,omitempty,omitzero"`
}

// RoleMappingList is a list of RoleMappings.
//
// +kubebuilder:object:root=true
type RoleMappingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RoleMapping `json:"items"`
}

// RoleMappingSpec says who gets which role.
type RoleMappingSpec struct {
	// providerRef names the SAMLProvider that answers for this mapping.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="providerRef is immutable: delete this RoleMapping and create one for the other provider"
	ProviderRef ProviderReference `json:"providerRef"`

	// subjects who may obtain the role.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Subjects []Subject `json:"subjects"`

	// role to obtain.
	// +required
	Role Role `json:"role"`

	// session shapes the STS session.
	// +optional
	Session Session `json:"session,omitempty,omitzero"`

	// default is the mapping to take when several of this namespace match the same service
	// account and the caller names no role.
	// +optional
	Default bool `json:"default,omitempty"`
}

// ProviderReference names a SAMLProvider.
type ProviderReference struct {
	// name of the SAMLProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=50
	Name string `json:"name"`
}

// SubjectKind is a kind of subject.
// +kubebuilder:validation:Enum=ServiceAccount
type SubjectKind string

// SubjectServiceAccount is a service account of the mapping's own namespace.
const SubjectServiceAccount SubjectKind = "ServiceAccount"

// Subject is someone who may obtain the role.
type Subject struct {
	// kind of subject: ServiceAccount.
	// +required
	Kind SubjectKind `json:"kind"`

	// name of the subject. A service account is always one of the mapping's own namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",message="subjects[].name must be the name of a service account in this namespace, without a prefix"
	Name string `json:"name"`
}

// Role is the IAM role to obtain.
type Role struct {
	// arn of a role that exists already and whose trust policy admits the provider.
	// +required
	// +kubebuilder:validation:MaxLength=640
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([!-~]{1,510}/)?[a-zA-Z0-9_+=,.@-]{1,64}$')",message="role.arn must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/reports-uploader"
	ARN string `json:"arn"`
}

// Session shapes the STS session.
type Session struct {
	// duration of the credentials, from 15m to 12h and no more than the role's maximum.
	// Defaults to 1h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('15m') && duration(self) <= duration('12h')",message="session.duration must be between 15m and 12h"
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// RoleMappingStatus is what the operator found.
type RoleMappingStatus struct {
	// observedGeneration is the generation that was last brought to success or to Stalled.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready, Accepted, Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// roleARN is the ARN of the role that subjects obtain.
	// +optional
	RoleARN string `json:"roleARN,omitempty"`

	// providerARN is the ARN of the IAM SAML provider that the role must trust.
	// +optional
	ProviderARN string `json:"providerARN,omitempty"`
}
