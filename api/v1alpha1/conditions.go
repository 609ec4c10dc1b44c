package v1alpha1

// Condition types. "Normal-true" conditions are always present once the object was reconciled;
// "abnormal-true" ones are present only while they are True (kstatus).
const (
	// ConditionReady is normal-true: the object does what its spec says.
	ConditionReady = "Ready"
	// ConditionReconciling is abnormal-true: work towards the spec is under way or will be retried.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is abnormal-true: nothing goes on until somebody changes something.
	ConditionStalled = "Stalled"

	// ConditionKeysReady is normal-true on SAMLProviders: the signing key exists and is usable.
	ConditionKeysReady = "KeysReady"
	// ConditionProvidersSynced is normal-true on SAMLProviders: IAM holds the current metadata.
	ConditionProvidersSynced = "ProvidersSynced"
	// ConditionWorkloadReady is normal-true on SAMLProviders: the IdP's Deployment is available.
	ConditionWorkloadReady = "WorkloadReady"

	// ConditionAccepted is normal-true on RoleMappings: the provider exists and allows the mapping.
	ConditionAccepted = "Accepted"
)

// Reasons shared by both kinds.
const (
	// ReasonReady: everything the spec asks for is in place.
	ReasonReady = "Ready"
	// ReasonProgressing: work is under way and nothing failed.
	ReasonProgressing = "Progressing"
	// ReasonDeleting: the object is going away.
	ReasonDeleting = "Deleting"
	// ReasonKubernetesError: the Kubernetes API refused or failed; the operator tries again.
	ReasonKubernetesError = "KubernetesError"
)

// Reasons of SAMLProviders.
const (
	// ReasonKeyActive: a signing key exists and is active.
	ReasonKeyActive = "KeyActive"
	// ReasonKeyInvalid: the key Secret does not hold a usable key; a person must restore it.
	ReasonKeyInvalid = "KeyInvalid"
	// ReasonSynced: IAM holds the current metadata.
	ReasonSynced = "Synced"
	// ReasonWorkloadAvailable: the IdP's Deployment is available.
	ReasonWorkloadAvailable = "WorkloadAvailable"
	// ReasonWorkloadUnavailable: the IdP's Deployment has too few ready pods.
	ReasonWorkloadUnavailable = "WorkloadUnavailable"
	// ReasonAccessDenied: IAM refused a call; the message names the missing action.
	ReasonAccessDenied = "AccessDenied"
	// ReasonThrottled: IAM throttled; the operator backs off.
	ReasonThrottled = "Throttled"
	// ReasonConflict: IAM was busy with the same object; the operator tries again.
	ReasonConflict = "Conflict"
	// ReasonNotOwned: an IAM provider of that name exists and was not made by this object.
	ReasonNotOwned = "NotOwned"
	// ReasonInvalidRequest: IAM refused the input; the spec must change.
	ReasonInvalidRequest = "InvalidRequest"
	// ReasonAWSUnavailable: IAM could not be reached or failed; the operator tries again.
	ReasonAWSUnavailable = "AWSUnavailable"
	// ReasonCredentialsUnavailable: the operator found no AWS credentials of its own.
	ReasonCredentialsUnavailable = "CredentialsUnavailable"
)

// Reasons of RoleMappings.
const (
	// ReasonAccepted: the provider exists and allows the mapping.
	ReasonAccepted = "Accepted"
	// ReasonProviderNotFound: no SAMLProvider has the name in providerRef.
	ReasonProviderNotFound = "ProviderNotFound"
	// ReasonProviderNotReady: the provider allows the mapping but cannot serve it yet.
	ReasonProviderNotReady = "ProviderNotReady"
	// ReasonNotAllowedByProvider: no entry of the provider's spec.allow covers the mapping.
	ReasonNotAllowedByProvider = "NotAllowedByProvider"
	// ReasonAccountNotListed: the role is in an account that the provider does not list.
	ReasonAccountNotListed = "AccountNotListed"
	// ReasonPartitionMismatch: the role's partition is not that of the account's region.
	ReasonPartitionMismatch = "PartitionMismatch"
)
