package samlprovider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/test/awsfake"
)

// ownKey and otherKey are made once; the latter is one that the provider does not hold.
var ownKey, otherKey = keyOnce("corp"), keyOnce("other")

func keyOnce(name string) func() keys.Key {
	return sync.OnceValue(func() keys.Key {
		k, err := keys.Generate(nil, name, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			panic(err)
		}
		return k
	})
}

// createKeys has a key at hand, for tests that have no time to make one each.
func (w *world) createKeys() {
	w.t.Helper()
	data, err := keys.ToSecretData([]keys.Key{ownKey()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: keys.SecretName("corp")}, Data: data})
}

// foreignMetadata is a document of somebody else, or of this issuer with another key.
func foreignMetadata(issuer string, more ...*x509.Certificate) string {
	document, err := assertion.Metadata(issuer, append(more, otherKey().Certificate))
	if err != nil {
		panic(err)
	}
	return string(document)
}

const (
	issuer      = "https://login.corp.example/saml/metadata"
	otherIssuer = "https://login.other.example/saml/metadata"
)

func code(status int, code string) awsfake.Fault {
	return awsfake.Fault{Kind: awsfake.FaultFail, Status: status, Code: code, Message: "in AWS's words"}
}

// answers are the ways in which AWS fails, and how each is told.
var answers = []struct {
	name  string
	fault awsfake.Fault
	want  outcome
}{
	{"throttles", awsfake.Fault{Kind: awsfake.FaultThrottle}, throttled},
	{"throttles under another name", code(http.StatusBadRequest, "ThrottlingException"), throttled},
	{"is busy with the provider", code(http.StatusConflict, "ConcurrentModification"), conflict},
	{"is busy with the entity", code(http.StatusConflict, "EntityTemporarilyUnmodifiable"), conflict},
	{"says that it exists", code(http.StatusConflict, "EntityAlreadyExists"), conflict},
	{"lets something keep it", code(http.StatusConflict, "DeleteConflict"), conflict},
	{"denies", awsfake.Fault{Kind: awsfake.FaultDeny}, denied},
	{"does not take the input", code(http.StatusBadRequest, "InvalidInput"), invalid},
	{"has no room left", code(http.StatusConflict, "LimitExceeded"), quotaExceeded},
	{"fails", code(http.StatusInternalServerError, "ServiceFailure"), unavailable},
	{"fails in a way that nobody knows", code(http.StatusBadGateway, "NeverHeardOf"), unavailable},
	{"is away for a while", awsfake.Fault{Kind: awsfake.FaultUnavailable}, unavailable},
	{"resets the connection", awsfake.Fault{Kind: awsfake.FaultReset}, unavailable},
	{"answers what is no XML", awsfake.Fault{Kind: awsfake.FaultGarbage}, unavailable},
	{"answers half", awsfake.Fault{Kind: awsfake.FaultTruncate}, unavailable},
	{"does not know the key", code(http.StatusForbidden, "InvalidClientTokenId"), noCredentials},
	{"finds the token expired", code(http.StatusForbidden, "ExpiredToken"), noCredentials},
}

// TestEachAnswerOfIAM has AWS fail in each way at each call, and goes through the outcomes' table.
func TestEachAnswerOfIAM(t *testing.T) {
	reached := map[outcome]bool{}
	for _, operation := range []string{"GetSAMLProvider", "CreateSAMLProvider", "UpdateSAMLProvider"} {
		for _, answer := range answers {
			reached[answer.want] = true
			t.Run(fmt.Sprintf("at %s AWS %s", operation, answer.name), func(t *testing.T) {
				w := newWorld(t)
				w.createKeys()
				if operation == "UpdateSAMLProvider" {
					w.settle()
					w.aws.setMetadata(foreignMetadata(otherIssuer))
					w.now = w.now.Add(2 * v1alpha1.DefaultInterval)
				}
				fault := answer.fault
				fault.Operation = operation
				w.aws.fail(fault)
				w.showsAndRecovers(outcomes[answer.want].Within(v1alpha1.DefaultInterval))
			})
		}
	}
	for kind, name := range outcomeOfKind {
		NewWithT(t).Expect(reached).To(HaveKey(name), "nothing shows %s", kind)
	}
}

// showsAndRecovers looks at the status while AWS fails, and after it does no longer.
func (w *world) showsAndRecovers(want status.Outcome) {
	w.t.Helper()
	g := NewWithT(w.t)
	result := w.settle()
	told := w.condition(v1alpha1.ConditionProvidersSynced)
	g.Expect(told.Status).To(Equal(metav1.ConditionFalse))
	g.Expect(told.Reason).To(Equal(want.Reason))
	g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(want.Reason))
	g.Expect(w.condition(v1alpha1.ConditionStalled).Status == metav1.ConditionTrue).To(Equal(want.Progress == status.Stalled))
	g.Expect(w.condition(v1alpha1.ConditionReconciling).Status == metav1.ConditionTrue).To(Equal(want.Progress == status.Retrying))
	g.Expect(w.events()).To(ContainElement(HavePrefix("Warning " + want.Reason)))
	if want.Retry == status.Never {
		g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation))
	} else {
		g.Expect(result.RequeueAfter).To(BeNumerically("~", want.Retry.First, want.Retry.First/5))
	}

	// AWS being in the way holds up nothing else, and another cause does not ask it before its time.
	g.Expect(w.condition(v1alpha1.ConditionKeysReady).Status).To(Equal(metav1.ConditionTrue))
	w.startPods()
	w.aws.calls()
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionWorkloadReady).Status).To(Equal(metav1.ConditionTrue))
	g.Expect(w.aws.calls()).To(BeEmpty())

	// It recovers: of itself when it is time, or when the spec changes.
	w.aws.heal()
	if want.Retry == status.Never {
		w.edit(func(*v1alpha1.SAMLProvider) {})
	} else {
		w.now = w.now.Add(2 * want.Retry.First)
	}
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
}

func TestAProviderThatGoesBetweenTwoCallsIsMadeAgain(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.aws.setMetadata(foreignMetadata(otherIssuer))
	fault := code(http.StatusNotFound, "NoSuchEntity")
	fault.Operation = "UpdateSAMLProvider"
	w.aws.fail(fault)
	w.now = w.now.Add(v1alpha1.DefaultInterval)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonConflict))

	w.aws.remove()
	w.now = w.now.Add(time.Minute)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonSynced))
	g.Expect(w.aws.held()).NotTo(BeNil())
}

func TestWhatAWSSaysIsEqualEachTime(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	fault := code(http.StatusInternalServerError, "ServiceFailure")
	fault.Operation = "GetSAMLProvider"
	w.aws.fail(fault)
	w.settle()
	first := w.condition(v1alpha1.ConditionProvidersSynced)
	g.Expect(first.Message).To(ContainSubstring("in AWS's words"))
	w.now = w.now.Add(time.Hour)
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(Equal(first), "a request ID would make each condition another one")
}

func TestThrottlingBacksOffFurtherEachTime(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.aws.fail(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultThrottle})
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
	for _, operation := range []string{"GetSAMLProvider", "CreateSAMLProvider"} {
		t.Run(operation, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.aws.fail(awsfake.Fault{Operation: operation, Kind: awsfake.FaultDeny})
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(ContainSubstring("lacks iam:" + operation))
			g.Expect(w.events()).To(ContainElement(ContainSubstring("iam:" + operation)))
		})
	}
}

func TestTheLedgerIsWrittenBeforeIAMIsAskedToCreate(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	_, err := w.reconcile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.aws.calls()).To(Equal([]string{"GetSAMLProvider"}))
	g.Expect(w.account()).To(Equal(v1alpha1.AccountStatus{
		ID: accountID, ProviderARN: arn, State: v1alpha1.AccountCreating, Reason: v1alpha1.ReasonProgressing, Message: "Creating IAM SAML provider " + arn,
		LastSpec: &v1alpha1.AccountLastSpec{Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}},
	}))
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
	g.Expect(w.aws.held()).To(BeNil())
	g.Expect(w.aws.calls()).NotTo(ContainElement("CreateSAMLProvider"))
}

func TestAnOperatorThatDiedFindsItsProviderAgain(t *testing.T) {
	for _, row := range []struct {
		name string
		// died is what the operator had done.
		died func(*world)
	}{
		{"between the ledger and IAM", func(*world) {}},
		{"between IAM and the ledger", func(w *world) { w.aws.put(foreignMetadata(otherIssuer), w.owner().Tags()) }},
		{"and its status was lost", func(w *world) { w.settle(); w.loseStatus() }},
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
			g.Expect(w.account().MetadataHash).To(Equal(hashOf(w.aws.held().Metadata)))
			g.Expect(w.account().Adopted).To(BeFalse())
		})
	}
}

func TestAForeignProviderIsNeverTouched(t *testing.T) {
	foreign := awsiam.SAMLProvider{Metadata: foreignMetadata(otherIssuer), Tags: map[string]string{"team": "identity"}}
	for _, row := range []struct {
		name    string
		appears func(*world)
	}{
		{"that was there before", func(w *world) { w.aws.put(foreign.Metadata, foreign.Tags) }},
		{"that is offered to an object that does not adopt", func(w *world) {
			w.aws.put(foreign.Metadata, map[string]string{awsiam.TagAdopt: "corp"})
		}},
		{"that is offered to another object", func(w *world) {
			w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Adoption = v1alpha1.AdoptionIfTagged })
			w.aws.put(foreign.Metadata, map[string]string{awsiam.TagAdopt: "other"})
		}},
		{"that appeared after the ledger was written", func(w *world) {
			if _, err := w.reconcile(); err != nil {
				w.t.Fatal(err)
			}
			w.aws.put(foreign.Metadata, foreign.Tags)
		}},
		{"of the same object in another cluster", func(w *world) {
			w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Adoption = v1alpha1.AdoptionIfTagged })
			other := awsiam.Owner{ClusterUID: "another", ObjectUID: string(w.provider().UID), Name: "corp"}
			w.aws.put(foreign.Metadata, other.Tags())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.appears(w)
			before := w.aws.held()
			result := w.settle()
			g.Expect(result.RequeueAfter).To(BeNumerically("~", v1alpha1.DefaultInterval, v1alpha1.DefaultInterval/5))
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))
			g.Expect(w.condition(v1alpha1.ConditionReady).Message).To(And(
				ContainSubstring(arn), ContainSubstring("delete it in IAM"), ContainSubstring(awsiam.TagObjectUID), ContainSubstring(awsiam.TagAdopt+"=corp")))
			g.Expect(w.provider().Status.ObservedGeneration).To(Equal(w.provider().Generation), "kstatus: Stalled moves it")

			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.aws.held()).To(Equal(before))
		})
	}
}

func TestAnOperatorThatStartsLooksForItselfOnce(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.aws.remove()
	w.settle()
	g.Expect(w.aws.held()).To(BeNil(), "the ledger's word is taken within the interval")

	w.restartOperator()
	w.settle()
	g.Expect(w.aws.held()).NotTo(BeNil())
}

func TestIAMIsAskedAtOnceWhen(t *testing.T) {
	ask := func(w *world) {
		p := w.provider()
		metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.AnnotationReconcileAt, w.now.String())
		if err := w.client.Update(w.t.Context(), p); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name    string
		becomes func(*world)
	}{
		{"the annotation asks for it", ask},
		{"the spec changes", func(w *world) { w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Delegation.Audience = "other" }) }},
	} {
		for name, fault := range map[string]*awsfake.Fault{
			"while it is taken at its word":  nil,
			"while it throttles":             {Operation: "GetSAMLProvider", Kind: awsfake.FaultThrottle},
			"while it denies":                {Operation: "GetSAMLProvider", Kind: awsfake.FaultDeny},
			"after it has refused the input": {Operation: "GetSAMLProvider", Kind: awsfake.FaultFail, Status: http.StatusBadRequest, Code: "InvalidInput"},
		} {
			t.Run(row.name+" "+name, func(t *testing.T) {
				g := NewWithT(t)
				w := newWorld(t)
				if fault != nil {
					w.aws.fail(*fault)
				}
				w.settle()
				w.aws.heal()
				w.settle()
				w.aws.calls()
				w.now = w.now.Add(time.Second)
				w.settle()
				g.Expect(w.aws.calls()).To(BeEmpty(), "it is not time")

				row.becomes(w)
				w.settle()
				g.Expect(w.aws.calls()).To(ContainElement("GetSAMLProvider"))
				g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
				g.Expect(w.provider().Status.LastHandledReconcileAt).To(Equal(w.provider().Annotations[v1alpha1.AnnotationReconcileAt]))
				w.settle()
				g.Expect(w.aws.calls()).To(BeEmpty(), "and once")
			})
		}
	}
}

func TestAnotherPartitionWouldLoseTheProvider(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = "cn-north-1" })
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionStalled).Message).To(ContainSubstring("change it back"))
	g.Expect(w.account().ProviderARN).To(Equal(arn))

	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue(), "the deletion goes by the ledger")
	g.Expect(w.aws.held()).To(BeNil())
}
