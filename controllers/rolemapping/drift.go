package rolemapping

import (
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
