package status

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

func finding(condition, reason string, progress Progress) Finding {
	return Finding{Outcome: Outcome{Condition: condition, Reason: reason, Progress: progress}, Message: reason + " in words"}
}

var (
	keysDone     = finding(v1alpha1.ConditionKeysReady, v1alpha1.ReasonKeyActive, Done)
	syncedDone   = finding(v1alpha1.ConditionProvidersSynced, v1alpha1.ReasonSynced, Done)
	denied       = finding(v1alpha1.ConditionProvidersSynced, v1alpha1.ReasonAccessDenied, Retrying)
	notOwned     = finding(v1alpha1.ConditionProvidersSynced, v1alpha1.ReasonNotOwned, Stalled)
	certificate  = finding(v1alpha1.ConditionWorkloadReady, v1alpha1.ReasonWorkloadAvailable, Done)
	workloadDone = finding(v1alpha1.ConditionWorkloadReady, v1alpha1.ReasonWorkloadAvailable, Done)
	rolling      = finding(v1alpha1.ConditionWorkloadReady, v1alpha1.ReasonProgressing, Working)
	unverifiable = finding(v1alpha1.ConditionTrustPolicyVerified, v1alpha1.ReasonNotVerifiable, Unknown)
	halted       = finding(v1alpha1.ConditionReady, v1alpha1.ReasonDenied, Halted)
	waiting      = finding(v1alpha1.ConditionReady, v1alpha1.ReasonProviderNotReady, Working)
)

func TestSummarize(t *testing.T) {
	const generation, observed = 7, 6
	for _, row := range []struct {
		name     string
		findings []Finding
		// ready is the reason of Ready, which is True only for ReasonReady.
		ready                string
		reconciling, stalled bool
		observed             int64
	}{
		{"all done is Ready", []Finding{keysDone, syncedDone, workloadDone}, v1alpha1.ReasonReady, false, false, generation},
		{"work under way is Reconciling", []Finding{keysDone, syncedDone, rolling}, v1alpha1.ReasonProgressing, true, false, observed},
		{"a failure that is tried again is Reconciling", []Finding{keysDone, denied, workloadDone}, v1alpha1.ReasonAccessDenied, true, false, observed},
		{"what a person must do is Stalled", []Finding{keysDone, notOwned, workloadDone}, v1alpha1.ReasonNotOwned, false, true, generation},
		{"a failure is told before work under way", []Finding{rolling, denied}, v1alpha1.ReasonAccessDenied, true, false, observed},
		{"a stall is told before a failure", []Finding{denied, rolling, notOwned}, v1alpha1.ReasonNotOwned, false, true, generation},
		{"of one condition the worst is told", []Finding{certificate, rolling}, v1alpha1.ReasonProgressing, true, false, observed},
		{"what cannot be known keeps nothing from being Ready", []Finding{keysDone, unverifiable}, v1alpha1.ReasonReady, false, false, generation},
		{"what cannot be known hides no failure", []Finding{unverifiable, denied}, v1alpha1.ReasonAccessDenied, true, false, observed},
		{"what is wanted to stand still is not Ready, and nobody need act", []Finding{keysDone, halted}, v1alpha1.ReasonDenied, false, false, generation},
		{"what has no condition is told in Ready", []Finding{keysDone, waiting}, v1alpha1.ReasonProviderNotReady, true, false, observed},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, before := range [][]metav1.Condition{nil, conditionsAfter(denied), conditionsAfter(notOwned), conditionsAfter(syncedDone)} {
				g := NewWithT(t)
				conditions := append([]metav1.Condition(nil), before...)
				g.Expect(summarize(&conditions, generation, observed, row.findings)).To(Equal(row.observed))

				ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
				g.Expect(ready).NotTo(BeNil())
				g.Expect(ready.Reason).To(Equal(row.ready))
				g.Expect(ready.Status == metav1.ConditionTrue).To(Equal(row.ready == v1alpha1.ReasonReady))
				g.Expect(ready.ObservedGeneration).To(BeEquivalentTo(generation))
				for kind, holds := range map[string]bool{v1alpha1.ConditionReconciling: row.reconciling, v1alpha1.ConditionStalled: row.stalled} {
					c := meta.FindStatusCondition(conditions, kind)
					if !holds {
						g.Expect(c).To(BeNil(), "%s is there only while it is True", kind)
						continue
					}
					g.Expect(c).NotTo(BeNil())
					g.Expect(c.Status).To(Equal(metav1.ConditionTrue))
					g.Expect(c.Reason).To(Equal(row.ready))
				}
			}
		})
	}
}

func TestWorkUnderWayDoesNotHideFailureOfTheSameCondition(t *testing.T) {
	g := NewWithT(t)
	var conditions []metav1.Condition
	summarize(&conditions, 1, 0, []Finding{certificate, rolling})
	g.Expect(meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionWorkloadReady)).To(BeTrue())
}

func TestAnEmergencyStopHidesNoWorkAndNoStall(t *testing.T) {
	for kind, other := range map[string]Finding{v1alpha1.ConditionReconciling: denied, v1alpha1.ConditionStalled: notOwned} {
		t.Run(kind, func(t *testing.T) {
			g := NewWithT(t)
			conditions := conditionsAfter(other, halted)
			g.Expect(meta.FindStatusCondition(conditions, v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonDenied))
			g.Expect(meta.FindStatusCondition(conditions, kind).Reason).To(Equal(other.Reason))
		})
	}
}

func TestAnOutcomeTakesTheIntervalOfItsObject(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Outcome{Retry: EachInterval}.Within(time.Minute).Retry).To(Equal(Every(time.Minute)))
	g.Expect(Outcome{Retry: Soon}.Within(time.Minute).Retry).To(Equal(Soon))
	g.Expect(Outcome{Retry: Never}.Within(time.Minute).Retry).To(Equal(Never))
}

func TestWhatCannotBeKnownIsUnknown(t *testing.T) {
	g := NewWithT(t)
	c := meta.FindStatusCondition(conditionsAfter(unverifiable), v1alpha1.ConditionTrustPolicyVerified)
	g.Expect(c).NotTo(BeNil())
	g.Expect(c.Status).To(Equal(metav1.ConditionUnknown))
	g.Expect(c.Reason).To(Equal(v1alpha1.ReasonNotVerifiable))
}

func TestSummarizeTwiceChangesNothing(t *testing.T) {
	g := NewWithT(t)
	once := conditionsAfter(denied, rolling)
	twice := append([]metav1.Condition(nil), once...)
	summarize(&twice, 1, 1, []Finding{denied, rolling})
	g.Expect(twice).To(Equal(once))
}

func TestEventsOf(t *testing.T) {
	other := denied
	other.Message = "another action is missing"
	moreReady := rolling
	moreReady.Message = "2 of 3 pods are ready"
	for _, row := range []struct {
		name   string
		before []metav1.Condition
		now    []Finding
		want   []string
	}{
		{"nothing new is silent", conditionsAfter(denied), []Finding{denied}, nil},
		{"a first failure warns once", nil, []Finding{denied}, []string{"Warning AccessDenied"}},
		{"another missing action warns again", conditionsAfter(denied), []Finding{other}, []string{"Warning AccessDenied"}},
		{"another count of pods is no news", conditionsAfter(rolling), []Finding{moreReady}, nil},
		{"recovery is told, and that the object is ready", conditionsAfter(denied), []Finding{syncedDone}, []string{"Normal Synced", "Normal Ready"}},
		{"what cannot be known is told, and that the object is ready without it", conditionsAfter(denied), []Finding{unverifiable}, []string{"Normal NotVerifiable", "Normal Ready"}},
		{"a stall warns", conditionsAfter(syncedDone), []Finding{notOwned}, []string{"Warning NotOwned"}},
		{"what has no condition speaks through Ready", conditionsAfter(keysDone), []Finding{keysDone, waiting}, []string{"Normal ProviderNotReady"}},
		{"an emergency stop warns", conditionsAfter(keysDone), []Finding{keysDone, halted}, []string{"Warning Denied"}},
		{"a failure behind an emergency stop is told too", conditionsAfter(syncedDone, halted), []Finding{denied, halted}, []string{"Warning AccessDenied"}},
		{"two conditions that changed are two events", nil, []Finding{denied, rolling}, []string{"Warning AccessDenied", "Normal Progressing"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			after := append([]metav1.Condition(nil), row.before...)
			summarize(&after, 1, 1, row.now)
			var got []string
			for _, e := range eventsOf(row.before, after, row.now) {
				got = append(got, e.kind+" "+e.reason)
				g.Expect(e.note).NotTo(BeEmpty())
			}
			g.Expect(got).To(Equal(row.want))
		})
	}
}

func TestANoteFitsIntoAnEvent(t *testing.T) {
	g := NewWithT(t)
	long := denied
	long.Message = strings.Repeat("x", 5000)
	after := conditionsAfter(long)
	g.Expect(eventsOf(nil, after, []Finding{long})[0].note).To(HaveLen(maxNote))
}

func TestRetryAfter(t *testing.T) {
	backOff := BackOff(5*time.Second, 5*time.Minute)
	for _, row := range []struct {
		name     string
		retry    Retry
		failures int
		unit     float64
		want     time.Duration
	}{
		{"never is zero", Never, 3, 0.5, 0},
		{"every is its time", Every(time.Hour), 0, 0.5, time.Hour},
		{"every does not grow", Every(time.Hour), 9, 0.5, time.Hour},
		{"every comes a tenth early at most", Every(time.Hour), 0, 0, 54 * time.Minute},
		{"a first failure waits the first delay", backOff, 0, 0.5, 5 * time.Second},
		{"each failure doubles it", backOff, 3, 0.5, 40 * time.Second},
		{"up to the limit", backOff, 100, 0.5, 5 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(row.retry.After(row.failures, row.unit)).To(Equal(row.want))
		})
	}
}

func TestSoonest(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Soonest([]Finding{{}, {RequeueAfter: time.Hour}, {RequeueAfter: time.Minute}})).To(Equal(time.Minute))
	g.Expect(Soonest([]Finding{{}, {}})).To(BeZero())
}

func conditionsAfter(findings ...Finding) []metav1.Condition {
	var conditions []metav1.Condition
	summarize(&conditions, 1, 1, findings)
	return conditions
}
