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
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 50 characters of a-z, 0-9 and '-', because the Service is named attache-<name>"
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
//
// +kubebuilder:validation:XValidation:rule="self.accounts.all(a, a.id in oldSelf.accounts.map(o, o.id))",message="accounts[].id is immutable: create another SAMLProvider for another account"
type SAMLProviderSpec struct {
	// issuer is the SAML entity ID: the name by which AWS knows this identity provider.
	// It is an absolute URI and need not resolve.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?://[^/?#\\\\s]+[^\\\\s]*|urn:[a-zA-Z0-9][a-zA-Z0-9-]*:[^\\\\s]+)$')",message="issuer must be an absolute URI such as https://login.corp.example/saml/metadata"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="issuer is immutable: the IAM provider trusts this very name; create another SAMLProvider instead"
	Issuer string `json:"issuer"`

	// accounts are the AWS accounts that trust this identity provider.
	// +required
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1
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
}

// Account is one AWS account in which an IAM SAML provider stands for this SAMLProvider.
//
// +kubebuilder:validation:XValidation:rule="has(self.providerName) == has(oldSelf.providerName) && (!has(self.providerName) || self.providerName == oldSelf.providerName)",message="accounts[].providerName is immutable: roles trust the provider by its ARN; create another SAMLProvider instead"
type Account struct {
	// id is the AWS account ID, twelve digits in quotes.
	// +required
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{12}$')",message="accounts[].id must be the twelve digits of an AWS account in quotes, such as \"111122223333\""
	ID string `json:"id"`

	// providerName is the name of the IAM SAML provider. Defaults to the name of this object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[\w._-]+$`
	ProviderName string `json:"providerName,omitempty"`

	// region is the AWS region whose STS endpoint is asked for credentials, such as eu-west-1. It
	// also tells the partition: aws, aws-cn or aws-us-gov.
	// +required
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^(af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-[0-9]$')",message="accounts[].region must be an AWS region such as eu-west-1"
	Region string `json:"region"`

	// access says how the operator signs its calls to IAM in this account.
	// +required
	Access AccountAccess `json:"access"`

	// endpoints replaces the public addresses of IAM and STS, for example by VPC endpoints.
	// +optional
	Endpoints AccountEndpoints `json:"endpoints,omitempty,omitzero"`
}

// AccessMode names a way by which the operator gets AWS credentials of its own.
// +kubebuilder:validation:Enum=Ambient
type AccessMode string

// AccessAmbient takes the operator's credentials from the AWS SDK's default chain: environment,
// shared files, container or instance metadata.
const AccessAmbient AccessMode = "Ambient"

// AccountAccess says how the operator signs its calls to IAM in one account.
type AccountAccess struct {
	// mode Ambient takes the credentials that the operator's pod finds through the AWS SDK's
	// default chain.
	// +required
	Mode AccessMode `json:"mode"`
}

// AccountEndpoints replaces public AWS addresses. Each is https://HOST[:PORT]; plain http is
// accepted only for loopback and for Services of this cluster.
type AccountEndpoints struct {
	// iam is the base URL of the IAM API.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https://[A-Za-z0-9.-]+|http://(localhost|127\\\\.0\\\\.0\\\\.1|[a-z0-9.-]+\\\\.svc(\\\\.[a-z0-9.-]+)?))(:[0-9]{1,5})?/?$')",message="endpoints.iam must be https://HOST[:PORT] (http only for a Service of this cluster, http://NAME.NAMESPACE.svc)"
	IAM string `json:"iam,omitempty"`

	// sts is the base URL of the STS API.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https://[A-Za-z0-9.-]+|http://(localhost|127\\\\.0\\\\.0\\\\.1|[a-z0-9.-]+\\\\.svc(\\\\.[a-z0-9.-]+)?))(:[0-9]{1,5})?/?$')",message="endpoints.sts must be https://HOST[:PORT] (http only for a Service of this cluster, http://NAME.NAMESPACE.svc)"
	STS string `json:"sts,omitempty"`
}

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

// AllowRule lets the RoleMappings of some namespaces map some roles.
type AllowRule struct {
	// namespaces that this entry speaks of.
	// +required
	Namespaces NamespaceSelection `json:"namespaces"`

	// subjects are the kinds of subject that these namespaces may map.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Subjects []SubjectKind `json:"subjects"`

	// roles are patterns of role ARNs. `*` stands for any characters but `/`.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Roles []RolePattern `json:"roles"`
}

// NamespaceSelection names namespaces.
type NamespaceSelection struct {
	// names of namespaces.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Names []string `json:"names"`
}

// RolePattern is a role ARN in which `*` stands for any characters but `/`.
//
// +kubebuilder:validation:MaxLength=640
// +kubebuilder:validation:Pattern=`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[\w+=,.@*/-]+$`
type RolePattern string

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

	// accounts is the ledger of what stands in AWS: an entry is written before the IAM provider
	// is created and goes only when IAM confirmed the deletion.
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
}

// AccountState tells where an IAM SAML provider stands.
// +kubebuilder:validation:Enum=Creating;Synced;Failed;Deleting
type AccountState string

const (
	// AccountCreating means that the IAM provider may or may not exist yet.
	AccountCreating AccountState = "Creating"
	// AccountSynced means that IAM holds the metadata that metadataHash names.
	AccountSynced AccountState = "Synced"
	// AccountFailed means that the last attempt failed; the ProvidersSynced condition says why.
	AccountFailed AccountState = "Failed"
	// AccountDeleting means that the IAM provider is being deleted.
	AccountDeleting AccountState = "Deleting"
)

// AccountStatus is the ledger's entry for one account.
type AccountStatus struct {
	// id is the AWS account ID.
	ID string `json:"id"`

	// providerARN is the ARN of the IAM SAML provider.
	// +optional
	ProviderARN string `json:"providerARN,omitempty"`

	// state of the IAM SAML provider.
	// +optional
	State AccountState `json:"state,omitempty"`

	// activeKey is the id of the key that signs assertions for this account.
	// +optional
	ActiveKey string `json:"activeKey,omitempty"`

	// metadataHash is the SHA-256 of the metadata that IAM holds, in hexadecimal.
	// +optional
	MetadataHash string `json:"metadataHash,omitempty"`

	// lastSyncTime is when IAM was last seen to hold that metadata.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`
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
