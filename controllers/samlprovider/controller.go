package samlprovider

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/attempts"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
)

// conflictDelay is how long a reconciliation waits that worked on an object that has changed since:
// the cache is that far behind at most, or it tries again.
const conflictDelay = 200 * time.Millisecond

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

	attempts attempts.Memory
}

// phase is one step of the way. An error is the Kubernetes API's, and is told in condition.
type phase struct {
	condition string
	run       func(*Reconciler, context.Context, *scope) (status.Finding, error)
}

// phases are gone through in order, all of them each time: one that lacks what an earlier one did
// not bring about says that it waits, so that AWS being away holds up no workload.
var phases = []phase{
	{v1alpha1.ConditionReady, (*Reconciler).addFinalizer},
	{v1alpha1.ConditionKeysReady, (*Reconciler).reconcileKeys},
	{v1alpha1.ConditionWorkloadReady, (*Reconciler).reconcileCertificate},
	{v1alpha1.ConditionProvidersSynced, (*Reconciler).reconcileProvider},
	{v1alpha1.ConditionWorkloadReady, (*Reconciler).reconcileWorkload},
	{v1alpha1.ConditionReady, (*Reconciler).tellService},
}

// suspendedPhases are all that a suspended object is taken through: its credentials keep flowing,
// for which its serving certificate must not expire.
var suspendedPhases = []phase{
	{v1alpha1.ConditionWorkloadReady, (*Reconciler).reconcileCertificate},
}

// deletionPhases are those of an object that goes away. The workload serves until the object is
// gone and the garbage collector takes it.
var deletionPhases = []phase{
	{v1alpha1.ConditionProvidersSynced, (*Reconciler).deleteProvider},
	{v1alpha1.ConditionKeysReady, (*Reconciler).deleteKeys},
	{v1alpha1.ConditionReady, (*Reconciler).removeFinalizer},
}

// Reconcile takes a SAMLProvider through its phases and has the outcome written.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := &v1alpha1.SAMLProvider{}
	if err := r.Client.Get(ctx, req.NamespacedName, p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	s := newScope(p, r.Namespace, r.ClusterUID)
	todo := phases
	switch {
	case !p.DeletionTimestamp.IsZero():
		todo = deletionPhases
	case p.Spec.Suspend:
		return r.keepServing(ctx, s)
	}
	failures := r.run(ctx, s, todo)
	if s.released {
		r.forget(p)
		return ctrl.Result{}, nil
	}
	if onlyConflicts(failures) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	if err := r.Status.SAMLProvider(ctx, p, s.report()); err != nil {
		failures = append(failures, client.IgnoreNotFound(err))
	}
	if onlyConflicts(failures) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return ctrl.Result{RequeueAfter: status.Soonest(s.findings)}, errors.Join(failures...)
}

// run goes through phases and returns the failures of the Kubernetes API.
func (r *Reconciler) run(ctx context.Context, s *scope, todo []phase) []error {
	var failures []error
	for _, ph := range todo {
		finding, err := ph.run(r, ctx, s)
		if err != nil {
			failures = append(failures, err)
			finding = status.Finding{Outcome: kubernetesError(ph.condition), Message: err.Error()}
		}
		s.findings = append(s.findings, finding)
	}
	return failures
}

// keepServing tells nothing: the status of a suspended object stays as it was. What is remembered of
// it goes, so that IAM is asked at once when it is resumed.
func (r *Reconciler) keepServing(ctx context.Context, s *scope) (ctrl.Result, error) {
	ctrl.LoggerFrom(ctx).Info("Reconciliation is suspended")
	r.attempts.Forget(s.provider.UID)
	failures := r.run(ctx, s, suspendedPhases)
	return ctrl.Result{RequeueAfter: status.Soonest(s.findings)}, errors.Join(failures...)
}

// onlyConflicts tells whether something failed and all of it because the cache was behind. That is
// no news for anybody.
func onlyConflicts(failures []error) bool {
	for _, err := range failures {
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return false
		}
	}
	return len(failures) > 0
}

func (r *Reconciler) forget(p *v1alpha1.SAMLProvider) {
	r.Applier.Forget(p.UID)
	r.attempts.Forget(p.UID)
}
