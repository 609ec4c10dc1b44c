package samlprovider

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

// TestDriftIsRepaired has somebody change each thing that this object has in IAM.
func TestDriftIsRepaired(t *testing.T) {
	for _, row := range []struct {
		name   string
		drifts func(*world)
		want   func(w *world, key string) []v1alpha1.Difference
	}{
		{"of a key that somebody added", func(w *world) { w.aws.setMetadata(foreignMetadata(issuer, w.certificate())) }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "keys[" + otherKey().ID + "]", Found: "trusted"}}
		}},
		{"of a key that somebody replaced", func(w *world) { w.aws.setMetadata(foreignMetadata(issuer)) }, func(_ *world, key string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "keys[" + key + "]", Wanted: "trusted"}, {Field: "keys[" + otherKey().ID + "]", Found: "trusted"}}
		}},
		{"of the issuer", func(w *world) { w.aws.setMetadata(foreignMetadata(otherIssuer, w.certificate())) }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "issuer", Wanted: issuer, Found: otherIssuer}, {Field: "keys[" + otherKey().ID + "]", Found: "trusted"}}
		}},
		{"of a tag", func(w *world) { w.aws.tag(awsiam.TagName, "other") }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "tags[attache.dev/name]", Wanted: "corp", Found: "other"}}
		}},
		{"of a tag that is gone", func(w *world) { w.aws.untag(awsiam.TagName) }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "tags[attache.dev/name]", Wanted: "corp"}}
		}},
		{"of an offer to somebody else", func(w *world) { w.aws.tag(awsiam.TagAdopt, "other") }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "tags[attache.dev/adopt]", Found: "other"}}
		}},
		{"of the whole provider", func(w *world) { w.aws.remove() }, func(*world, string) []v1alpha1.Difference {
			return []v1alpha1.Difference{{Field: "providerARN", Wanted: arn}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			var counted []bool
			w.reconciler.Drifted = func(repaired bool) { counted = append(counted, repaired) }
			w.settle()
			before := w.aws.held()
			w.events()
			row.drifts(w)
			w.now = w.now.Add(v1alpha1.DefaultInterval)
			found := w.now
			w.settle()

			g.Expect(w.aws.held()).To(Equal(before))
			drift := w.account().Drift
			g.Expect(drift).NotTo(BeNil())
			g.Expect(drift.Repaired).To(BeTrue())
			g.Expect(drift.DetectedTime.Time).To(BeTemporally("==", found))
			g.Expect(drift.Differences).To(Equal(row.want(w, w.account().ActiveKey)))
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonSynced)))
			g.Expect(w.events()).To(ContainElement(And(HavePrefix("Normal "+v1alpha1.ReasonDriftRepaired), ContainSubstring(drift.Differences[0].Field))))
			g.Expect(counted).To(ContainElement(true))

			w.now = w.now.Add(v1alpha1.DefaultInterval)
			w.settle()
			g.Expect(w.events()).To(BeEmpty(), "the same drift is told once")
			g.Expect(w.account().Drift).To(Equal(drift), "and stays to be read")
		})
	}

	t.Run("and tags of others stay", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.tag("cost-center", "42")
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.aws.held().Tags).To(HaveKeyWithValue("cost-center", "42"))
		g.Expect(w.account().Drift).To(BeNil())
	})

	t.Run("when it is possible, and shown until then", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.setMetadata(foreignMetadata(issuer))
		w.aws.fail(awsfake.Fault{Operation: "UpdateSAMLProvider", Kind: awsfake.FaultDeny})
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		found := w.now
		for range 3 {
			w.settle()
			drift := w.account().Drift
			g.Expect(drift.Repaired).To(BeFalse())
			g.Expect(drift.DetectedTime.Time).To(BeTemporally("==", found), "when it was first found")
			w.now = w.now.Add(10 * time.Minute)
		}
		w.aws.heal()
		w.settle()
		g.Expect(w.account().Drift).To(And(HaveField("Repaired", true), HaveField("DetectedTime.Time", BeTemporally("==", found))))
	})

	t.Run("but not what is not known to be this object's", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t)
		w.settle()
		w.aws.untag(awsiam.TagClusterUID)
		before := w.aws.held()
		w.now = w.now.Add(v1alpha1.DefaultInterval)
		w.settle()
		g.Expect(w.aws.held()).To(Equal(before))
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
		g.Expect(w.account().Drift).To(And(HaveField("Repaired", false),
			HaveField("Differences", ConsistOf(v1alpha1.Difference{Field: "tags[attache.dev/cluster-uid]", Wanted: clusterUID}))))

		w.aws.tag(awsiam.TagClusterUID, clusterUID)
		w.now = w.now.Add(v1alpha1.DefaultInterval * 2)
		w.settle()
		g.Expect(w.account().Drift).To(BeNil(), "somebody else has put it right")
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
	})
}

func TestWhatIAMDoesNotShowYetHasNotDrifted(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.restartOperator()
	missing := code(http.StatusNotFound, "NoSuchEntity")
	missing.Operation = "GetSAMLProvider"
	w.aws.fail(missing)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonConflict))
	w.aws.heal()
	w.now = w.now.Add(time.Minute)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonSynced))
	g.Expect(w.account().Drift).To(BeNil())
	g.Expect(w.events()).NotTo(ContainElement(ContainSubstring(v1alpha1.ReasonDriftRepaired)))
}

func TestWhatIsWrittenForTheFirstTimeHasNotDrifted(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	g.Expect(w.account().Drift).To(BeNil())
	g.Expect(w.events()).NotTo(ContainElement(ContainSubstring(v1alpha1.ReasonDriftRepaired)))
}
