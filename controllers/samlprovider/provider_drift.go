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
func (a *account) markDrift(now time.Time, found []v1alpha1.Difference) {
	if a.ledger == nil || a.ledger.MetadataHash == "" {
		return
	}
	found = found[:min(len(found), maxDifferences)]
	switch last := a.unrepaired(); {
	case len(found) == 0 && last != nil:
		a.ledger.Drift = nil
	case len(found) > 0 && (last == nil || !slices.Equal(last.Differences, found)):
		a.ledger.Drift = &v1alpha1.Drift{DetectedTime: metav1.NewTime(now), Differences: found}
	}
}

// countDrift counts drift that this reconciliation found in an account, and drift that it put right.
func (r *Reconciler) countDrift(a *account) {
	if r.Drifted == nil || a.ledger == nil || a.ledger.Drift == nil {
		return
	}
	if is := a.ledger.Drift; a.recorded == nil || !equality.Semantic.DeepEqual(a.recorded.Drift, is) {
		r.Drifted(is.Repaired)
	}
}

// unrepaired is the drift that the ledger tells of and that still stands; nil if there is none.
func (a *account) unrepaired() *v1alpha1.Drift {
	if a.ledger == nil || a.ledger.Drift == nil || a.ledger.Drift.Repaired {
		return nil
	}
	return a.ledger.Drift
}
