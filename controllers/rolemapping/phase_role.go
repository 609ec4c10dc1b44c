package rolemapping

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/status"
)

// reconcileRole has IAM hold the role as the spec wants it, or tells how it differs where the
// account is Observed.
func (r *Reconciler) reconcileRole(ctx context.Context, s *scope) (status.Finding, error) {
	if err := role.CheckInlinePolicies(s.want.InlinePolicies); err != nil {
		return s.found(invalidPolicy, "spec.role.managed."+err.Error()), nil
	}
	if s.recorded != nil && s.recorded.ARN != s.want.ARN {
		return s.found(invalid, fmt.Sprintf("The region of account %s in SAMLProvider %q now is in another partition, where the role would be %s instead of %s: have it changed back, or create another RoleMapping",
			s.account.ID, s.provider.Name, s.want.ARN, s.recorded.ARN)), nil
	}
	if r.holds(s) {
		return s.found(synced, syncedMessage(s.want.ARN)), nil
	}
	return r.attempts.Do(s.mapping.UID, s.attempt("sync "+role.Hash(s.want)), r.Clock, func() status.Finding {
		if s.recorded == nil && s.begun {
			return s.record() // nothing can be there yet, so IAM need not be asked for it
		}
		return r.ask(s, unavailable, func() status.Finding {
			if s.account.Observed() {
				return r.observeRole(ctx, s)
			}
			return r.syncRole(ctx, s)
		})
	}), nil
}

// holds tells whether IAM need not be asked: a snapshot shows the role as it is wanted, the next
// snapshot is sure to come, or there are none and the last look is not an interval ago. A mapping
// that this process has not looked at yet counts from when it was first seen, so that a restart does
// not ask for all roles at once. An edit has the role looked at even if the role is to stay the same:
// whoever ends a suspension expects it.
func (r *Reconciler) holds(s *scope) bool {
	l, told := s.recorded, meta.FindStatusCondition(s.mapping.Status.Conditions, v1alpha1.ConditionRoleSynced)
	if l == nil || l.State != v1alpha1.RoleSynced || l.Hash != role.Hash(s.want) ||
		told == nil || told.ObservedGeneration != s.mapping.Generation || s.forced() {
		return false
	}
	looked, _ := r.attempts.Succeeded(s.mapping.UID)
	if held, found, known := r.peek(s, s.want.ARN, looked); known {
		return found && len(role.Differences(s.want, held)) == 0
	}
	if looked.IsZero() {
		looked = r.looks.firstSeen(s.mapping.UID, r.Clock())
	}
	return r.snapshotsFlow(s) || r.Clock().Sub(looked) < trustFor(s.interval())
}

// syncRole looks at the role itself, whatever a snapshot says, before it writes.
func (r *Reconciler) syncRole(ctx context.Context, s *scope) status.Finding {
	iam := r.IAM(s.account).Roles()
	held, err := iam.Get(ctx, role.Name(s.want.ARN))
	switch {
	case isNotFound(err):
		return r.createRole(ctx, s, iam)
	case err != nil:
		return s.syncFailed(ctx, err)
	case held.ARN != s.want.ARN:
		return s.disowned(notOwned, fmt.Sprintf("IAM has a role of that name with another path or case, %s: an account holds one role of a name; set another spec.role.managed.name in a new RoleMapping, or delete that role in IAM if nobody needs it", held.ARN))
	case !s.owner.Owns(held.Tags):
		if failure, ok := r.adopt(ctx, s, iam, &held); !ok {
			return failure
		}
	case held.Tags[awsiam.TagAdopted] != "":
		s.markAdopted()
	}
	return r.bringAbout(ctx, s, iam, held)
}

// createRole creates only what the persisted ledger names: an operator that dies after IAM has
// created finds its own role again, and a deletion knows what to look for.
func (r *Reconciler) createRole(ctx context.Context, s *scope, iam awsiam.Roles) status.Finding {
	if s.recorded == nil || s.recorded.State != v1alpha1.RoleCreating {
		return s.record()
	}
	ctrl.LoggerFrom(ctx).Info("Creating IAM role", "arn", s.want.ARN)
	err := iam.Create(ctx, s.want)
	r.touch(s, s.want.ARN)
	if err != nil {
		return s.syncFailed(ctx, err)
	}
	bare := s.want
	bare.Policies, bare.InlinePolicies = nil, nil
	if s.recorded.Hash != "" {
		s.noteDrift([]v1alpha1.Difference{{Field: "role", Wanted: s.want.ARN}}, r.now())
	}
	return r.bringAbout(ctx, s, iam, bare)
}

// record writes the ledger's entry, which must be persisted before anything is created.
func (s *scope) record() status.Finding {
	entry := &v1alpha1.RoleStatus{ARN: s.want.ARN, State: v1alpha1.RoleCreating}
	if s.recorded != nil {
		entry.Hash, entry.LastSyncTime = s.recorded.Hash, s.recorded.LastSyncTime
	}
	s.ledger = entry
	return s.found(recorded, "Creating IAM role "+s.want.ARN)
}

// bringAbout takes the steps from what IAM holds to what is wanted, and tells of them.
func (r *Reconciler) bringAbout(ctx context.Context, s *scope, iam awsiam.Roles, held role.Role) status.Finding {
	differences := role.Differences(s.want, held)
	if len(differences) > 0 && !s.foundDrift && s.recorded != nil && s.recorded.Hash == role.Hash(s.want) {
		s.noteDrift(differences, r.now())
	}
	for _, step := range role.Plan(s.want, held) {
		ctrl.LoggerFrom(ctx).Info("Changing IAM role", "arn", s.want.ARN, "step", step.String())
		err := iam.Do(ctx, s.want.ARN, step)
		r.touch(s, s.want.ARN)
		if err != nil && (!isNotFound(err) || !takesAway(step)) {
			return s.syncFailed(ctx, err)
		}
	}
	// Drift may have been found by an earlier try, which failed.
	if s.drift != nil && !s.drift.Repaired {
		s.drift.Repaired = true
		r.countDrift(true)
		s.tell(v1alpha1.ReasonDriftRepaired, "Repair", "Repaired IAM role %s: %s", s.want.ARN, status.Describe(s.drift.Differences))
	}
	s.tellSynced(differences)
	return s.markSynced(role.Hash(s.want), r.now())
}

// takesAway tells of a step that is done where there is nothing to take away any more.
func takesAway(step role.Step) bool {
	switch step.Operation {
	case role.DetachRolePolicy, role.DeleteRolePolicy, role.DeleteRolePermissionsBoundary:
		return true
	default:
		return false
	}
}

// tellSynced has people hear of what the spec led to.
func (s *scope) tellSynced(differences []v1alpha1.Difference) {
	switch {
	case s.foundDrift || s.recorded == nil:
	case s.recorded.Hash == "" && !s.ledger.Adopted:
		s.tell(v1alpha1.ReasonSynced, "Create", "Created IAM role %s", s.want.ARN)
	case len(differences) > 0:
		s.tell(v1alpha1.ReasonSynced, "Update", "Updated IAM role %s: %s", s.want.ARN, status.Describe(differences))
	}
}

// adopt takes over a role that exists and is offered to this mapping. It says false, and how the
// phase ends, where the role stays another's.
func (r *Reconciler) adopt(ctx context.Context, s *scope, iam awsiam.Roles, held *role.Role) (status.Finding, bool) {
	if !s.owner.MayAdopt(held.Tags) {
		return s.disowned(notOwned, s.notOwnedMessage()+fmt.Sprintf("delete it in IAM if nobody needs it, or offer it by the tag %s=%s and set spec.adoption: IfTagged, "+
			"or set another spec.role.managed.name in a new RoleMapping", awsiam.TagAdopt, s.owner)), false
	}
	if s.mapping.Spec.Adoption != v1alpha1.AdoptionIfTagged {
		return s.disowned(offered, s.notOwnedMessage()+"it is offered to this RoleMapping; set spec.adoption: IfTagged to take it over"), false
	}
	ctrl.LoggerFrom(ctx).Info("Adopting IAM role", "arn", s.want.ARN)
	tags := s.owner.Tags()
	tags[awsiam.TagAdopted] = adoptedValue
	for _, step := range []role.Step{role.Tag(tags), role.Untag(awsiam.TagAdopt)} {
		err := iam.Do(ctx, s.want.ARN, step)
		r.touch(s, s.want.ARN)
		if err != nil {
			return s.syncFailed(ctx, err), false
		}
	}
	held.Tags = maps.Clone(held.Tags)
	maps.Copy(held.Tags, tags)
	delete(held.Tags, awsiam.TagAdopt)
	s.markAdopted()
	s.tell(v1alpha1.ReasonAdopted, "Adopt", "Adopted IAM role %s, which stays when this object is deleted unless spec.deletionPolicy says Delete", s.want.ARN)
	return status.Finding{}, true
}

func (s *scope) markAdopted() {
	if s.ledger == nil {
		s.ledger = &v1alpha1.RoleStatus{ARN: s.want.ARN, State: v1alpha1.RoleCreating}
	}
	s.ledger.Adopted = true
	s.want.Tags[awsiam.TagAdopted] = adoptedValue
}

// markSynced writes down that IAM holds the role of that hash.
func (s *scope) markSynced(hash string, now metav1.Time) status.Finding {
	adopted := s.ledger != nil && s.ledger.Adopted
	s.ledger = &v1alpha1.RoleStatus{ARN: s.want.ARN, State: v1alpha1.RoleSynced, Hash: hash, LastSyncTime: &now, Adopted: adopted}
	return s.found(synced, syncedMessage(s.want.ARN))
}

// syncFailed keeps an entry that says Creating: the role still may or may not exist.
func (s *scope) syncFailed(ctx context.Context, err error) status.Finding {
	f := s.failed(ctx, outcomeOfKind, err)
	if !f.HeldBack {
		s.markFailed()
	}
	return f
}

func (s *scope) markFailed() {
	if s.ledger != nil && s.ledger.State == v1alpha1.RoleSynced {
		s.ledger.State = v1alpha1.RoleFailed
	}
}

// disowned is how the phase ends where the role is another's.
func (s *scope) disowned(o outcome, message string) status.Finding {
	s.markFailed()
	return s.found(o, message)
}

func syncedMessage(arn string) string {
	return fmt.Sprintf("IAM holds %s as the spec wants it", arn)
}

func (s *scope) notOwnedMessage() string {
	return fmt.Sprintf("IAM role %s exists and does not carry the tags %s=%s and %s=%s, so it is another's and is left alone: ",
		s.want.ARN, awsiam.TagClusterUID, s.owner.ClusterUID, awsiam.TagObjectUID, s.owner.ObjectUID)
}
