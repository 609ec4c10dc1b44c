package rolemapping

import (
	"time"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
)

// outcome names a row of the table.
type outcome string

const (
	accepted          outcome = "Accepted"
	providerNotFound  outcome = "ProviderNotFound"
	providerDeleting  outcome = "ProviderDeleting"
	stopped           outcome = "Stopped"
	notAllowed        outcome = "NotAllowed"
	accountNotListed  outcome = "AccountNotListed"
	partitionMismatch outcome = "PartitionMismatch"
	tooManyRoles      outcome = "TooManyRoles"

	providerReady    outcome = "ProviderReady"
	providerNotReady outcome = "ProviderNotReady"
	finalizerSet     outcome = "FinalizerSet"

	synced              outcome = "Synced"
	recorded            outcome = "Recorded"
	invalidPolicy       outcome = "InvalidPolicy"
	notOwned            outcome = "NotOwned"
	offered             outcome = "Offered"
	awaitingPublication outcome = "AwaitingPublication"
	drifted             outcome = "Drifted"
	throttled           outcome = "Throttled"
	conflict            outcome = "Conflict"
	denied              outcome = "Denied"
	invalid             outcome = "Invalid"
	missing             outcome = "Missing"
	quotaExceeded       outcome = "QuotaExceeded"
	unavailable         outcome = "Unavailable"
	noCredentials       outcome = "NoCredentials"

	trustVerified      outcome = "TrustVerified"
	trustInsufficient  outcome = "TrustInsufficient"
	roleNotFound       outcome = "RoleNotFound"
	trustNotVerifiable outcome = "TrustNotVerifiable"
	trustThrottled     outcome = "TrustThrottled"
	trustUnavailable   outcome = "TrustUnavailable"
	trustNoCredentials outcome = "TrustNoCredentials"

	deletionNoted   outcome = "DeletionNoted"
	absenceDoubted  outcome = "AbsenceDoubted"
	deletionBlocked outcome = "DeletionBlocked"
	accessLost      outcome = "AccessLost"
	roleGone        outcome = "RoleGone"
	finalizerKept   outcome = "FinalizerKept"
)

// Delays that several outcomes share. A person who acts in AWS cannot call the operator, so that
// what waits for one is looked at this often.
const (
	personDelay = 5 * time.Minute
	quotaDelay  = 15 * time.Minute
)

// outcomes is every way in which a phase can end: what a person is told of it and when the
// reconciler comes back. What Retry leaves to the watches comes back when the RoleMapping, its
// SAMLProvider, its namespace or another mapping of it changes. The event of an outcome is of type
// Warning if it is Retrying, Stalled or Halted, and has the condition's reason.
var outcomes = map[outcome]status.Outcome{
	accepted: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonAccepted, Progress: status.Done, Retry: status.Never,
		Meaning: "the provider exists and allows the mapping",
	},
	providerNotFound: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonProviderNotFound, Progress: status.Retrying, Retry: status.Never,
		Meaning: "no SAMLProvider has the name in providerRef; it may be created later",
	},
	providerDeleting: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonDeleting, Progress: status.Retrying, Retry: status.Never,
		Meaning: "the provider is going away, which waits for its mappings with managed roles",
	},
	stopped: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonDenied, Progress: status.Halted, Retry: status.Never,
		Meaning: "deny is set in the mapping or its provider; the role stays as it is",
	},
	notAllowed: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonNotAllowedByProvider, Progress: status.Stalled, Retry: status.Never,
		Meaning: "no entry of the provider's spec.allow covers the mapping; the message names the missing line",
	},
	accountNotListed: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonAccountNotListed, Progress: status.Stalled, Retry: status.Never,
		Meaning: "the role is in an account that the provider does not list",
	},
	partitionMismatch: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonPartitionMismatch, Progress: status.Stalled, Retry: status.Never,
		Meaning: "the role is in another partition than the account's region",
	},
	tooManyRoles: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonTooManyRoles, Progress: status.Stalled, Retry: status.Never,
		Meaning: "older mappings of the namespace have all the roles that allow[].managed.maxRoles gives",
	},

	providerReady: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonReady, Progress: status.Done, Retry: status.Never,
		Meaning: "IAM trusts the provider and a pod of it serves",
	},
	providerNotReady: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonProviderNotReady, Progress: status.Working, Retry: status.Never,
		Meaning: "the provider allows the mapping and cannot serve it yet",
	},
	finalizerSet: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonReady, Progress: status.Done, Retry: status.Never,
		Meaning: "the finalizer that keeps the object until IAM confirmed the deletion is in place",
	},

	synced: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonSynced, Progress: status.Done, Retry: status.EachInterval,
		Meaning: "IAM holds the role as the spec wants it",
	},
	recorded: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Soon,
		Meaning: "the ledger in status gets the ARN before IAM is asked to create the role",
	},
	invalidPolicy: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonInvalidPolicy, Progress: status.Stalled, Retry: status.Never,
		Meaning: "a policy document of the spec is not one that IAM takes; IAM was not asked",
	},
	notOwned: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonNotOwned, Progress: status.Stalled, Retry: status.EachInterval,
		Meaning: "a role of that name does not carry this object's tags, or has another path; it is never written to",
	},
	offered: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonNotOwned, Progress: status.Stalled, Retry: status.BackOff(10*time.Second, 5*time.Minute),
		Meaning: "the same of a role that adoption would take over; it may be a former mapping's, which IAM shows a while longer",
	},
	awaitingPublication: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonAwaitingPublication, Progress: status.Working, Retry: status.Every(personDelay),
		Meaning: "the account is Observed and IAM does not hold the role as the spec wants it; the message names what is missing",
	},
	drifted: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonDrifted, Progress: status.Stalled, Retry: status.Every(personDelay),
		Meaning: "the account is Observed, and a role that was as the spec wants it is not any more",
	},
	throttled: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonThrottled, Progress: status.Retrying, Retry: status.BackOff(5*time.Second, 5*time.Minute),
		Meaning: "IAM throttles; each try in a row waits twice as long",
	},
	conflict: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonConflict, Progress: status.Retrying, Retry: status.BackOff(2*time.Second, time.Minute),
		Meaning: "IAM is busy with the same role, or does not show yet what it has",
	},
	denied: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonAccessDenied, Progress: status.Retrying, Retry: status.Every(personDelay),
		Meaning: "IAM does not allow the operator a call; the message names the missing action",
	},
	invalid: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonInvalidRequest, Progress: status.Stalled, Retry: status.Never,
		Meaning: "IAM does not take the input; the spec must change",
	},
	missing: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonInvalidRequest, Progress: status.Stalled, Retry: status.Every(personDelay),
		Meaning: "IAM lacks a managed policy that the spec names; it may be created later",
	},
	quotaExceeded: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonQuotaExceeded, Progress: status.Retrying, Retry: status.Every(quotaDelay),
		Meaning: "a quota of the account or of the role is used up",
	},
	unavailable: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonAWSUnavailable, Progress: status.Retrying, Retry: status.BackOff(5*time.Second, 5*time.Minute),
		Meaning: "IAM failed or could not be reached",
	},
	noCredentials: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonCredentialsUnavailable, Progress: status.Retrying, Retry: status.BackOff(30*time.Second, 5*time.Minute),
		Meaning: "the operator has no AWS credentials, or they are expired, wrong or of another account",
	},

	trustVerified: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonTrustPolicyVerified, Progress: status.Done, Retry: status.EachInterval,
		Meaning: "the existing role's trust policy lets the subjects in",
	},
	trustInsufficient: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonTrustPolicyInsufficient, Progress: status.Stalled, Retry: status.Every(personDelay),
		Meaning: "the existing role's trust policy lacks what the message names",
	},
	roleNotFound: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonRoleNotFound, Progress: status.Stalled, Retry: status.Every(personDelay),
		Meaning: "the existing role does not exist",
	},
	trustNotVerifiable: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonNotVerifiable, Progress: status.Unknown, Retry: status.EachInterval,
		Meaning: "the operator may not read the existing role; the mapping is Ready without it",
	},
	trustThrottled: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonThrottled, Progress: status.Unknown, Retry: status.Every(personDelay),
		Meaning: "IAM throttles, and the existing role was not read yet",
	},
	trustUnavailable: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonAWSUnavailable, Progress: status.Unknown, Retry: status.Every(time.Minute),
		Meaning: "IAM failed or could not be reached, and the existing role was not read yet",
	},
	trustNoCredentials: {
		Condition: v1alpha1.ConditionTrustPolicyVerified, Reason: v1alpha1.ReasonCredentialsUnavailable, Progress: status.Unknown, Retry: status.EachInterval,
		Meaning: "the operator has no AWS credentials to read the existing role with; the mapping is Ready without it",
	},

	deletionNoted: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Soon,
		Meaning: "deletion: the ledger says so before IAM is asked",
	},
	absenceDoubted: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Every(5 * time.Second),
		Meaning: "deletion: IAM does not show the role, which may be so new that it does not yet",
	},
	deletionBlocked: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonDeleteConflict, Progress: status.Retrying, Retry: status.BackOff(10*time.Second, 5*time.Minute),
		Meaning: "deletion: something that the message names keeps IAM from deleting the role",
	},
	accessLost: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonProviderNotFound, Progress: status.Stalled, Retry: status.Never,
		Meaning: "deletion: the provider, or its entry for the account, is gone, and with it the way to reach the role",
	},
	roleGone: {
		Condition: v1alpha1.ConditionRoleSynced, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: nothing of this object stands in IAM any more, or what does is to stay",
	},
	finalizerKept: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: the role is not gone yet",
	},
}

// outcomeOfKind says how a failed call to IAM ends a phase that writes.
var outcomeOfKind = map[awsiam.Kind]outcome{
	awsiam.Throttled:      throttled,
	awsiam.Conflict:       conflict,
	awsiam.AlreadyExists:  conflict,
	awsiam.Denied:         denied,
	awsiam.Invalid:        invalid,
	awsiam.NotFound:       missing,
	awsiam.QuotaExceeded:  quotaExceeded,
	awsiam.DeleteConflict: deletionBlocked,
	awsiam.Unavailable:    unavailable,
	awsiam.NoCredentials:  noCredentials,
}

// outcomeOfTrustKind says the same of the look at an existing role. What does not say anything of
// the role keeps no mapping from being Ready.
var outcomeOfTrustKind = map[awsiam.Kind]outcome{
	awsiam.NotFound:       roleNotFound,
	awsiam.Denied:         trustNotVerifiable,
	awsiam.NoCredentials:  trustNoCredentials,
	awsiam.Throttled:      trustThrottled,
	awsiam.Conflict:       trustUnavailable,
	awsiam.AlreadyExists:  trustUnavailable,
	awsiam.Invalid:        trustUnavailable,
	awsiam.QuotaExceeded:  trustThrottled,
	awsiam.DeleteConflict: trustUnavailable,
	awsiam.Unavailable:    trustUnavailable,
}
