package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SAMLProvider is one SAML identity provider that runs in this cluster: the IAM identity provider
// that trusts it in an AWS account, the workload that serves it, and the rules that say which
// namespaces may map which roles to it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=smlp,categories=attache
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.spec.issuer`,priority=1
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 50 characters of a-z, 0-9 and '-', because the Service is named attache-<name>"
// +kubebuilder:validation:XValidation:rule="self.metadata.name != 'attache-operator' || self.spec.accounts.all(a, has(a.providerName))",message="write accounts[].providerName: attache-operator, the default by this object's name, is the IAM provider through which the operator itself signs in"
// +kubebuilder:validation:XValidation:rule="self.metadata.name != 'operator' && !self.metadata.name.endsWith('-base')",message="metadata.name must not be operator and must not end in -base: attache-operator and attache-idp-<name>-base are names of other objects"
type SAMLProvider struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec SAMLProviderSpec `json:"spec"`
	// +optional
	Status SAMLProviderStatus `json:"status,omitempty,omitzero"`
}

// SAMLProviderList is a list of SAMLProviders.
//
// +kubebuilder:object:root=true
type SAMLProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SAMLProvider `json:"items"`
}

// SAMLProviderSpec is what the platform team wants of an identity provider.
type SAMLProviderSpec struct {
	// issuer is the SAML entity ID: the name by which AWS knows this identity provider.
	// It is an absolute URI and need not resolve.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?://[^/?#\\\\s]+[^\\\\s]*|urn:[a-zA-Z0-9][a-zA-Z0-9-]*:[^\\\\s]+)$')",message="issuer must be an absolute URI such as https://login.corp.example/saml/metadata"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="issuer is immutable: the IAM provider trusts this very name; create another SAMLProvider instead"
	Issuer string `json:"issuer"`

	// accounts are the AWS accounts that trust this identity provider. From one that is taken out,
	// its IAM SAML provider is deleted as deletionPolicy says.
	// +required
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Accounts []Account `json:"accounts"`

	// delegation says which tokens the delegation endpoint accepts.
	// +optional
	Delegation Delegation `json:"delegation,omitempty,omitzero"`

	// workload shapes the Deployment that serves the identity provider.
	// +optional
	Workload Workload `json:"workload,omitempty,omitzero"`

	// allow says which namespaces may map which roles. What no entry allows is refused.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Allow []AllowRule `json:"allow,omitempty"`

	// deletionPolicy says what happens to the IAM SAML providers when this object is deleted.
	// Defaults to Delete for those that it created and to Retain for those that it adopted.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// adoption says what happens when an IAM SAML provider of that name exists already and was not
	// made for this object. Defaults to Never.
	// +optional
	Adoption AdoptionPolicy `json:"adoption,omitempty"`

	// interval is how often AWS is compared with the spec, give or take a tenth. It counts for the
	// IAM SAML providers and for the roles of the mappings. Defaults to 1h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="interval must be between 1m and 24h"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// suspend stops reconciling: nothing is created, repaired or told in status any more.
	// Credentials keep flowing, and a deletion goes on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// deny is the emergency stop: every delegation is refused at once, cached credentials or not.
	// Credentials that were handed out before stay valid until they expire.
	// +optional
	Deny bool `json:"deny,omitempty"`
}

// DeletionPolicy says what happens in AWS when an object is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type DeletionPolicy string

const (
	// DeletionDelete deletes in AWS what belongs to the object.
	DeletionDelete DeletionPolicy = "Delete"
	// DeletionRetain leaves AWS as it is, ownership tags included, and makes no call.
	DeletionRetain DeletionPolicy = "Retain"
)

// AdoptionPolicy says what happens with what exists in AWS already.
// +kubebuilder:validation:Enum=Never;IfTagged
type AdoptionPolicy string

const (
	// AdoptionNever leaves alone whatever was not made for this very object.
	AdoptionNever AdoptionPolicy = "Never"
	// AdoptionIfTagged takes over what AWS's tags offer: what carries the tag attache.dev/adopt with
	// this object's name ("namespace/name" of a RoleMapping), or was made by this cluster for a
	// former object of the same kind and name.
	AdoptionIfTagged AdoptionPolicy = "IfTagged"
)

// Delegation says which tokens POST /delegation accepts.
type Delegation struct {
	// audience is what the service-account token of a pod must be made for. Defaults to
	// attache.dev/<name of this object>; status.audience shows what is in force.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Audience string `json:"audience,omitempty"`

	// requireBoundPod refuses tokens that are not bound to a living pod, such as those of
	// `kubectl create token`. Defaults to true.
	// +optional
	RequireBoundPod *bool `json:"requireBoundPod,omitempty"`
}

// Workload shapes the Deployment that serves an identity provider.
type Workload struct {
	// replicas is the number of IdP pods. Defaults to 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`

	// resources of the IdP container. Defaults to requests of 50m CPU and 64Mi memory and a
	// memory limit of 256Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// SAMLProviderStatus is what the operator found and did.
type SAMLProviderStatus struct {
	// observedGeneration is the generation that was last brought to success or to Stalled.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready, KeysReady, WorkloadReady, ProvidersSynced, Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// accounts is the ledger of what stands in AWS: an entry has its providerARN before the IAM
	// provider is created and goes only when IAM confirmed the deletion. An account that spec no
	// longer lists stays until then.
	// +optional
	// +listType=map
	// +listMapKey=id
	Accounts []AccountStatus `json:"accounts,omitempty"`

	// keys are the signing keys, newest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	Keys []KeyStatus `json:"keys,omitempty"`

	// audience that service-account tokens must be made for.
	// +optional
	Audience string `json:"audience,omitempty"`

	// metadataURL is where the IdP serves its SAML metadata inside the cluster.
	// +optional
	MetadataURL string `json:"metadataURL,omitempty"`

	// delegationURL is where pods send their id_token inside the cluster.
	// +optional
	DelegationURL string `json:"delegationURL,omitempty"`

	// lastHandledReconcileAt is the value of the annotation attache.dev/reconcile-at that was last
	// acted upon.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// AccountState tells where an IAM SAML provider stands.
// +kubebuilder:validation:Enum=Creating;Synced;Failed;Deleting;Deleted;Retained;AwaitingPublication
type AccountState string

const (
	// AccountCreating means that the IAM provider may or may not exist yet.
	AccountCreating AccountState = "Creating"
	// AccountSynced means that IAM holds the metadata that metadataHash names.
	AccountSynced AccountState = "Synced"
	// AccountFailed means that the last attempt failed; reason and message say why.
	AccountFailed AccountState = "Failed"
	// AccountDeleting means that the IAM provider is being deleted.
	AccountDeleting AccountState = "Deleting"
	// AccountDeleted means that nothing of this object is in the account any more; the object, which
	// is being deleted, waits for other accounts.
	AccountDeleted AccountState = "Deleted"
	// AccountRetained means that this object, which is being deleted, leaves the account as it is.
	AccountRetained AccountState = "Retained"
	// AccountAwaitingPublication means that the account is Observed and that IAM does not hold the
	// metadata yet.
	AccountAwaitingPublication AccountState = "AwaitingPublication"
)

// AccountStatus is the ledger's entry for one account.
type AccountStatus struct {
	// id is the AWS account ID.
	ID string `json:"id"`

	// providerARN is the ARN of the IAM SAML provider; empty as long as nothing was begun there.
	// +optional
	ProviderARN string `json:"providerARN,omitempty"`

	// state of the IAM SAML provider.
	// +optional
	State AccountState `json:"state,omitempty"`

	// reason is why the account is in that state: one of the reasons of the condition
	// ProvidersSynced, which tells of all accounts together.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message tells a person of this account what is and, unless all is well, what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// activeKey is the id of the key that signs assertions for this account.
	// +optional
	ActiveKey string `json:"activeKey,omitempty"`

	// metadataHash is the SHA-256 of the metadata that IAM holds, in hexadecimal.
	// +optional
	MetadataHash string `json:"metadataHash,omitempty"`

	// lastSyncTime is when IAM was last seen to hold that metadata.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// adopted tells that the IAM provider existed before and was taken over.
	// +optional
	Adopted bool `json:"adopted,omitempty"`

	// drift is what was last found to differ from what had been written.
	// +optional
	Drift *Drift `json:"drift,omitempty"`

	// lastSpec is what spec.accounts last said of the account, as far as it takes to reach it: so
	// what stands there can be deleted when spec no longer lists it.
	// +optional
	LastSpec *AccountLastSpec `json:"lastSpec,omitempty"`
}

// AccountLastSpec is as much of an Account as it takes to delete in it.
type AccountLastSpec struct {
	// alias of the account.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Alias string `json:"alias,omitempty"`

	// region of the account.
	// +kubebuilder:validation:MaxLength=32
	Region string `json:"region"`

	// access to its IAM.
	Access AccountAccess `json:"access"`

	// management of the account.
	// +optional
	Management ManagementPolicy `json:"management,omitempty"`

	// iamEndpoint is endpoints.iam of the account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	IAMEndpoint string `json:"iamEndpoint,omitempty"`

	// stsEndpoint is endpoints.sts of the account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	STSEndpoint string `json:"stsEndpoint,omitempty"`
}

// KeyState tells what a signing key is used for.
// +kubebuilder:validation:Enum=Active
type KeyState string

// KeyActive marks the key that is published and signs.
const KeyActive KeyState = "Active"

// KeyStatus describes one signing key.
type KeyStatus struct {
	// id is the first 16 hexadecimal digits of the SHA-256 of the certificate.
	ID string `json:"id"`

	// notBefore is when the key was made.
	NotBefore metav1.Time `json:"notBefore"`

	// state of the key.
	State KeyState `json:"state"`
}
