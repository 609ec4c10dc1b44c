package status

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

// maxMessage is the API's bound on a condition's message.
const maxMessage = 32768

// readyMessage is the summary of an object whose phases are all done.
const readyMessage = "Everything that the spec asks for is in place"

// summarize writes the conditions of the findings and, out of them, Ready, Reconciling and Stalled
// as kstatus reads them: Ready is always there, the other two only while they are True. It returns
// the new observedGeneration, which moves on success and on Stalled.
func summarize(conditions *[]metav1.Condition, generation, observed int64, findings []Finding) int64 {
	for _, kind := range conditionsOf(findings) {
		f := worstOf(about(kind, findings))
		set(conditions, generation, kind, stateOf(f.Progress), f.Reason, f.Message)
	}
	ready := readyOf(findings)
	set(conditions, generation, v1alpha1.ConditionReady, stateOf(ready.Progress), ready.Reason, ready.Message)

	worst := worstOf(known(findings))
	reconciling := worst.Progress == Working || worst.Progress == Retrying
	setOrRemove(conditions, generation, v1alpha1.ConditionReconciling, reconciling, worst)
	setOrRemove(conditions, generation, v1alpha1.ConditionStalled, worst.Progress == Stalled, worst)
	if reconciling {
		return observed
	}
	return generation
}

// setOrRemove keeps an abnormal-true condition only while it holds.
func setOrRemove(conditions *[]metav1.Condition, generation int64, kind string, holds bool, f Finding) {
	if holds {
		set(conditions, generation, kind, metav1.ConditionTrue, f.Reason, f.Message)
		return
	}
	meta.RemoveStatusCondition(conditions, kind)
}

// stateOf is the status of a normal-true condition.
func stateOf(p Progress) metav1.ConditionStatus {
	switch p {
	case Done:
		return metav1.ConditionTrue
	case Unknown:
		return metav1.ConditionUnknown
	default:
		return metav1.ConditionFalse
	}
}

// severity orders findings: what a person must do comes first, then what fails, then what is
// under way, then what is wanted to stand still, then what cannot be known.
var severity = []Progress{Stalled, Retrying, Working, Halted, Unknown, Done}

// CompareSeverity orders what happens next from the worst to the best, for package slices.
func CompareSeverity(a, b Progress) int {
	return cmp.Compare(slices.Index(severity, a), slices.Index(severity, b))
}

// readyOf returns the finding that Ready repeats: whoever pulls an emergency stop must see it there
// at once, and otherwise the worst counts.
func readyOf(findings []Finding) Finding {
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Progress == Halted }); i >= 0 {
		return findings[i]
	}
	if f := worstOf(known(findings)); f.Progress != Done {
		return f
	}
	return Finding{Outcome: Outcome{Condition: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonReady, Progress: Done}, Message: readyMessage}
}

// known returns the findings that count for the summary.
func known(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Progress == Unknown })
}

// worstOf returns the first of the most severe findings.
func worstOf(findings []Finding) Finding {
	for _, progress := range severity {
		if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Progress == progress }); i >= 0 {
			return findings[i]
		}
	}
	return Finding{Outcome: Outcome{Progress: Done}}
}

// conditionsOf returns the conditions that findings tell of, but for the summary.
func conditionsOf(findings []Finding) []string {
	var kinds []string
	for _, f := range findings {
		if f.Condition != v1alpha1.ConditionReady && !slices.Contains(kinds, f.Condition) {
			kinds = append(kinds, f.Condition)
		}
	}
	return kinds
}

func about(kind string, findings []Finding) []Finding {
	var out []Finding
	for _, f := range findings {
		if f.Condition == kind {
			out = append(out, f)
		}
	}
	return out
}

func set(conditions *[]metav1.Condition, generation int64, kind string, state metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type:               kind,
		Status:             state,
		ObservedGeneration: generation,
		Reason:             reason,
		Message:            Shorten(message, maxMessage),
	})
}

// Shorten cuts a message for people to so many bytes, and shows that it did.
func Shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const ellipsis = "..."
	return strings.ToValidUTF8(s[:limit-len(ellipsis)], "") + ellipsis
}
