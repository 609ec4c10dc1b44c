package v1alpha1

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
