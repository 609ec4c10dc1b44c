package samlprovider

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const (
	stagingID  = "444455556666"
	stagingARN = "arn:aws:iam::444455556666:saml-provider/corp"
)

// staging lists a second account.
func staging(p *v1alpha1.SAMLProvider) {
	p.Spec.Accounts = append(p.Spec.Accounts, v1alpha1.Account{
		ID: stagingID, Alias: "staging", Region: "eu-central-1", Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient},
	})
}

func withoutStaging(p *v1alpha1.SAMLProvider) { p.Spec.Accounts = p.Spec.Accounts[:1] }

// newWorldOfTwo has a second account, which the provider lists.
func newWorldOfTwo(t *testing.T, changes ...func(*v1alpha1.SAMLProvider)) (*world, *fakeAWS) {
	t.Helper()
	w := newWorld(t, append(changes, staging)...)
	other := w.open()
	return w, other
}

func (w *world) open() *fakeAWS {
	w.t.Helper()
	other := newFakeAccount(w.t, w.aws.account.Beside(stagingID, "eu-central-1"), stagingID, stagingARN)
	w.others = map[string]*fakeAWS{stagingID: other}
	return other
}

// in is the ledger's entry of an account, empty if there is none.
func (w *world) in(id string) v1alpha1.AccountStatus {
	w.t.Helper()
	for _, a := range w.provider().Status.Accounts {
		if a.ID == id {
			return a
		}
	}
	return v1alpha1.AccountStatus{}
}

func TestEachAccountGetsItsProvider(t *testing.T) {
	g := NewWithT(t)
	w, other := newWorldOfTwo(t)
	w.settle()
	g.Expect(w.aws.held()).NotTo(BeNil())
	g.Expect(other.held()).To(HaveField("Metadata", w.aws.held().Metadata))
	g.Expect(w.provider().Status.Accounts).To(HaveExactElements(
		And(HaveField("ID", accountID), HaveField("ProviderARN", arn), HaveField("State", v1alpha1.AccountSynced), HaveField("Reason", v1alpha1.ReasonSynced)),
		And(HaveField("ID", stagingID), HaveField("ProviderARN", stagingARN), HaveField("State", v1alpha1.AccountSynced), HaveField("ActiveKey", w.provider().Status.Keys[0].ID)),
	))
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Message", "IAM holds the metadata in all 2 accounts")))

	w.aws.calls()
	w.now = w.now.Add(time.Minute)
	w.settle()
	g.Expect(w.aws.callsAnywhere()).To(BeEmpty(), "what is known need not be asked")
}

func TestAnAccountThatFailsHoldsUpNoOther(t *testing.T) {
	for _, row := range []struct {
		name   string
		fault  awsfake.Fault
		reason string
		says   string
	}{
		{"one that is dead from the start", awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset}, v1alpha1.ReasonAWSUnavailable, "the connection was cut"},
		{"one that is denied", awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultDeny}, v1alpha1.ReasonAccessDenied, "lacks iam:CreateSAMLProvider"},
		{"one that is throttled", awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultThrottle}, v1alpha1.ReasonThrottled, "Rate exceeded"},
		{"one whose quota is used up", awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultFail, Status: 409, Code: "LimitExceeded", Message: "Cannot exceed quota"}, v1alpha1.ReasonQuotaExceeded, "Cannot exceed quota"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w, other := newWorldOfTwo(t)
			row.fault.Account = stagingID
			other.fail(row.fault)
			result := w.settle()
			g.Expect(w.in(accountID).State).To(Equal(v1alpha1.AccountSynced))
			g.Expect(w.in(stagingID)).To(And(HaveField("Reason", row.reason), HaveField("Message", ContainSubstring(row.says)), HaveField("ActiveKey", "")))
			g.Expect(w.in(stagingID).State).To(BeElementOf(v1alpha1.AccountFailed, v1alpha1.AccountCreating))
			told := w.condition(v1alpha1.ConditionProvidersSynced)
			g.Expect(told).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", row.reason)))
			g.Expect(told.Message).To(And(HavePrefix("1 of 2 accounts are not synced: 444455556666 (staging): "+row.reason+": "), ContainSubstring(row.says)))

			w.aws.calls()
			_, err := w.reconcile()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.aws.callsAnywhere()).To(BeEmpty(), "each account has its own time to be asked again")

			other.heal()
			w.now = w.now.Add(2 * result.RequeueAfter)
			w.settle()
			g.Expect(w.in(stagingID).State).To(Equal(v1alpha1.AccountSynced))
			g.Expect(other.held()).NotTo(BeNil())
		})
	}
}

func TestAnAccountThatIsSilentHoldsUpNoOther(t *testing.T) {
	g := NewWithT(t)
	w, other := newWorldOfTwo(t)
	w.settle()
	other.calls()
	other.fail(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultDelay, Delay: awsfake.Duration(2 * patience), Account: stagingID, Count: 1})
	w.aws.setMetadata(foreignMetadata(issuer))
	other.setMetadata(foreignMetadata(issuer))
	w.now = w.now.Add(2 * time.Hour)
	began := time.Now()
	_, err := w.reconcile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(time.Since(began)).To(BeNumerically("<", 2*patience), "nobody waits for it")
	g.Expect(w.in(accountID).Drift).To(HaveField("Repaired", true))
	g.Expect(w.in(stagingID)).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("Drift", BeNil())), "its last word stands")
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))

	g.Eventually(func() *v1alpha1.Drift {
		_, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		return w.in(stagingID).Drift
	}).WithTimeout(10*patience).Should(HaveField("Repaired", true), "what came of it in the end")
	g.Expect(other.calls()).To(HaveLen(2), "it was not asked again meanwhile: GetSAMLProvider and UpdateSAMLProvider")
}

func TestDriftInBothAccountsIsPutRight(t *testing.T) {
	g := NewWithT(t)
	w, other := newWorldOfTwo(t)
	w.settle()
	w.aws.setMetadata(foreignMetadata(issuer))
	other.untag(awsiam.TagName)
	w.now = w.now.Add(2 * time.Hour)
	w.settle()
	g.Expect(w.in(accountID).Drift).To(HaveField("Repaired", true))
	g.Expect(w.in(stagingID).Drift).To(And(HaveField("Repaired", true), HaveField("Differences", HaveLen(1))))
	g.Expect(w.events()).To(ContainElements(
		And(ContainSubstring(v1alpha1.ReasonDriftRepaired), ContainSubstring(arn)), And(ContainSubstring(v1alpha1.ReasonDriftRepaired), ContainSubstring(stagingARN))))
}

func TestAnAccountIsAddedLater(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	other := w.open()
	w.settle()
	w.edit(staging)
	w.settle()
	g.Expect(other.held()).NotTo(BeNil())
	g.Expect(w.in(stagingID)).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("LastSpec.Region", "eu-central-1")))
}

func TestAnAccountThatTheSpecNoLongerLists(t *testing.T) {
	for _, row := range []struct {
		name    string
		change  func(*v1alpha1.SAMLProvider)
		deletes bool
		event   string
	}{
		{"loses its IAM provider", func(*v1alpha1.SAMLProvider) {}, true, v1alpha1.ReasonDeleting},
		{"keeps it where deletionPolicy is Retain", func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain }, false, v1alpha1.ReasonRetained},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w, other := newWorldOfTwo(t, row.change)
			w.settle()
			w.edit(withoutStaging)
			w.settle()
			g.Expect(other.held() == nil).To(Equal(row.deletes))
			g.Expect(w.in(stagingID)).To(BeZero())
			g.Expect(w.events()).To(ContainElement(And(HavePrefix("Normal "+row.event), ContainSubstring(stagingARN))))
			g.Expect(w.aws.held()).NotTo(BeNil())
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonSynced)))
		})
	}

	t.Run("keeps what was adopted there", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t, adopting)
		other.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
		w.settle()
		g.Expect(w.in(stagingID).Adopted).To(BeTrue())
		w.edit(withoutStaging)
		w.settle()
		g.Expect(other.held()).NotTo(BeNil())
		g.Expect(w.in(stagingID)).To(BeZero())
	})

	t.Run("is left alone if it was Observed", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t)
		w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[1].Management = v1alpha1.ManagementObserved })
		w.settle()
		w.edit(withoutStaging)
		w.settle()
		g.Expect(w.in(stagingID)).To(BeZero())
		g.Expect(other.calls()).To(HaveEach("GetSAMLProvider"))
	})

	t.Run("and is dead is waited for, and the others serve on", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t)
		w.settle()
		other.fail(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset, Account: stagingID})
		w.edit(withoutStaging)
		result := w.settle()
		g.Expect(w.in(stagingID)).To(And(HaveField("State", v1alpha1.AccountDeleting), HaveField("Reason", v1alpha1.ReasonAWSUnavailable),
			HaveField("Message", ContainSubstring("or put it back in spec.accounts"))))
		g.Expect(w.in(accountID).State).To(Equal(v1alpha1.AccountSynced))
		w.restartOperator()
		w.settle()
		g.Expect(w.in(stagingID).State).To(Equal(v1alpha1.AccountDeleting), "no operator forgets it")

		other.heal()
		w.now = w.now.Add(3 * result.RequeueAfter)
		w.settle()
		g.Expect(other.held()).To(BeNil())
		g.Expect(w.in(stagingID)).To(BeZero())
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Status).To(Equal(metav1.ConditionTrue))
	})

	t.Run("waits for the roles that were made there, and names their mappings", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t)
		w.settle()
		m := &v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: "uploader", Finalizers: []string{rolemapping.Finalizer}}}
		m.Spec.ProviderRef.Name, m.Spec.Role.Managed = "corp", &v1alpha1.ManagedRole{AccountID: stagingID}
		w.create(m)
		w.edit(withoutStaging)
		w.settle()
		g.Expect(w.in(stagingID)).To(And(HaveField("Reason", v1alpha1.ReasonInUse), HaveField("Message", And(ContainSubstring("reports/uploader"), ContainSubstring("or put the account back")))))
		g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonInUse))
		g.Expect(w.reconciler.waitingProviderOf(t.Context(), m)).To(HaveLen(1), "its end calls")
		g.Expect(other.held()).NotTo(BeNil())

		m.Finalizers = nil
		g.Expect(w.client.Update(t.Context(), m)).To(Succeed())
		w.settle()
		g.Expect(other.held()).To(BeNil())
	})

	t.Run("and is put back before it was let go is as it was", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t)
		w.settle()
		other.fail(awsfake.Fault{Operation: "DeleteSAMLProvider", Kind: awsfake.FaultDeny, Account: stagingID})
		w.edit(withoutStaging)
		w.settle()
		g.Expect(w.in(stagingID).Reason).To(Equal(v1alpha1.ReasonAccessDenied))
		w.edit(staging)
		w.settle()
		g.Expect(w.in(stagingID)).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("Drift", BeNil())))
		g.Expect(other.held()).NotTo(BeNil())
	})

	t.Run("and is put back under another name waits for the former one", func(t *testing.T) {
		g := NewWithT(t)
		w, other := newWorldOfTwo(t)
		w.settle()
		other.fail(awsfake.Fault{Operation: "DeleteSAMLProvider", Kind: awsfake.FaultDeny, Account: stagingID})
		w.edit(withoutStaging)
		w.settle()
		w.edit(func(p *v1alpha1.SAMLProvider) { staging(p); p.Spec.Accounts[1].ProviderName = "other" })
		w.settle()
		g.Expect(w.in(stagingID)).To(And(HaveField("Reason", v1alpha1.ReasonInvalidRequest), HaveField("ProviderARN", stagingARN),
			HaveField("Message", ContainSubstring("take the account out of spec.accounts, and add it again"))))
	})
}

func TestADeletionGoesOnInEachAccountByItself(t *testing.T) {
	g := NewWithT(t)
	w, other := newWorldOfTwo(t)
	w.settle()
	other.fail(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset, Account: stagingID})
	w.delete()
	result := w.settle()
	g.Expect(w.aws.held()).To(BeNil(), "the dead one is not waited for")
	g.Expect(w.in(accountID)).To(And(HaveField("State", v1alpha1.AccountDeleted), HaveField("ActiveKey", "")))
	g.Expect(w.in(stagingID)).To(And(HaveField("State", v1alpha1.AccountDeleting), HaveField("Reason", v1alpha1.ReasonAWSUnavailable)))
	g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Message).To(ContainSubstring("444455556666 (staging): AWSUnavailable"))
	g.Expect(w.hasKeys()).To(BeTrue())
	w.aws.calls()
	w.restartOperator()
	w.settle()
	g.Expect(w.aws.calls()).To(BeEmpty(), "what IAM has confirmed is not asked again")

	other.heal()
	w.now = w.now.Add(3 * result.RequeueAfter)
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(other.held()).To(BeNil())
}

func TestADeletionRetainsInEachAccount(t *testing.T) {
	g := NewWithT(t)
	w, other := newWorldOfTwo(t, adopting)
	other.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
	w.settle()
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
	g.Expect(w.aws.held()).To(BeNil(), "made here")
	g.Expect(other.held()).NotTo(BeNil(), "adopted there")
}

func TestAccountsOfThreePartitions(t *testing.T) {
	g := NewWithT(t)
	const chinaID, govID = "222233334444", "333344445555"
	w := newWorld(t, func(p *v1alpha1.SAMLProvider) {
		for id, region := range map[string]string{chinaID: "cn-north-1", govID: "us-gov-west-1"} {
			p.Spec.Accounts = append(p.Spec.Accounts, v1alpha1.Account{ID: id, Region: region, Access: v1alpha1.AccountAccess{Mode: v1alpha1.AccessAmbient}})
		}
	})
	china, gov := "arn:aws-cn:iam::222233334444:saml-provider/corp", "arn:aws-us-gov:iam::333344445555:saml-provider/corp"
	w.others = map[string]*fakeAWS{
		chinaID: newFakeAccount(t, testaws.Start(t, chinaID, "cn-north-1"), chinaID, china),
		govID:   newFakeAccount(t, testaws.Start(t, govID, "us-gov-west-1"), govID, gov),
	}
	w.settle()
	g.Expect(w.provider().Status.Accounts).To(ConsistOf(HaveField("ProviderARN", arn), HaveField("ProviderARN", china), HaveField("ProviderARN", gov)))
	for _, other := range w.others {
		g.Expect(other.held()).NotTo(BeNil())
	}
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
}

func TestTheSummaryNamesTheWorstFirstAndFiveAtMost(t *testing.T) {
	g := NewWithT(t)
	p := &v1alpha1.SAMLProvider{}
	s := &scope{provider: p}
	for i := range 100 {
		a := &account{scope: s, spec: v1alpha1.Account{ID: fmt.Sprintf("%012d", i)}}
		switch {
		case i%10 == 3:
			a.finding = s.found(throttled, "Rate exceeded")
		case i == 99:
			a.finding = s.found(notOwned, "is another's")
		default:
			a.finding = s.found(synced, "")
		}
		s.accounts = append(s.accounts, a)
	}
	f := s.summary()
	g.Expect(f.Reason).To(Equal(v1alpha1.ReasonNotOwned))
	g.Expect(f.Progress).To(Equal(status.Stalled))
	g.Expect(f.Message).To(Equal("11 of 100 accounts are not synced: 000000000099: NotOwned: is another's; 000000000003: Throttled: Rate exceeded; " +
		"000000000013: Throttled: Rate exceeded; 000000000023: Throttled: Rate exceeded; 000000000033: Throttled: Rate exceeded; and 6 more, see status.accounts"))
	g.Expect(f.RequeueAfter).To(BeNumerically("<=", 6*time.Second), "the first that is due")
}
