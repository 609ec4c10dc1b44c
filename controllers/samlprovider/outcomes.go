package samlprovider

import (
	"time"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
)

// outcome names a row of the table.
type outcome string

const (
	keyActive   outcome = "KeyActive"
	keyInvalid  outcome = "KeyInvalid"
	keyReleased outcome = "KeyReleased"

	synced              outcome = "Synced"
	drifted             outcome = "Drifted"
	awaitingPublication outcome = "AwaitingPublication"
	recorded            outcome = "Recorded"
	keyAwaited          outcome = "KeyAwaited"
	asking              outcome = "Asking"
	throttled           outcome = "Throttled"
	conflict            outcome = "Conflict"
	denied              outcome = "Denied"
	invalid             outcome = "Invalid"
	quotaExceeded       outcome = "QuotaExceeded"
	unavailable         outcome = "Unavailable"
	noCredentials       outcome = "NoCredentials"
	notOwned            outcome = "NotOwned"
	inUse               outcome = "InUse"
	retained            outcome = "Retained"
	deletionNoted       outcome = "DeletionNoted"
	providerGone        outcome = "ProviderGone"

	certificateSet outcome = "CertificateSet"
	caAwaited      outcome = "CAAwaited"
	leftover       outcome = "Leftover"
	available      outcome = "Available"
	rollingOut     outcome = "RollingOut"
	notServing     outcome = "NotServing"

	answering     outcome = "Answering"
	stopped       outcome = "Stopped"
	finalizerSet  outcome = "FinalizerSet"
	finalizerKept outcome = "FinalizerKept"
	keysKept      outcome = "KeysKept"
)

// publicationDelay is how often an Observed account is looked at as long as it lacks what a person or
// Terraform is about to put there, who cannot call the operator.
const publicationDelay = time.Minute

// outcomes is every way in which a phase can end: what a person is told of it and when the
// reconciler comes back. The event of an outcome is of type Warning if it is Retrying, Stalled or
// Halted, and has the condition's reason. What waits for its time is tried at once when the spec
// changes, or the annotation attache.dev/reconcile-at.
//
// A suspended object ends in none of them, as in Flux: its status stays as it was, there is no event,
// and the column Suspended says why. What it is to do now it does when it is resumed.
var outcomes = map[outcome]status.Outcome{
	finalizerSet: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonReady, Progress: status.Done, Retry: status.Never,
		Meaning: "the finalizer that keeps the object until IAM confirmed the deletion is in place",
	},
	finalizerKept: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: the phases before this one are not through",
	},

	answering: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonReady, Progress: status.Done, Retry: status.Never,
		Meaning: "nothing keeps the identity provider from answering",
	},
	// Not Stalled, which wakes people up: somebody has done this on purpose. Not Ready either, since
	// whoever waits for Ready wants credentials.
	stopped: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonDenied, Progress: status.Halted, Retry: status.Never,
		Meaning: "spec.deny is set: every delegation is refused until somebody takes it off",
	},

	keyActive: {
		Condition: v1alpha1.ConditionKeysReady, Reason: v1alpha1.ReasonKeyActive, Progress: status.Done, Retry: status.Never,
		Meaning: "the key Secret holds a signing key that can be used",
	},
	keyInvalid: {
		Condition: v1alpha1.ConditionKeysReady, Reason: v1alpha1.ReasonKeyInvalid, Progress: status.Stalled, Retry: status.Never,
		Meaning: "the key Secret is gone or cannot be read; a new key would cut off what IAM trusts, so a person must decide",
	},
	keyReleased: {
		Condition: v1alpha1.ConditionKeysReady, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: the key Secret is gone",
	},

	synced: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonSynced, Progress: status.Done, Retry: status.EachInterval,
		Meaning: "IAM holds the current metadata; it is asked again after the object's interval",
	},
	drifted: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonDrifted, Progress: status.Done, Retry: status.EachInterval,
		Meaning: "the account is Observed: IAM trusts the active key, and holds something else that the spec does not want",
	},
	awaitingPublication: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonAwaitingPublication, Progress: status.Retrying, Retry: status.Every(publicationDelay),
		Meaning: "the account is Observed, and IAM does not trust the active key: a person or Terraform must do what the message says",
	},
	recorded: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Soon,
		Meaning: "the ledger in status gets the ARN before IAM is asked to create the provider",
	},
	keyAwaited: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Never,
		Meaning: "there is no metadata to give to IAM as long as there is no key",
	},
	asking: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Every(30 * time.Second),
		Meaning: "IAM of an account is slow to answer; the answer calls, and no other account waits for it",
	},
	throttled: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonThrottled, Progress: status.Retrying, Retry: status.BackOff(5*time.Second, 5*time.Minute),
		Meaning: "IAM throttles; each try in a row waits twice as long",
	},
	conflict: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonConflict, Progress: status.Retrying, Retry: status.BackOff(2*time.Second, time.Minute),
		Meaning: "IAM is busy with the same provider, or does not show yet what it has",
	},
	denied: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonAccessDenied, Progress: status.Retrying, Retry: status.Every(5 * time.Minute),
		Meaning: "IAM does not allow the operator a call; the message names the missing action",
	},
	invalid: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonInvalidRequest, Progress: status.Stalled, Retry: status.Never,
		Meaning: "IAM does not take the input",
	},
	quotaExceeded: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonQuotaExceeded, Progress: status.Retrying, Retry: status.EachInterval,
		Meaning: "a quota of the account is used up; others may free some of it, so it is tried each interval",
	},
	unavailable: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonAWSUnavailable, Progress: status.Retrying, Retry: status.BackOff(5*time.Second, 5*time.Minute),
		Meaning: "IAM failed, could not be reached, or its answer could not be read",
	},
	noCredentials: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonCredentialsUnavailable, Progress: status.Retrying, Retry: status.BackOff(30*time.Second, 5*time.Minute),
		Meaning: "the operator has no AWS credentials, or they are expired, wrong or of another account",
	},
	notOwned: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonNotOwned, Progress: status.Stalled, Retry: status.EachInterval,
		Meaning: "an IAM provider of that name does not carry this object's tags; it is never written to",
	},
	inUse: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonInUse, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion, or an account taken out of the spec: RoleMappings need the provider to delete their roles; the last one that goes calls",
	},
	retained: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonRetained, Progress: status.Working, Retry: status.Soon,
		Meaning: "deletion: IAM is left as it is, which is told before the object goes",
	},
	deletionNoted: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Soon,
		Meaning: "deletion: the ledger says so before IAM is asked",
	},
	providerGone: {
		Condition: v1alpha1.ConditionProvidersSynced, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: nothing in IAM keeps this object any more",
	},
	keysKept: {
		Condition: v1alpha1.ConditionKeysReady, Reason: v1alpha1.ReasonDeleting, Progress: status.Working, Retry: status.Never,
		Meaning: "deletion: the keys stay until IAM confirmed that nothing trusts them",
	},

	certificateSet: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonWorkloadAvailable, Progress: status.Done, Retry: status.Never,
		Meaning: "the serving certificate is in its Secret; it is renewed in time",
	},
	caAwaited: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Never,
		Meaning: "the operator's certificate authority is not there yet",
	},
	leftover: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Every(2 * time.Second),
		Meaning: "objects of a former SAMLProvider of the same name are about to be garbage-collected",
	},
	available: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonWorkloadAvailable, Progress: status.Done, Retry: status.Never,
		Meaning: "every pod of the Deployment is ready and of the current spec",
	},
	rollingOut: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonProgressing, Progress: status.Working, Retry: status.Never,
		Meaning: "at least one pod serves, and more are to come",
	},
	notServing: {
		Condition: v1alpha1.ConditionWorkloadReady, Reason: v1alpha1.ReasonWorkloadUnavailable, Progress: status.Working, Retry: status.Never,
		Meaning: "no pod of the Deployment is ready",
	},
}

// outcomeOfKind says how a failed call to IAM ends a phase.
var outcomeOfKind = map[awsiam.Kind]outcome{
	awsiam.Throttled:      throttled,
	awsiam.Conflict:       conflict,
	awsiam.AlreadyExists:  conflict,
	awsiam.NotFound:       conflict,
	awsiam.DeleteConflict: conflict,
	awsiam.Denied:         denied,
	awsiam.Invalid:        invalid,
	awsiam.QuotaExceeded:  quotaExceeded,
	awsiam.Unavailable:    unavailable,
	awsiam.NoCredentials:  noCredentials,
}
