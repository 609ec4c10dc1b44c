package rolemapping

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/idp/mapping"
)

// SnapshotKey is what the snapshots of a provider's account are kept under: another provider may
// have other rights in the same account.
func SnapshotKey(p *v1alpha1.SAMLProvider, a v1alpha1.Account) string { return p.Name + "/" + a.ID }

// maxAge is how long a snapshot speaks for the roles of a provider: a new one is due each interval,
// give or take a tenth, and takes a while.
func maxAge(interval time.Duration) time.Duration { return interval * 5 / 4 }

// peek returns what a snapshot says of a role, if there is a fresh one that is newer than since.
func (r *Reconciler) peek(s *scope, arn string, since time.Time) (held role.Role, found, known bool) {
	key := SnapshotKey(s.provider, s.account)
	if !r.Snapshots.TakenAt(key).After(since) {
		return role.Role{}, false, false
	}
	return r.Snapshots.Role(key, arn, maxAge(s.interval()))
}

// snapshotsFlow tells that there is a fresh snapshot, so that another follows in time.
func (r *Reconciler) snapshotsFlow(s *scope) bool {
	return r.Clock().Sub(r.Snapshots.TakenAt(SnapshotKey(s.provider, s.account))) <= maxAge(s.interval())
}

// touch says that the role was written to, so that older snapshots do not speak for it.
func (r *Reconciler) touch(s *scope, arn string) {
	r.Snapshots.Touch(SnapshotKey(s.provider, s.account), arn)
}

func (r *Reconciler) now() metav1.Time { return metav1.NewTime(r.Clock()) }

// RoleARNs returns the roles of a provider's account that mappings name: those that a snapshot has
// to tell of.
func (r *Reconciler) RoleARNs(ctx context.Context, p *v1alpha1.SAMLProvider, a v1alpha1.Account) ([]string, error) {
	all, err := r.mappingsOf(ctx, p, a)
	arns := make([]string, 0, len(all))
	for _, m := range all {
		if arn, ok := mapping.RoleARN(p, m); ok {
			arns = append(arns, arn)
		}
	}
	return arns, err
}

// Differing returns the mappings of a provider's account whose role, among those that a snapshot
// holds, is not what their status says of it. Everything but the snapshot comes from caches.
func (r *Reconciler) Differing(ctx context.Context, p *v1alpha1.SAMLProvider, a v1alpha1.Account, held map[string]role.Role) ([]*v1alpha1.RoleMapping, error) {
	all, err := r.mappingsOf(ctx, p, a)
	if err != nil {
		return nil, err
	}
	byNamespace := map[string][]*v1alpha1.RoleMapping{}
	for _, m := range all {
		byNamespace[m.Namespace] = append(byNamespace[m.Namespace], m)
	}
	var differing []*v1alpha1.RoleMapping
	for namespace, mappings := range byNamespace {
		labels, err := r.labelsOf(ctx, namespace)
		if err != nil {
			return nil, err
		}
		for _, m := range mappings {
			if r.differs(r.scopeOf(p, m, mapping.FactsOf(m, labels, mappings)), held) {
				differing = append(differing, m)
			}
		}
	}
	return differing, nil
}

// differs tells whether a snapshot contradicts the status of a mapping.
func (r *Reconciler) differs(s *scope, roles map[string]role.Role) bool {
	if s.accept(); !s.accepted {
		return false
	}
	held, found := roles[s.roleARN]
	if s.existing() {
		verified := meta.IsStatusConditionTrue(s.mapping.Status.Conditions, v1alpha1.ConditionTrustPolicyVerified)
		return verified != (found && len(s.lacks(held)) == 0)
	}
	if s.recorded == nil || s.recorded.State != v1alpha1.RoleSynced {
		return false // not brought about yet: the reconciler is at it
	}
	return !found || len(role.Differences(s.want, held)) > 0
}

// mappingsOf returns the mappings of a provider with a role in an account, out of the cache: nobody
// may change them. A managed role of a suspended or departing mapping is not looked at.
func (r *Reconciler) mappingsOf(ctx context.Context, p *v1alpha1.SAMLProvider, a v1alpha1.Account) ([]*v1alpha1.RoleMapping, error) {
	all := &v1alpha1.RoleMappingList{}
	if err := r.Client.List(ctx, all, client.MatchingFields{providerField: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var some []*v1alpha1.RoleMapping
	for i := range all.Items {
		if m := &all.Items[i]; accountIDOf(m) == a.ID && !m.Spec.Suspend && m.DeletionTimestamp.IsZero() {
			some = append(some, m)
		}
	}
	return some, nil
}
