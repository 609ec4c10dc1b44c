package rolemapping

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/mapping"
)

// scope is what the phases of one reconciliation share. Phases write to it and never to status.
type scope struct {
	// mapping as it was read; its status is what was last persisted.
	mapping *v1alpha1.RoleMapping
	// provider that the mapping names, or nil if there is none; facts is what else decides whether
	// it allows the mapping.
	provider *v1alpha1.SAMLProvider
	facts    mapping.Facts
	// account of the role, if the provider lists it or remembers how to reach it, and what the role's
	// tags say.
	account   v1alpha1.Account
	reachable bool
	owner     awsiam.Owner

	// accepted is set when the provider allows the mapping; roleARN and providerARN with it.
	accepted             bool
	roleARN, providerARN string
	// want is the role of an accepted managed mapping.
	want role.Role
	// foundDrift is set when this reconciliation found IAM to differ from what it was given.
	foundDrift bool
	// begun is set when this reconciliation has put the finalizer: nothing of the mapping can stand
	// in IAM yet.
	begun bool

	// ledger is the entry that status will have; nil when nothing stands in IAM. It starts as what
	// was persisted, and recorded stays that. drift is what status will say of it.
	ledger, recorded *v1alpha1.RoleStatus
	drift            *v1alpha1.Drift
	// gone is set, in a deletion, when nothing of the mapping keeps it any more, and released when the
	// finalizer is off.
	gone, released bool

	changes  []status.Change
	findings []status.Finding
}

func (r *Reconciler) newScope(ctx context.Context, m *v1alpha1.RoleMapping) (*scope, error) {
	p := &v1alpha1.SAMLProvider{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: m.Spec.ProviderRef.Name}, p)
	if apierrors.IsNotFound(err) {
		return r.scopeOf(nil, m, mapping.Facts{}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read SAMLProvider %s: %w", m.Spec.ProviderRef.Name, err)
	}
	facts, err := r.factsOf(ctx, m)
	if err != nil {
		return nil, err
	}
	return r.scopeOf(p, m, facts), nil
}

func (r *Reconciler) scopeOf(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping, facts mapping.Facts) *scope {
	s := &scope{
		mapping:  m,
		provider: p,
		facts:    facts,
		owner:    awsiam.Owner{ClusterUID: r.ClusterUID, ObjectUID: string(m.UID), Namespace: m.Namespace, Name: m.Name},
		recorded: m.Status.Role.DeepCopy(),
		ledger:   m.Status.Role.DeepCopy(),
		drift:    m.Status.Drift.DeepCopy(),
	}
	if p != nil {
		s.account, s.reachable = accountOf(p, m)
	}
	return s
}

// factsOf reads what the decision needs beside the two objects. Everything comes from caches.
func (r *Reconciler) factsOf(ctx context.Context, m *v1alpha1.RoleMapping) (mapping.Facts, error) {
	labels, err := r.labelsOf(ctx, m.Namespace)
	if err != nil || m.Spec.Role.Managed == nil {
		return mapping.FactsOf(m, labels, nil), err
	}
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, client.InNamespace(m.Namespace), client.MatchingFields{providerField: m.Spec.ProviderRef.Name},
		client.UnsafeDisableDeepCopy); err != nil {
		return mapping.Facts{}, fmt.Errorf("list the RoleMappings of namespace %s: %w", m.Namespace, err)
	}
	others := make([]*v1alpha1.RoleMapping, len(all.Items))
	for i := range all.Items {
		others[i] = &all.Items[i]
	}
	return mapping.FactsOf(m, labels, others), nil
}

// labelsOf returns the labels of a namespace, nil if the cache does not have it.
func (r *Reconciler) labelsOf(ctx context.Context, name string) (map[string]string, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, namespace)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read namespace %s: %w", name, err)
	case namespace.Labels == nil:
		return map[string]string{}, nil
	}
	return namespace.Labels, nil
}

// accountOf returns the provider's account that the mapping's role is in: one that spec.accounts lists,
// or one that it no longer does, from which roles may still have to be deleted.
func accountOf(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) (v1alpha1.Account, bool) {
	id := accountIDOf(m)
	if a, listed := p.Account(id); listed {
		return a, true
	}
	for _, a := range p.FormerAccounts() {
		if a.ID == id {
			return a, true
		}
	}
	return v1alpha1.Account{}, false
}

func accountIDOf(m *v1alpha1.RoleMapping) string {
	if m.Spec.Role.Managed != nil {
		return m.Spec.Role.Managed.AccountID
	}
	_, id, err := partition.ParseRoleARN(m.Spec.Role.ARN)
	if err != nil {
		return ""
	}
	return id
}

func (s *scope) managed() bool  { return s.mapping.Spec.Role.Managed != nil }
func (s *scope) existing() bool { return !s.managed() }

// finalized tells whether the finalizer keeps the object.
func (s *scope) finalized() bool { return controllerutil.ContainsFinalizer(s.mapping, Finalizer) }

// requested is the value of the annotation that asks for a reconciliation now; forced tells that
// it was not acted upon yet.
func (s *scope) requested() string { return s.mapping.Annotations[v1alpha1.AnnotationReconcileAt] }
func (s *scope) forced() bool {
	return s.requested() != "" && s.requested() != s.mapping.Status.LastHandledReconcileAt
}

// class tells whether somebody waits: after an edit, a deletion included, or when a look was asked for.
func (s *scope) class() limit.Class {
	if s.mapping.Status.ObservedGeneration != s.mapping.Generation || s.forced() {
		return limit.Interactive
	}
	return limit.Background
}

// attempt names a try with everything that makes it another one.
func (s *scope) attempt(what string) string {
	return fmt.Sprintf("%s of generation %d of provider generation %d at %q", what, s.mapping.Generation, s.provider.Generation, s.requested())
}

// found is the Finding of an outcome, to be looked at again as its row of the table says.
func (s *scope) found(o outcome, message string) status.Finding {
	return outcomes[o].Within(s.interval()).Found(message)
}

func (s *scope) interval() time.Duration {
	if s.provider == nil {
		return v1alpha1.DefaultInterval
	}
	return s.provider.Interval()
}

// tell has an event sent of an action in AWS, such as Create.
func (s *scope) tell(reason, action, format string, args ...any) {
	s.changes = append(s.changes, status.Change{Reason: reason, Action: action, Note: fmt.Sprintf(format, args...)})
}

// report is what package status gets to know.
func (s *scope) report() status.RoleMappingReport {
	r := status.RoleMappingReport{
		Findings:               s.findings,
		Changes:                s.changes,
		RoleARN:                s.roleARN,
		ProviderARN:            s.providerARN,
		Role:                   s.ledger,
		Drift:                  s.drift,
		LastHandledReconcileAt: s.mapping.Status.LastHandledReconcileAt,
	}
	if s.requested() != "" {
		r.LastHandledReconcileAt = s.requested()
	}
	return r
}
