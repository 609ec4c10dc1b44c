package rolemapping

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/mapping"
)

// conflictDelay is how long a reconciliation waits whose object has changed since it was read.
const conflictDelay = 200 * time.Millisecond

// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings;samlproviders,verbs=get;list;watch
// +kubebuilder:rbac:groups=attache.dev,resources=rolemappings/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler tells whether RoleMappings work. It reads from caches alone, and writes only what
// changes: there may be thousands of mappings of one provider.
type Reconciler struct {
	Client client.Client
	Status status.Writer
}

// Reconcile looks at one RoleMapping and has what it found written.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m := &v1alpha1.RoleMapping{}
	if err := r.Client.Get(ctx, req.NamespacedName, m); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !m.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	p := &v1alpha1.SAMLProvider{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: m.Spec.ProviderRef.Name}, p)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if apierrors.IsNotFound(err) {
		p = nil
	}
	err = r.Status.RoleMapping(ctx, m, examine(p, m))
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// examine says how a mapping stands with its provider, which is nil when there is none.
func examine(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) status.RoleMappingReport {
	if p == nil {
		return status.RoleMappingReport{Findings: []status.Finding{found(v1alpha1.ReasonProviderNotFound, fmt.Sprintf(
			"SAMLProvider %q does not exist: create it, or delete this RoleMapping and create one with the name of an existing SAMLProvider in spec.providerRef.name",
			m.Spec.ProviderRef.Name))}}
	}
	if f, refuse := mapping.Refuse(p, m); refuse {
		return status.RoleMappingReport{Findings: []status.Finding{refused(f)}}
	}
	account := accountOf(p, m)
	report := status.RoleMappingReport{
		Findings:    []status.Finding{found(v1alpha1.ReasonAccepted, fmt.Sprintf("SAMLProvider %q allows this mapping", p.Name))},
		RoleARN:     m.Spec.Role.ARN,
		ProviderARN: partition.OfRegion(account.Region).SAMLProviderARN(account.ID, p.ProviderName(account)),
	}
	if why, not := cannotServe(p, account.ID); not {
		report.Findings = append(report.Findings, found(v1alpha1.ReasonProviderNotReady, why))
	}
	return report
}

// accountOf is the provider's account that the role is in; mapping.Refuse has seen that there is
// one.
func accountOf(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) v1alpha1.Account {
	_, id, err := partition.ParseRoleARN(m.Spec.Role.ARN)
	if err != nil {
		return v1alpha1.Account{}
	}
	for _, a := range p.Spec.Accounts {
		if a.ID == id {
			return a
		}
	}
	return v1alpha1.Account{}
}

// cannotServe tells why a provider cannot serve an account. A provider that serves while something
// about it is being changed does serve: its mappings must not all turn over for a rollout.
func cannotServe(p *v1alpha1.SAMLProvider, accountID string) (why string, not bool) {
	if !trusted(p, accountID) {
		return fmt.Sprintf("IAM does not trust SAMLProvider %q in account %s yet: see kubectl describe samlprovider %s", p.Name, accountID, p.Name), true
	}
	workload := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionWorkloadReady)
	if workload == nil || workload.Status != metav1.ConditionTrue && workload.Reason == v1alpha1.ReasonWorkloadUnavailable {
		return fmt.Sprintf("No pod of SAMLProvider %q is ready: see kubectl describe samlprovider %s", p.Name, p.Name), true
	}
	return "", false
}

func trusted(p *v1alpha1.SAMLProvider, accountID string) bool {
	for _, a := range p.Status.Accounts {
		if a.ID == accountID {
			return a.ActiveKey != "" && a.State != v1alpha1.AccountDeleting
		}
	}
	return false
}
