package rolemapping

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

// maxDifferences is the API's bound on status.drift.differences.
const maxDifferences = 64

// noteDrift writes down how IAM differs from what it was given. What was found before and not put
// right keeps the time of when it was found.
func (s *scope) noteDrift(differences []v1alpha1.Difference, now metav1.Time) {
	since := now
	if s.drift != nil && !s.drift.Repaired {
		since = s.drift.DetectedTime
	}
	s.foundDrift = true
	s.drift = &v1alpha1.Drift{DetectedTime: since, Differences: differences[:min(len(differences), maxDifferences)]}
}

func (r *Reconciler) countDrift(repaired bool) {
	if r.Drifted != nil {
		r.Drifted(repaired)
	}
}

// Bounds of a description: as many differences, and as much of each value, as people read.
const (
	maxDescribed = 8
	maxValue     = 80
)

// describe tells differences in a line, from what was found to what is wanted.
func describe(differences []v1alpha1.Difference) string {
	told := make([]string, 0, maxDescribed+1)
	for i, d := range differences {
		if i == maxDescribed {
			told = append(told, fmt.Sprintf("and %d more", len(differences)-i))
			break
		}
		told = append(told, fmt.Sprintf("%s %s -> %s", d.Field, brief(d.Found), brief(d.Wanted)))
	}
	return strings.Join(told, "; ")
}

func brief(value string) string {
	switch {
	case value == "":
		return "none"
	case len(value) > maxValue:
		return strings.ToValidUTF8(value[:maxValue], "") + "..."
	default:
		return value
	}
}
