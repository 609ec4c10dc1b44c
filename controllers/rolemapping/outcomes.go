package rolemapping

import (
	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/mapping"
)

// outcomes is every way in which a reconciliation can end, by reason. All of them come back when
// the RoleMapping or its SAMLProvider changes, so none asks to be called again. The event of an
// outcome is of type Warning if it is Retrying or Stalled, and has the condition's reason.
var outcomes = map[string]status.Outcome{
	v1alpha1.ReasonAccepted: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonAccepted, Progress: status.Done, Retry: status.Never,
		Meaning: "the provider exists and allows the mapping",
	},
	v1alpha1.ReasonProviderNotFound: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonProviderNotFound, Progress: status.Retrying, Retry: status.Never,
		Meaning: "no SAMLProvider has the name in providerRef; it may be created later",
	},
	v1alpha1.ReasonDeleting: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonDeleting, Progress: status.Retrying, Retry: status.Never,
		Meaning: "the provider is going away",
	},
	v1alpha1.ReasonNotAllowedByProvider: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonNotAllowedByProvider, Progress: status.Stalled, Retry: status.Never,
		Meaning: "no entry of the provider's spec.allow covers the mapping; the message names the missing line",
	},
	v1alpha1.ReasonAccountNotListed: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonAccountNotListed, Progress: status.Stalled, Retry: status.Never,
		Meaning: "the role is in an account that the provider does not list",
	},
	v1alpha1.ReasonPartitionMismatch: {
		Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonPartitionMismatch, Progress: status.Stalled, Retry: status.Never,
		Meaning: "the role is in another partition than the account's region",
	},
	v1alpha1.ReasonProviderNotReady: {
		Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonProviderNotReady, Progress: status.Working, Retry: status.Never,
		Meaning: "the provider allows the mapping and cannot serve it yet",
	},
}

func found(reason, message string) status.Finding {
	return status.Finding{Outcome: outcomes[reason], Message: message}
}

// refused is the finding of a refusal. A reason that the table lacks is one for a person.
func refused(f mapping.Finding) status.Finding {
	row, ok := outcomes[f.Reason]
	if !ok {
		row = outcomes[v1alpha1.ReasonNotAllowedByProvider]
		row.Reason = f.Reason
	}
	return status.Finding{Outcome: row, Message: f.Message}
}
