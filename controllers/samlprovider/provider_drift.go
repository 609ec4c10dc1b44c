package samlprovider

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
)

// maxDifferences is the API's bound on what a Drift lists.
const maxDifferences = 64

// differences returns how the IAM provider differs from the wanted metadata and tags.
func differences(document string, tags map[string]string, held awsiam.SAMLProvider) []v1alpha1.Difference {
	return append(metadata.Differences(document, held.Metadata), tagDifferences(tags, held.Tags)...)
}

func tagDifferences(wanted, held map[string]string) []v1alpha1.Difference {
	var all []v1alpha1.Difference
	for _, key := range sortedKeys(wanted) {
		if held[key] != wanted[key] {
			all = append(all, v1alpha1.Difference{Field: tagField(key), Wanted: wanted[key], Found: held[key]})
		}
	}
	if offered, found := held[awsiam.TagAdopt]; found {
		all = append(all, v1alpha1.Difference{Field: tagField(awsiam.TagAdopt), Found: offered})
	}
	return all
}

func tagField(key string) string { return "tags[" + key + "]" }

// markDrift writes down how IAM was found to differ from what it had been seen to hold; what it never
// held has not drifted. The same drift keeps the time at which it was first found, and drift that is
// gone by itself is told no longer.
func (s *scope) markDrift(now time.Time, found []v1alpha1.Difference) {
	if s.ledger == nil || s.ledger.MetadataHash == "" {
		return
	}
	found = found[:min(len(found), maxDifferences)]
	switch last := s.unrepaired(); {
	case len(found) == 0 && last != nil:
		s.ledger.Drift = nil
	case len(found) > 0 && (last == nil || !slices.Equal(last.Differences, found)):
		s.ledger.Drift = &v1alpha1.Drift{DetectedTime: metav1.NewTime(now), Differences: found}
	}
}

// countDrift counts drift that this reconciliation found, and drift that it put right.
func (r *Reconciler) countDrift(s *scope) {
	if r.Drifted == nil || s.ledger == nil || s.ledger.Drift == nil {
		return
	}
	if is := s.ledger.Drift; s.recorded == nil || !equality.Semantic.DeepEqual(s.recorded.Drift, is) {
		r.Drifted(is.Repaired)
	}
}

// unrepaired is the drift that the ledger tells of and that still stands; nil if there is none.
func (s *scope) unrepaired() *v1alpha1.Drift {
	if s.ledger == nil || s.ledger.Drift == nil || s.ledger.Drift.Repaired {
		return nil
	}
	return s.ledger.Drift
}
