package samlprovider

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
)

// TestEachAnswerOfIAM has IAM fail in each way, and goes through the outcomes' table.
func TestEachAnswerOfIAM(t *testing.T) {
	for kind, name := range outcomeOfKind {
		want := outcomes[name]
		operation := "Create"
		if kind == awsiam.NotFound {
			operation = "Update" // the provider went away between Get and Update
		}
		t.Run(fmt.Sprintf("%s of %s is told as %s", kind, operation, want.Reason), func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			if operation == "Update" {
				w.settle()
				w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "drifted", Tags: w.iam.providers[arn].Tags}
				w.now = w.now.Add(2 * Recheck)
			}
			w.iam.fails[operation] = iamError(kind)
			result := w.settle()

			told := w.condition(v1alpha1.ConditionProvidersSynced)
			g.Expect(told.Status).To(Equal(metav1.ConditionFalse))
			g.Expect(told.Reason).To(Equal(want.Reason))
			g.Expect(told.Message).To(ContainSubstring("in AWS's words"))
			g.Expect(told.Message).NotTo(ContainSubstring("r-1"), "a request ID would make each condition another one")
			ready := w.condition(v1alpha1.ConditionReady)
			g.Expect(ready.Reason).To(Equal(want.Reason))
			stalled := w.condition(v1alpha1.ConditionStalled).Status == metav1.ConditionTrue
			g.Expect(stalled).To(Equal(want.Progress == status.Stalled))
			g.Expect(w.condition(v1alpha1.ConditionReconciling).Status == metav1.ConditionTrue).To(Equal(want.Progress == status.Retrying))
			g.Expect(w.events()).To(ContainElement(HavePrefix("Warning " + want.Reason)))

			if want.Retry == status.Never {
				g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation))
			} else {
				g.Expect(result.RequeueAfter).To(BeNumerically("~", want.Retry.First, want.Retry.First/5))
			}

			// AWS being in the way holds up nothing else.
			g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
			w.startPods()
			w.iam.calls = nil
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.iam.calls).To(BeEmpty(), "another cause does not ask IAM before its time")

			// It recovers: of itself when it is time, or when the spec changes.
			delete(w.iam.fails, operation)
			if want.Retry == status.Never {
				w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](2) })
			} else {
				w.now = w.now.Add(2 * want.Retry.First)
			}
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
		})
	}
}

func TestThrottlingBacksOffFurtherEachTime(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.iam.fails["Get"] = iamError(awsiam.Throttled)
	var delays []time.Duration
	for range 8 {
		result := w.settle()
		delays = append(delays, result.RequeueAfter)
		w.now = w.now.Add(result.RequeueAfter)
	}
	g.Expect(slices.IsSorted(delays[:6])).To(BeTrue(), "%v", delays)
	g.Expect(delays[7]).To(BeNumerically("~", 5*time.Minute, 30*time.Second))
}

func TestADenialNamesTheMissingAction(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.iam.fails["Create"] = &awsiam.Error{Kind: awsiam.Denied, Operation: "CreateSAMLProvider", Action: "iam:TagSAMLProvider", Code: "AccessDenied", Message: "not authorized"}
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:TagSAMLProvider"))
	g.Expect(w.events()).To(ContainElement(ContainSubstring("iam:TagSAMLProvider")))
}

func TestTheLedgerIsWrittenBeforeIAMIsAskedToCreate(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	_, err := w.reconcile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.iam.calls).To(Equal([]string{"Get"}))
	g.Expect(w.provider().Status.Accounts).To(ConsistOf(v1alpha1.AccountStatus{ID: "111122223333", ProviderARN: arn, State: v1alpha1.AccountCreating}))
}

func TestWithoutALedgerNothingIsCreated(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.refuse = func(o client.Object) error {
		if p, ok := o.(*v1alpha1.SAMLProvider); ok && len(p.Status.Accounts) > 0 {
			return errors.New("the API server is away")
		}
		return nil
	}
	for range 3 {
		_, err := w.reconcile()
		g.Expect(err).To(MatchError(ContainSubstring("the API server is away")))
	}
	g.Expect(w.iam.providers).To(BeEmpty())
	g.Expect(w.iam.calls).NotTo(ContainElement("Create"))
}

func TestAnOperatorThatDiedFindsItsProviderAgain(t *testing.T) {
	for _, row := range []struct {
		name string
		// died is what the operator had done.
		died func(*world)
	}{
		{"between the ledger and IAM", func(*world) {}},
		{"between IAM and the ledger", func(w *world) {
			owner := newScope(w.provider(), namespace, clusterUID).owner
			w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "of before", Tags: owner.Tags()}
		}},
		{"and its status was lost", func(w *world) {
			w.settle()
			p := w.provider()
			p.Status = v1alpha1.SAMLProviderStatus{}
			if err := w.client.Status().Update(w.t.Context(), p); err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			_, err := w.reconcile() // writes the ledger
			g.Expect(err).NotTo(HaveOccurred())
			row.died(w)
			w.restartOperator()
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.iam.providers).To(HaveLen(1))
			g.Expect(w.provider().Status.Accounts[0].MetadataHash).To(Equal(hashOf(w.iam.providers[arn].Metadata)))
		})
	}
}

func TestAForeignProviderIsNeverTouched(t *testing.T) {
	foreign := awsiam.SAMLProvider{Metadata: "somebody else's", Tags: map[string]string{"team": "identity"}}
	for _, row := range []struct {
		name    string
		appears func(*world)
	}{
		{"that was there before", func(w *world) { w.iam.providers[arn] = foreign }},
		{"that appeared after the ledger was written", func(w *world) {
			if _, err := w.reconcile(); err != nil {
				w.t.Fatal(err)
			}
			w.iam.providers[arn] = foreign
		}},
		{"of the same object in another cluster", func(w *world) {
			other := awsiam.Owner{ClusterUID: "another", ObjectUID: string(w.provider().UID), Name: "corp"}
			w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: foreign.Metadata, Tags: other.Tags()}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.appears(w)
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", Recheck, Recheck/5))
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(And(ContainSubstring(arn), ContainSubstring("delete it in IAM"), ContainSubstring(awsiam.TagObjectUID)))
			g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation), "kstatus: Stalled moves it")

			w.delete()
			w.settle()
			g.Expect(w.client.Get(t.Context(), client.ObjectKey{Name: "corp"}, &v1alpha1.SAMLProvider{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
			g.Expect(w.iam.providers[arn].Metadata).To(Equal(foreign.Metadata))
			g.Expect(w.iam.calls).NotTo(Or(ContainElement("Update"), ContainElement("Delete")))
		})
	}
}

func TestMetadataThatDriftedIsPutBack(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	want := w.iam.providers[arn].Metadata
	w.iam.providers[arn] = awsiam.SAMLProvider{Metadata: "drifted", Tags: w.iam.providers[arn].Tags}
	w.now = w.now.Add(Recheck)
	w.settle()
	g.Expect(w.iam.providers[arn].Metadata).To(Equal(want))
}

func TestAProviderThatIsGoneFromIAMIsMadeAgain(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	delete(w.iam.providers, arn)
	w.now = w.now.Add(Recheck)
	w.settle()
	g.Expect(w.iam.providers).To(HaveKey(arn))
	g.Expect(w.provider().Status.Accounts[0].State).To(Equal(v1alpha1.AccountSynced))
}

func TestAnOperatorThatStartsLooksForItselfOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	delete(w.iam.providers, arn)
	w.settle()
	g.Expect(w.iam.providers).NotTo(HaveKey(arn), "the ledger's word is taken within the hour")

	w.restartOperator()
	w.settle()
	g.Expect(w.iam.providers).To(HaveKey(arn))
}

func TestAnotherPartitionWouldLoseTheProvider(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "cn-north-1" })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionStalled).Message).To(ContainSubstring("change it back"))
	g.Expect(w.iam.providers).To(HaveLen(1))
	g.Expect(w.provider().Status.Accounts[0].ProviderARN).To(Equal(arn))
}
