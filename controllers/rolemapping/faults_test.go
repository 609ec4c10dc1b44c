package rolemapping

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

// TestEachCallMayFailOnceInAnyWay takes a role through its whole life, once for each call that it
// takes and each way in which that call can fail, whether AWS has carried it out or not: in the end
// the role always is as the spec wants it, and nothing is left when the mapping is gone.
func TestEachCallMayFailOnceInAnyWay(t *testing.T) {
	operations := []string{
		"GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy",
		"CreateRole", "AttachRolePolicy", "PutRolePolicy", "UpdateRole", "TagRole", "PutRolePermissionsBoundary",
		"DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRole",
	}
	faults := []awsfake.Fault{
		{Kind: awsfake.FaultThrottle}, {Kind: awsfake.FaultUnavailable}, {Kind: awsfake.FaultDeny}, {Kind: awsfake.FaultReset},
		{Kind: awsfake.FaultReset, After: true}, {Kind: awsfake.FaultGarbage, After: true}, {Kind: awsfake.FaultTruncate},
		{Kind: awsfake.FaultFail, Status: 409, Code: "ConcurrentModification", Message: "busy"},
		{Kind: awsfake.FaultFail, Status: 500, Code: "ServiceFailure", Message: "failed", After: true},
	}
	for _, operation := range operations {
		for _, f := range faults {
			f.Operation, f.Count = operation, 1
			t.Run(fmt.Sprintf("%s meets %s %s, carried out %v", operation, f.Kind, f.Code, f.After), func(t *testing.T) {
				g := NewWithT(t)
				w := newWorld(t, newProvider(), newMapping(managed, func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.PermissionsBoundary = "" }))
				w.fault(f)
				w.converge(func() bool { return w.condition(v1alpha1.ConditionReady).Status == metav1.ConditionTrue })
				w.edit(func(m *v1alpha1.RoleMapping) {
					r := m.Spec.Role.Managed
					r.Description, r.PermissionsBoundary, r.Policies, r.Tags[0].Value = "Something else", readOnly, nil, "billing"
					r.InlinePolicies[0].Name = "other"
				})
				w.converge(func() bool { return w.mapping().Status.ObservedGeneration == w.mapping().Generation })
				w.edit(func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.PermissionsBoundary = "" })
				w.converge(func() bool { return w.mapping().Status.ObservedGeneration == w.mapping().Generation })

				s, err := w.reconciler.newScope(t.Context(), w.mapping())
				w.must(err)
				s.accept()
				g.Expect(role.Differences(s.want, w.held())).To(BeEmpty())
				g.Expect(w.mapping().Status.Role.Hash).To(Equal(role.Hash(s.want)))
				g.Expect(w.mapping().Status.Drift).To(BeNil(), "nobody but the operator changed anything")

				w.delete()
				w.converge(w.gone)
				g.Expect(w.absent()).To(BeTrue())
				left, err := w.control.Faults(t.Context())
				w.must(err)
				g.Expect(left).To(BeEmpty(), "the call was made")
			})
		}
	}
}

// converge reconciles until it is done, with as much time in between as the operator asks for.
func (w *world) converge(done func() bool) {
	w.t.Helper()
	const enough = 20
	for range enough {
		result := w.reconcile()
		if done() {
			return
		}
		w.now = w.now.Add(max(result.RequeueAfter, time.Second))
	}
	w.t.Fatalf("the operator does not come to an end: %v", w.events())
}
