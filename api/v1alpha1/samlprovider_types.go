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

// Account is one AWS account in which an IAM SAML provider stands for this SAMLProvider.
//
// +kubebuilder:validation:XValidation:rule="has(self.providerName) == has(oldSelf.providerName) && (!has(self.providerName) || self.providerName == oldSelf.providerName)",message="accounts[].providerName is immutable: roles trust the provider by its ARN; create another SAMLProvider instead"
// +kubebuilder:validation:XValidation:rule="has(self.access.assumeRole) == (self.access.mode == 'AssumeRole')",message="access.assumeRole belongs to mode AssumeRole and to no other: write access.assumeRole.roleARN with it, and take access.assumeRole out with another mode"
// +kubebuilder:validation:XValidation:rule="has(self.access.secretRef) == (self.access.mode == 'Secret')",message="access.secretRef belongs to mode Secret and to no other: write access.secretRef.name with it, and take access.secretRef out with another mode"
// +kubebuilder:validation:XValidation:rule="!has(self.access.assumeRole) || self.access.assumeRole.roleARN.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[!-~]+$')",message="access.assumeRole.roleARN must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/attache"
// +kubebuilder:validation:XValidation:rule="!has(self.access.assumeRole) || self.access.assumeRole.roleARN.contains('::' + self.id + ':role/')",message="access.assumeRole.roleARN must be a role of the account that it gives access to"
type Account struct {
	// id is the AWS account ID, twelve digits in quotes.
	// +required
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{12}$')",message="accounts[].id must be the twelve digits of an AWS account in quotes, such as \"111122223333\""
	ID string `json:"id"`

	// alias is what people call the account, in the form of an IAM account alias. Messages show it
	// next to the ID; nothing else depends on it.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && !self.matches('^[0-9]{12}$')",message="accounts[].alias must be 1 to 63 characters of a-z, 0-9 and single hyphens between them, such as production, and not twelve digits, which read as an account ID"
	Alias string `json:"alias,omitempty"`

	// providerName is the name of the IAM SAML provider. Defaults to the name of this object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[\w._-]+$`
	// +kubebuilder:validation:XValidation:rule="self.lowerAscii() != 'attache-operator'",message="accounts[].providerName must not be attache-operator: the operator itself signs in through the IAM provider of that name"
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

	// management Observed never writes to IAM in this account: status and conditions say what is
	// missing, for Terraform or a person to do. Defaults to Managed.
	// +optional
	Management ManagementPolicy `json:"management,omitempty"`

	// endpoints replaces the public addresses of IAM and STS, for example by VPC endpoints.
	// +optional
	Endpoints AccountEndpoints `json:"endpoints,omitempty,omitzero"`
}

// ManagementPolicy says whether the operator writes to IAM in an account.
// +kubebuilder:validation:Enum=Managed;Observed
type ManagementPolicy string

const (
	// ManagementManaged creates, repairs and deletes.
	ManagementManaged ManagementPolicy = "Managed"
	// ManagementObserved reads and tells.
	ManagementObserved ManagementPolicy = "Observed"
)

// AccessMode names a way by which the operator gets AWS credentials of its own.
// +kubebuilder:validation:Enum=Federated;AssumeRole;Ambient;Secret
type AccessMode string

const (
	// AccessFederated signs in with SAML, by a key of the operator's own, to what `attache bootstrap`
	// has made in the account: no key of AWS is stored anywhere.
	AccessFederated AccessMode = "Federated"
	// AccessAssumeRole takes a role of the account with the credentials of Ambient.
	AccessAssumeRole AccessMode = "AssumeRole"
	// AccessAmbient takes the operator's credentials from the AWS SDK's default chain: environment,
	// shared files, container or instance metadata.
	AccessAmbient AccessMode = "Ambient"
	// AccessSecret takes an access key out of a Secret.
	AccessSecret AccessMode = "Secret"
)

// AccountAccess says how the operator signs its calls to IAM in one account. Its rules stand on
// Account: status repeats it, where the cost of rules counts anew.
type AccountAccess struct {
	// mode Federated signs in with SAML to what `attache bootstrap` has made in the account, so that
	// no key is stored. AssumeRole takes a role with the credentials of Ambient. Ambient takes those
	// that the operator's pod finds through the AWS SDK's default chain. Secret takes an access key.
	// +required
	Mode AccessMode `json:"mode"`

	// assumeRole is the role of mode AssumeRole.
	// +optional
	AssumeRole *AssumeRoleAccess `json:"assumeRole,omitempty"`

	// secretRef names the Secret of mode Secret, which is in the operator's namespace. Its entries are
	// aws_access_key_id, aws_secret_access_key and, for temporary keys, aws_session_token.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// AssumeRoleAccess is a role that the operator takes.
type AssumeRoleAccess struct {
	// roleARN of a role in the account itself.
	// +required
	// +kubebuilder:validation:MaxLength=640
	RoleARN string `json:"roleARN"`

	// externalID that the role's trust policy demands in sts:ExternalId.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1224
	// +kubebuilder:validation:Pattern=`^[\w+=,.@:/-]*$`
	ExternalID string `json:"externalID,omitempty"`
}

// SecretReference names a Secret in the operator's namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
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

// AllowRule lets the RoleMappings of some namespaces map some roles. One rule must cover the whole
// of a mapping: rules do not add up.
//
// +kubebuilder:validation:XValidation:rule="has(self.roles) || has(self.managed)",message="an entry of allow needs roles, which lists existing roles, or managed, which lets namespaces have roles made for them"
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

	// roles are patterns of the ARNs of existing roles (role.arn). `*` stands for any characters but `/`.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Roles []RolePattern `json:"roles,omitempty"`

	// managed lets these namespaces have roles made for them (role.managed), within its bounds.
	// +optional
	Managed *AllowManaged `json:"managed,omitempty"`
}

// AllowManaged bounds the roles that are made for RoleMappings.
type AllowManaged struct {
	// pathPrefix that the path of every such role must begin with, such as /reports/. It begins and
	// ends with a slash.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([a-zA-Z0-9_+=.@-]+/)*$')",message="managed.pathPrefix must begin and end with a slash, such as /reports/"
	PathPrefix string `json:"pathPrefix"`

	// permissionsBoundary that every such role has. A mapping that names none gets this one; one
	// that names another is refused. Without it, a mapping is free to set a boundary or not.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[!-~]+$')",message="managed.permissionsBoundary must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/tenants"
	PermissionsBoundary string `json:"permissionsBoundary,omitempty"`

	// policies are patterns of the managed policies that such roles may have. `*` stands for any
	// characters but `/`.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=128
	Policies []PolicyPattern `json:"policies,omitempty"`

	// inlinePolicies lets the mappings write policies of their own. Set permissionsBoundary with it:
	// nothing else bounds what such a policy says.
	// +optional
	InlinePolicies bool `json:"inlinePolicies,omitempty"`

	// adoption lets the mappings take over roles that exist already (adoption: IfTagged).
	// +optional
	Adoption bool `json:"adoption,omitempty"`

	// maxRoles is how many roles may be made for one namespace; the oldest mappings have them.
	// Defaults to 20.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxRoles *int32 `json:"maxRoles,omitempty"`
}

// PolicyPattern is the ARN of a managed policy in which `*` stands for any characters but `/`.
//
// +kubebuilder:validation:MaxLength=640
// +kubebuilder:validation:Pattern=`^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[\w+=,.@*/-]+$`
type PolicyPattern string

// NamespaceSelection chooses namespaces by name or by label. Names are safest: who may label a
// namespace may choose it.
//
// +kubebuilder:validation:XValidation:rule="has(self.names) != has(self.selector)",message="namespaces needs exactly one of names and selector"
type NamespaceSelection struct {
	// names of namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Names []string `json:"names,omitempty"`

	// selector of the labels of namespaces. An empty one chooses every namespace.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
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

// Drift is how AWS was found to differ from what the operator had brought about.
type Drift struct {
	// detectedTime is when it was found.
	DetectedTime metav1.Time `json:"detectedTime"`

	// repaired tells that it was put right; in an Observed account it never is.
	// +optional
	Repaired bool `json:"repaired,omitempty"`

	// differences, field by field.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one field in which AWS differs from the spec. Long values are shortened.
type Difference struct {
	// field by its name in spec, such as maxSessionDuration or inlinePolicies[s3].
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field"`

	// wanted by the spec; empty if the field should not be there.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Wanted string `json:"wanted,omitempty"`

	// found in AWS; empty if the field was not there.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Found string `json:"found,omitempty"`
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
