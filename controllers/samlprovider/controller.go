package samlprovider

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/controllers/attempts"
	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
)

// +kubebuilder:rbac:groups=attache.dev,resources=samlproviders,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=attache.dev,resources=samlproviders/status,verbs=patch
// +kubebuilder:rbac:groups=attache.dev,resources=samlproviders/finalizers,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings SAMLProviders about.
type Reconciler struct {
	Client client.Client
	// Live reads past the cache, where a stale answer would do harm.
	Live   client.Reader
	Status status.Writer
	// IAM returns the calls for an account.
	IAM func(v1alpha1.Account) awsiam.API
	// ClusterUID is the UID of the kube-system namespace.
	ClusterUID string
	// Namespace of the operator.
	Namespace string
	// Image and ImagePullPolicy of the identity providers' pods.
	Image           string
	ImagePullPolicy corev1.PullPolicy
	Clock           func() time.Time
	// Applier of the objects that a provider consists of.
	Applier *ssa.Applier
	// Drifted counts drift that was found, and whether it was put right; nil counts nothing.
	Drifted func(repaired bool)

	attempts attempts.Memory[accountKey]
	late     late
	// answered calls for objects for which something late was done.
	answered chan event.GenericEvent
}

type step = phase.Phase[*Reconciler, *scope]

// phases are gone through in order, all of them each time: one that lacks what an earlier one did
// not bring about says that it waits, so that AWS being away holds up no workload.
var phases = []step{
	{Condition: v1alpha1.ConditionReady, Do: (*Reconciler).addFinalizer},
	{Condition: v1alpha1.ConditionKeysReady, Do: (*Reconciler).reconcileKeys},
	{Condition: v1alpha1.ConditionWorkloadReady, Do: (*Reconciler).reconcileCertificate},
	{Condition: v1alpha1.ConditionProvidersSynced, Do: (*Reconciler).reconcileProvider},
	{Condition: v1alpha1.ConditionWorkloadReady, Do: (*Reconciler).reconcileWorkload},
	{Condition: v1alpha1.ConditionReady, Do: (*Reconciler).tellService},
}

// suspendedPhases are all that a suspended object is taken through: its credentials keep flowing,
// for which its serving certificate must not expire.
var suspendedPhases = []step{
	{Condition: v1alpha1.ConditionWorkloadReady, Do: (*Reconciler).reconcileCertificate},
}

// deletionPhases are those of an object that goes away. The workload serves until the object is
// gone and the garbage collector takes it.
var deletionPhases = []step{
	{Condition: v1alpha1.ConditionProvidersSynced, Do: (*Reconciler).deleteProvider},
	{Condition: v1alpha1.ConditionKeysReady, Do: (*Reconciler).deleteKeys},
	{Condition: v1alpha1.ConditionReady, Do: (*Reconciler).removeFinalizer},
}

// Reconcile takes a SAMLProvider through its phases and has the outcome written.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := &v1alpha1.SAMLProvider{}
	if err := r.Client.Get(ctx, req.NamespacedName, p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	s := newScope(p, r.Namespace, r.ClusterUID)
	ctx = limit.Work(ctx, s.class())
	todo := phases
	switch {
	case !p.DeletionTimestamp.IsZero():
		todo = deletionPhases
	case p.Spec.Suspend:
		return r.keepServing(ctx, s)
	}
	failures := s.run(ctx, r, todo)
	if s.released {
		r.Applier.Forget(p.UID)
		r.forgetAttempts(s)
		return ctrl.Result{}, nil
	}
	if phase.OnlyConflicts(failures) {
		r.Status.Changed(p, s.changes)
		return ctrl.Result{RequeueAfter: phase.ConflictDelay}, nil
	}
	if err := r.Status.SAMLProvider(ctx, p, s.report()); err != nil {
		failures = append(failures, client.IgnoreNotFound(err))
	}
	if phase.OnlyConflicts(failures) {
		return ctrl.Result{RequeueAfter: phase.ConflictDelay}, nil
	}
	return ctrl.Result{RequeueAfter: status.Soonest(s.findings)}, errors.Join(failures...)
}

// keepServing tells nothing: the status of a suspended object stays as it was. What is remembered of
// it goes, so that IAM is asked at once when it is resumed.
func (r *Reconciler) keepServing(ctx context.Context, s *scope) (ctrl.Result, error) {
	ctrl.LoggerFrom(ctx).Info("Reconciliation is suspended")
	r.forgetAttempts(s)
	failures := s.run(ctx, r, suspendedPhases)
	return ctrl.Result{RequeueAfter: status.Soonest(s.findings)}, errors.Join(failures...)
}

func (r *Reconciler) forgetAttempts(s *scope) {
	for _, a := range s.accounts {
		r.attempts.Forget(a.key())
		r.late.take(a.key())
	}
}
