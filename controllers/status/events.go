package status

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

// maxNote is the bound on an event's note (events.k8s.io/v1).
const maxNote = 1024

// action is what the controllers do, in the events' own terms.
const action = "Reconcile"

// event is a change that people should hear of.
type event struct {
	kind, reason, note string
}

// eventsOf returns an event for each condition that changed, with the condition's reason. Ready,
// which repeats another condition, speaks when it becomes True and for what no other condition
// tells; otherwise each change would be told twice.
func eventsOf(before, after []metav1.Condition, findings []Finding) []event {
	var events []event
	for _, kind := range conditionsOf(findings) {
		f := worstOf(about(kind, findings))
		if changed(before, after, kind, f.Progress) {
			events = append(events, event{eventType(f.Progress), f.Reason, Shorten(f.Message, maxNote)})
		}
	}
	ready := readyOf(findings)
	if ready.Condition == v1alpha1.ConditionReady && changed(before, after, v1alpha1.ConditionReady, ready.Progress) {
		events = append(events, event{eventType(ready.Progress), ready.Reason, Shorten(ready.Message, maxNote)})
	}
	return events
}

// changed tells whether a condition says something new. The words alone count only for what went
// wrong: a count of ready pods is no news.
func changed(before, after []metav1.Condition, kind string, progress Progress) bool {
	was, is := meta.FindStatusCondition(before, kind), meta.FindStatusCondition(after, kind)
	switch {
	case is == nil:
		return false
	case was == nil:
		return true
	case was.Status != is.Status || was.Reason != is.Reason:
		return true
	default:
		return (progress == Retrying || progress == Stalled) && was.Message != is.Message
	}
}

func eventType(p Progress) string {
	if p == Retrying || p == Stalled || p == Halted {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}
