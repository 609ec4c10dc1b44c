package rolemapping

import (
	"context"
	"fmt"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/status"
)

// deleteRole takes out of IAM what the ledger names and the role's tags own. The entry goes when
// IAM confirms.
func (r *Reconciler) deleteRole(ctx context.Context, s *scope) (status.Finding, error) {
	if s.mapping.Retains(s.ledger != nil && s.ledger.Adopted) {
		return s.retain("spec.deletionPolicy is Retain, or the role was adopted"), nil
	}
	if !s.reachable {
		return s.found(accessLost, s.accessLostMessage()), nil
	}
	if s.account.Observed() {
		return s.retain("the account is Observed"), nil
	}
	if s.recorded != nil && s.recorded.State == v1alpha1.RoleDeleting {
		return r.attempts.Do(s.mapping.UID, s.attempt("delete"), r.Clock, func() status.Finding {
			return r.ask(s, unavailable, func() status.Finding { return r.deleteNoted(ctx, s) })
		}), nil
	}
	if s.recorded != nil {
		return s.noteDeletion(s.recorded.ARN), nil
	}
	return r.attempts.Do(s.mapping.UID, s.attempt("find"), r.Clock, func() status.Finding {
		return r.ask(s, unavailable, func() status.Finding { return r.findLost(ctx, s) })
	}), nil
}

// retain lets the object go without a call to IAM.
func (s *scope) retain(why string) status.Finding {
	if s.ledger != nil && s.ledger.Hash != "" {
		s.tell(v1alpha1.ReasonRetained, "Retain", "IAM role %s stays: %s", s.ledger.ARN, why)
	}
	s.ledger, s.gone = nil, true
	return s.found(roleGone, "Nothing is deleted in IAM: "+why)
}

// findLost looks for a role that IAM holds although the ledger has no entry, as after a restore of
// the object without its status. The finalizer says that there may be one, so that the object
// rather waits for IAM than leaves it behind.
func (r *Reconciler) findLost(ctx context.Context, s *scope) status.Finding {
	arn := partition.OfRegion(s.account.Region).RoleARN(s.account.ID, s.mapping.ManagedRolePath(), s.mapping.ManagedRoleName())
	held, err := r.IAM(s.account).Roles().GetTrust(ctx, role.Name(arn))
	switch {
	case isNotFound(err):
		return r.confirmAbsent(s, arn)
	case err != nil:
		return s.failed(ctx, outcomeOfKind, err)
	case held.ARN != arn || !s.owner.Owns(held.Tags):
		return s.confirmGone(fmt.Sprintf("IAM role %s is another's and stays", held.ARN))
	}
	f := s.noteDeletion(arn)
	s.ledger.Adopted = held.Tags[awsiam.TagAdopted] != ""
	return f
}

// foundByTags stands for the hash in an entry that was rebuilt from tags, whose role was not looked
// at whole.
const foundByTags = "unknown"

func (s *scope) noteDeletion(arn string) status.Finding {
	if s.ledger == nil {
		s.ledger = &v1alpha1.RoleStatus{ARN: arn, Hash: foundByTags}
	}
	s.ledger.State = v1alpha1.RoleDeleting
	return s.found(deletionNoted, "Deleting IAM role "+arn)
}

func (r *Reconciler) deleteNoted(ctx context.Context, s *scope) status.Finding {
	arn := s.recorded.ARN
	iam := r.IAM(s.account).Roles()
	held, err := iam.Get(ctx, role.Name(arn))
	switch {
	case isNotFound(err):
		return r.confirmAbsent(s, arn)
	case err != nil:
		return s.failed(ctx, outcomeOfKind, err)
	case held.ARN != arn:
		return s.confirmGone(fmt.Sprintf("IAM role %s is gone; %s has its name now and stays", arn, held.ARN))
	case !s.owner.Owns(held.Tags) && s.recorded.Hash == "":
		// The entry never got beyond Creating, and IAM creates with tags in one step: this one was
		// made by somebody else.
		return s.confirmGone(fmt.Sprintf("IAM role %s is another's and stays", arn))
	case !s.owner.Owns(held.Tags):
		return s.found(notOwned, fmt.Sprintf("IAM role %s does not carry the tags %s=%s and %s=%s any more, so it is not deleted: put them back, or set spec.deletionPolicy: Retain to leave the role behind",
			arn, awsiam.TagClusterUID, s.owner.ClusterUID, awsiam.TagObjectUID, s.owner.ObjectUID))
	case s.mapping.Retains(held.Tags[awsiam.TagAdopted] != ""):
		return s.retain("the role was adopted")
	}
	return r.takeApart(ctx, s, iam, held)
}

// takeApart deletes a role in the order that IAM demands. What is gone already is no failure.
func (r *Reconciler) takeApart(ctx context.Context, s *scope, iam awsiam.Roles, held role.Role) status.Finding {
	ctrl.LoggerFrom(ctx).Info("Deleting IAM role", "arn", held.ARN)
	for _, step := range role.PlanDeletion(held) {
		err := iam.Do(ctx, held.ARN, step)
		r.touch(s, held.ARN)
		switch {
		case err == nil || isNotFound(err):
		case awsiam.KindOf(err) == awsiam.DeleteConflict:
			return r.blocked(ctx, s, iam, held.ARN, err)
		default:
			return s.failed(ctx, outcomeOfKind, err)
		}
	}
	s.tell(v1alpha1.ReasonDeleting, "Delete", "Deleted IAM role %s", held.ARN)
	return s.confirmGone("IAM confirmed that " + held.ARN + " is gone")
}

// blocked names what keeps IAM from deleting the role, as far as IAM tells.
func (r *Reconciler) blocked(ctx context.Context, s *scope, iam awsiam.Roles, arn string, why error) status.Finding {
	profiles, err := iam.InstanceProfiles(ctx, role.Name(arn))
	if err != nil || len(profiles) == 0 {
		return s.failed(ctx, outcomeOfKind, why)
	}
	return s.found(deletionBlocked, fmt.Sprintf("IAM does not delete role %s while it is in instance profile %s: take it out with aws iam remove-role-from-instance-profile --instance-profile-name %s --role-name %s, or set spec.deletionPolicy: Retain",
		arn, strings.Join(profiles, ", "), profiles[0], role.Name(arn)))
}

// lag is how long IAM's reads may take to show what was written, and then some (IAM User Guide,
// "Changes that I make are not always immediately visible").
const lag = 15 * time.Second

// confirmAbsent lets go of a role that IAM does not show, unless it may have been made so shortly
// before that IAM does not show it yet: then it would be left behind.
func (r *Reconciler) confirmAbsent(s *scope, arn string) status.Finding {
	seen := s.recorded != nil && s.recorded.Hash != "" && s.recorded.LastSyncTime != nil && r.Clock().Sub(s.recorded.LastSyncTime.Time) > lag
	if !seen && r.Clock().Sub(s.mapping.DeletionTimestamp.Time) < lag {
		return s.found(absenceDoubted, fmt.Sprintf("IAM does not show role %s; making sure that it is not just about to", arn))
	}
	return s.confirmGone("IAM holds no role " + arn)
}

func (s *scope) confirmGone(message string) status.Finding {
	s.ledger, s.gone = nil, true
	return s.found(roleGone, message)
}

func (s *scope) accessLostMessage() string {
	what := "the role that was made for this object, if any,"
	if s.ledger != nil {
		what = "IAM role " + s.ledger.ARN
	}
	missing := fmt.Sprintf("SAMLProvider %q does not exist", s.mapping.Spec.ProviderRef.Name)
	if s.provider != nil {
		missing = fmt.Sprintf("SAMLProvider %q does not list account %s", s.provider.Name, accountIDOf(s.mapping))
	}
	return fmt.Sprintf("%s, and without it %s cannot be deleted: put it back, or set spec.deletionPolicy: Retain to leave the role behind", missing, what)
}
