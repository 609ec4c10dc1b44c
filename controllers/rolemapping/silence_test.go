package rolemapping

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

// A call that is not answered holds a worker for as long as it may take. The others' mappings need it.
func TestAnAccountThatIsSilentIsAskedByOneMappingAtATime(t *testing.T) {
	g := NewWithT(t)
	second := newMapping(managed, func(m *v1alpha1.RoleMapping) { m.Name, m.UID = "second", "0b0b0b0b-0000-4000-8000-000000000002" })
	w := newWorld(t, newProvider(), newMapping(managed), second)
	asked := 0
	takes := 20 * time.Second
	w.reconciler.IAM = func(v1alpha1.Account) awsiam.API {
		asked++
		w.now = w.now.Add(takes)
		return w.api
	}
	reconcileBoth := func() {
		t.Helper()
		for _, name := range []string{key.Name, "second"} {
			_, err := w.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: key.Namespace, Name: name}})
			w.must(err)
		}
	}
	reconcileBoth() // the ledger
	g.Expect(asked).To(BeZero())

	w.fault(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultReset})
	reconcileBoth()
	g.Expect(asked).To(Equal(1), "the second does not find out for itself")
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(second), second))
	told := w.condition(v1alpha1.ConditionRoleSynced)
	g.Expect(told.Reason).To(Equal(v1alpha1.ReasonAWSUnavailable))
	g.Expect(second.Status.Conditions).To(ContainElement(And(
		HaveField("Type", v1alpha1.ConditionRoleSynced), HaveField("Reason", told.Reason), HaveField("Message", told.Message))))

	for _, wait := range []time.Duration{40 * time.Second, 80 * time.Second} {
		asked, w.now = 0, w.now.Add(wait)
		reconcileBoth()
		g.Expect(asked).To(Equal(1), "one of them looks whether it answers again")
	}

	w.heal()
	takes = 0
	for range 4 {
		w.now = w.now.Add(10 * time.Minute)
		reconcileBoth()
	}
	g.Expect(w.condition(v1alpha1.ConditionReady).Reason).To(Equal(v1alpha1.ReasonReady))
	w.must(w.client.Get(t.Context(), client.ObjectKeyFromObject(second), second))
	g.Expect(second.Status.Role.State).To(Equal(v1alpha1.RoleSynced))
}

func TestAnAccountThatRefusesAtOnceIsNotSilent(t *testing.T) {
	g := NewWithT(t)
	var s silence
	now := time.Now()
	_, ok := s.enter("corp/111122223333", now)
	g.Expect(ok).To(BeTrue())
	s.leave("corp/111122223333", now, false, "denied")
	_, ok = s.enter("corp/111122223333", now)
	g.Expect(ok).To(BeTrue())

	s.leave("corp/111122223333", now, true, "there was no answer in time")
	message, ok := s.enter("corp/111122223333", now.Add(time.Second))
	g.Expect(ok).To(BeFalse())
	g.Expect(message).To(Equal("there was no answer in time"))
	_, ok = s.enter("corp/444455556666", now)
	g.Expect(ok).To(BeTrue(), "another account")
}
