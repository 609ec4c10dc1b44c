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
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.status.roleARN`
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.providerRef.name`,priority=1
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
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
//
// +kubebuilder:validation:XValidation:rule="!has(self.role.managed) || !has(self.session) || !has(self.session.duration) || duration(self.session.duration) <= (has(self.role.managed.maxSessionDuration) ? duration(self.role.managed.maxSessionDuration) : duration('12h'))",message="session.duration must not be longer than role.managed.maxSessionDuration"
// +kubebuilder:validation:XValidation:rule="!has(self.adoption) || self.adoption == 'Never' || has(self.role.managed)",message="adoption is about role.managed: an existing role in role.arn is never touched"
// +kubebuilder:validation:XValidation:rule="!has(self.deletionPolicy) || has(self.role.managed)",message="deletionPolicy is about role.managed: an existing role in role.arn is never touched"
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

	// deletionPolicy says what happens to the managed role when this object is deleted. Defaults to
	// Delete for a role that was created and to Retain for one that was adopted.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// adoption says what happens when the managed role exists already and was not made for this
	// object. IfTagged needs adoption in the provider's allow too. Defaults to Never.
	// +optional
	Adoption AdoptionPolicy `json:"adoption,omitempty"`

	// suspend stops reconciling: the role is neither changed nor repaired, and status is left as it
	// is. Credentials keep flowing, and a deletion goes on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// deny refuses every delegation by this mapping at once, cached credentials or not.
	// +optional
	Deny bool `json:"deny,omitempty"`
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
//
// +kubebuilder:validation:XValidation:rule="has(self.arn) != has(self.managed)",message="role needs exactly one of arn (a role that exists) and managed (a role that is made)"
// +kubebuilder:validation:XValidation:rule="has(self.managed) == has(oldSelf.managed)",message="a RoleMapping cannot change between role.arn and role.managed: delete it and create another"
type Role struct {
	// arn of a role that exists already and whose trust policy admits the provider.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=640
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([!-~]{1,510}/)?[a-zA-Z0-9_+=,.@-]{1,64}$')",message="role.arn must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/reports-uploader"
	ARN string `json:"arn,omitempty"`

	// managed is a role that the operator makes, keeps as it is written here, and deletes.
	// +optional
	Managed *ManagedRole `json:"managed,omitempty"`
}

// ManagedRole is an IAM role that is made for a RoleMapping. Its trust policy admits the mapping's
// provider and this mapping alone.
//
// +kubebuilder:validation:XValidation:rule="self.accountID == oldSelf.accountID",message="role.managed.accountID is immutable: create another RoleMapping for another account"
// +kubebuilder:validation:XValidation:rule="has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)",message="role.managed.name is immutable: create another RoleMapping for another role"
// +kubebuilder:validation:XValidation:rule="has(self.path) == has(oldSelf.path) && (!has(self.path) || self.path == oldSelf.path)",message="role.managed.path is immutable: create another RoleMapping for another role"
type ManagedRole struct {
	// accountID is the AWS account of the role, one that the provider lists.
	// +required
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{12}$')",message="role.managed.accountID must be the twelve digits of an AWS account in quotes, such as \"111122223333\""
	AccountID string `json:"accountID"`

	// name of the role, unique in its account without regard to case and path. Defaults to
	// NAMESPACE.NAME of this object, shortened with a hash beyond 64 characters; status.roleARN shows it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9_+=.@-]+$')",message="role.managed.name must be 1 to 64 characters of A-Z, a-z, 0-9 and _+=.@-"
	Name string `json:"name,omitempty"`

	// path of the role, which begins and ends with a slash. Defaults to /attache/NAMESPACE/.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([a-zA-Z0-9_+=.@-]+/)*$')",message="role.managed.path must begin and end with a slash, such as /reports/"
	Path string `json:"path,omitempty"`

	// description of the role.
	// +optional
	// +kubebuilder:validation:MaxLength=1000
	// +kubebuilder:validation:XValidation:rule="self.matches('^[\\\\t\\\\n\\\\r -~¡-ÿ]*$')",message="role.managed.description must consist of characters of Latin-1"
	Description string `json:"description,omitempty"`

	// maxSessionDuration that the role allows, from 1h to 12h. Defaults to 1h, or to
	// session.duration where that is longer.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1h') && duration(self) <= duration('12h')",message="role.managed.maxSessionDuration must be between 1h and 12h"
	MaxSessionDuration *metav1.Duration `json:"maxSessionDuration,omitempty"`

	// permissionsBoundary is the ARN of a managed policy that bounds the role. Defaults to the one
	// that the provider's allow demands.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[!-~]+$')",message="role.managed.permissionsBoundary must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/tenants"
	PermissionsBoundary string `json:"permissionsBoundary,omitempty"`

	// policies are the ARNs of the managed policies that the role has; any other is detached.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	Policies []PolicyARN `json:"policies,omitempty"`

	// inlinePolicies are the policies that are written into the role; any other is deleted.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	InlinePolicies []InlinePolicy `json:"inlinePolicies,omitempty"`

	// tags of the role, beside those by which the operator knows it.
	// +optional
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=40
	Tags []Tag `json:"tags,omitempty"`
}

// PolicyARN is the ARN of a managed policy.
//
// +kubebuilder:validation:MinLength=20
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[!-~]+$')",message="policies must be ARNs of managed policies, such as arn:aws:iam::aws:policy/ReadOnlyAccess"
type PolicyARN string

// InlinePolicy is a policy that is part of a role.
type InlinePolicy struct {
	// name of the policy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9_+=,.@-]+$')",message="inlinePolicies[].name must be characters of A-Z, a-z, 0-9 and _+=,.@-"
	Name string `json:"name"`

	// document is the policy as JSON. All documents of a role together have at most 10,240
	// characters, white space not counted.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20480
	Document string `json:"document"`
}

// Tag is a tag of an object in AWS.
type Tag struct {
	// key of the tag, unique without regard to case.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.:/=+@-]+$') && !self.lowerAscii().startsWith('aws:') && !self.lowerAscii().startsWith('attache.dev/')",message="tags[].key must be letters, digits, spaces and _.:/=+@-, and must not begin with aws: or attache.dev/"
	Key string `json:"key"`

	// value of the tag.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.:/=+@-]*$')",message="tags[].value must be letters, digits, spaces and _.:/=+@-"
	Value string `json:"value,omitempty"`
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

	// conditions: Ready, Accepted, RoleSynced (managed roles), TrustPolicyVerified (existing roles),
	// Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// roleARN is the ARN of the role of the spec.
	// +optional
	RoleARN string `json:"roleARN,omitempty"`

	// providerARN is the ARN of the IAM SAML provider that the role must trust.
	// +optional
	ProviderARN string `json:"providerARN,omitempty"`

	// role is the ledger of the managed role: it is written before the role is created and goes only
	// when IAM confirmed the deletion.
	// +optional
	Role *RoleStatus `json:"role,omitempty"`

	// drift is what was last found to differ from what had been written.
	// +optional
	Drift *Drift `json:"drift,omitempty"`

	// lastHandledReconcileAt is the value of the annotation attache.dev/reconcile-at that was last
	// acted upon.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// RoleState tells where a managed role stands.
// +kubebuilder:validation:Enum=Creating;Synced;Failed;Deleting;AwaitingPublication
type RoleState string

const (
	// RoleCreating means that the role may or may not exist yet.
	RoleCreating RoleState = "Creating"
	// RoleSynced means that IAM holds the role that hash names.
	RoleSynced RoleState = "Synced"
	// RoleFailed means that the last attempt failed; the RoleSynced condition says why.
	RoleFailed RoleState = "Failed"
	// RoleDeleting means that the role is being deleted.
	RoleDeleting RoleState = "Deleting"
	// RoleAwaitingPublication means that the account is Observed and that IAM does not hold the role
	// as it is wanted.
	RoleAwaitingPublication RoleState = "AwaitingPublication"
)

// RoleStatus is the ledger's entry for a managed role.
type RoleStatus struct {
	// arn of the role.
	ARN string `json:"arn"`

	// state of the role.
	State RoleState `json:"state"`

	// hash of the role that IAM was last seen to hold, SHA-256 in hexadecimal. It is empty until it
	// was seen once.
	// +optional
	Hash string `json:"hash,omitempty"`

	// lastSyncTime is when IAM was last seen to hold it.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// adopted tells that the role existed before and was taken over.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
}
