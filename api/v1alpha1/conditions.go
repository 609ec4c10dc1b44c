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
	// ConditionRoleSynced is normal-true on RoleMappings with a managed role: IAM holds the role as the
	// spec wants it.
	ConditionRoleSynced = "RoleSynced"
	// ConditionTrustPolicyVerified is normal-true on RoleMappings with an existing role: its trust
	// policy lets the mapping's subjects in. It is Unknown where the operator may not read the role,
	// which does not keep the mapping from being Ready.
	ConditionTrustPolicyVerified = "TrustPolicyVerified"
)

// AnnotationReconcileAt asks for a reconciliation now when its value changes, whatever waits for a
// later time; status.lastHandledReconcileAt repeats the value once that is done.
const AnnotationReconcileAt = "attache.dev/reconcile-at"

// FieldProvider is the field of RoleMappings by which those of one provider are selected.
const FieldProvider = "spec.providerRef.name"

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

// Reasons of what stands in AWS: IAM SAML providers and managed roles.
const (
	// ReasonSynced: IAM holds what the spec wants.
	ReasonSynced = "Synced"
	// ReasonDriftRepaired: IAM held something else than it was given, and was put right.
	ReasonDriftRepaired = "DriftRepaired"
	// ReasonDrifted: IAM holds something else than it was given, in an account that is Observed.
	ReasonDrifted = "Drifted"
	// ReasonAwaitingPublication: the account is Observed and IAM lacks what the message names.
	ReasonAwaitingPublication = "AwaitingPublication"
	// ReasonAdopted: what existed before was taken over.
	ReasonAdopted = "Adopted"
	// ReasonRetained: the object goes, and AWS keeps what belonged to it.
	ReasonRetained = "Retained"
	// ReasonAccessDenied: IAM refused a call; the message names the missing action.
	ReasonAccessDenied = "AccessDenied"
	// ReasonThrottled: IAM throttled; the operator backs off.
	ReasonThrottled = "Throttled"
	// ReasonConflict: IAM was busy with the same object; the operator tries again.
	ReasonConflict = "Conflict"
	// ReasonDeleteConflict: something that the message names keeps IAM from deleting.
	ReasonDeleteConflict = "DeleteConflict"
	// ReasonNotOwned: something of that name exists in IAM and was not made for this object.
	ReasonNotOwned = "NotOwned"
	// ReasonInvalidRequest: IAM refused the input; the spec must change.
	ReasonInvalidRequest = "InvalidRequest"
	// ReasonQuotaExceeded: a quota of the account is used up; the operator tries again now and then.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonAWSUnavailable: IAM could not be reached or failed; the operator tries again.
	ReasonAWSUnavailable = "AWSUnavailable"
	// ReasonCredentialsUnavailable: the operator found no AWS credentials of its own.
	ReasonCredentialsUnavailable = "CredentialsUnavailable"
)

// Reasons of SAMLProviders.
const (
	// ReasonInUse: RoleMappings with managed roles still need the provider, which is being deleted.
	ReasonInUse = "InUse"
	// ReasonKeyActive: a signing key exists and is active.
	ReasonKeyActive = "KeyActive"
	// ReasonKeyInvalid: the key Secret does not hold a usable key; a person must restore it.
	ReasonKeyInvalid = "KeyInvalid"
	// ReasonWorkloadAvailable: the IdP's Deployment is available.
	ReasonWorkloadAvailable = "WorkloadAvailable"
	// ReasonWorkloadUnavailable: the IdP's Deployment has too few ready pods.
	ReasonWorkloadUnavailable = "WorkloadUnavailable"
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
	// ReasonDenied: deny is set in the mapping or in its provider.
	ReasonDenied = "Denied"
	// ReasonTooManyRoles: older mappings of the namespace have all the roles that maxRoles allows.
	ReasonTooManyRoles = "TooManyRoles"
	// ReasonInvalidPolicy: a policy document of the spec is not one that IAM takes.
	ReasonInvalidPolicy = "InvalidPolicy"
	// ReasonRoleNotFound: the existing role does not exist.
	ReasonRoleNotFound = "RoleNotFound"
	// ReasonTrustPolicyVerified: the existing role's trust policy lets the subjects in.
	ReasonTrustPolicyVerified = "TrustPolicyVerified"
	// ReasonTrustPolicyInsufficient: the existing role's trust policy lacks what the message names.
	ReasonTrustPolicyInsufficient = "TrustPolicyInsufficient"
	// ReasonNotVerifiable: the operator may not read the existing role.
	ReasonNotVerifiable = "NotVerifiable"
	// ReasonPartitionMismatch: the role's partition is not that of the account's region.
	ReasonPartitionMismatch = "PartitionMismatch"
)
