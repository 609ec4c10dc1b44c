package rolemapping

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/controllers/attempts"
	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/status"
)

// +kubebuilder:rbac:groups=attache.dev,resources=samlproviders,verbs=get;list;watch
// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings RoleMappings about. There may be thousands of one provider: it writes only what
// changes, and asks IAM only when something makes it.
type Reconciler struct {
	Client client.Client
	Status status.Writer
	// IAM returns the calls for an account.
	IAM func(v1alpha1.Account) awsiam.API
	// Snapshots answer for IAM where they are fresh.
	Snapshots *snapshot.Store
	// Changed calls for mappings whose role was seen to differ from what was written; nil if nobody
	// looks.
	Changed <-chan event.GenericEvent
	// Drifted counts drift that was found, and whether it was put right; nil counts nothing.
	Drifted func(repaired bool)
	// ClusterUID is the UID of the kube-system namespace.
	ClusterUID string
	Clock      func() time.Time

	attempts attempts.Memory[types.UID]
	looks    looks
	silence  silence
}

type step = phase.Phase[*Reconciler, *scope]

// phases are gone through in order. One that needs what an earlier one did not bring about does not
// concern the mapping then: its condition keeps its last word.
var phases = []step{
	{Condition: v1alpha1.ConditionAccepted, Do: (*Reconciler).accept},
	{Condition: v1alpha1.ConditionReady, Concerns: mayWrite, Do: (*Reconciler).addFinalizer},
	{Condition: v1alpha1.ConditionRoleSynced, Concerns: mayRecord, Do: (*Reconciler).reconcileRole},
	{Condition: v1alpha1.ConditionTrustPolicyVerified, Concerns: hasExistingRole, Do: (*Reconciler).verifyTrust},
	{Condition: v1alpha1.ConditionReady, Concerns: isAccepted, Do: (*Reconciler).examineProvider},
}

// deletionPhases are those of an object that goes away.
var deletionPhases = []step{
	{Condition: v1alpha1.ConditionRoleSynced, Concerns: (*scope).finalized, Do: (*Reconciler).deleteRole},
	{Condition: v1alpha1.ConditionReady, Concerns: (*scope).finalized, Do: (*Reconciler).removeFinalizer},
}

func isAccepted(s *scope) bool      { return s.accepted }
func hasExistingRole(s *scope) bool { return s.accepted && s.existing() }
func mayWrite(s *scope) bool        { return s.accepted && s.managed() && !s.account.Observed() }

// mayRecord holds where the finalizer stands before the ledger names anything.
func mayRecord(s *scope) bool {
	return s.accepted && s.managed() && (s.account.Observed() || s.finalized())
}

// Reconcile takes a RoleMapping through its phases and has the outcome written.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m := &v1alpha1.RoleMapping{}
	if err := r.Client.Get(ctx, req.NamespacedName, m); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	going := !m.DeletionTimestamp.IsZero()
	if m.Spec.Suspend && !going {
		return ctrl.Result{}, nil
	}
	s, err := r.newScope(ctx, m)
	if err != nil {
		return ctrl.Result{}, err
	}
	ctx = limit.Work(ctx, s.class())
	todo := phases
	if going {
		todo = deletionPhases
	}
	findings, failures := phase.Run(ctx, r, s, todo)
	s.findings = findings
	if s.released || going && !s.finalized() {
		r.Status.Changed(m, s.changes)
		return ctrl.Result{}, errors.Join(failures...)
	}
	if err := r.Status.RoleMapping(ctx, m, s.report()); err != nil {
		failures = append(failures, client.IgnoreNotFound(err))
	}
	if phase.OnlyConflicts(failures) {
		return ctrl.Result{RequeueAfter: phase.ConflictDelay}, nil
	}
	return ctrl.Result{RequeueAfter: status.Soonest(s.findings)}, errors.Join(failures...)
}
