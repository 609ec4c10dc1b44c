package rolemapping

import (
	"context"
	"fmt"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/status"
)

// observeRole tells how the role of an Observed account stands, and writes nothing to IAM.
func (r *Reconciler) observeRole(ctx context.Context, s *scope) status.Finding {
	held, err := r.IAM(s.account).Roles().Get(ctx, role.Name(s.want.ARN))
	absent := isNotFound(err) || err == nil && held.ARN != s.want.ARN
	if err != nil && !absent {
		return s.syncFailed(ctx, err)
	}
	differences := []v1alpha1.Difference{{Field: "role", Wanted: s.want.ARN}}
	if !absent {
		differences = role.Differences(s.want, held)
	}
	hash := role.Hash(s.want)
	if len(differences) == 0 {
		s.drift = nil // what nobody but a person repairs is over once it is
		return s.markSynced(hash, r.now())
	}
	was := s.recorded
	s.ledger = &v1alpha1.RoleStatus{ARN: s.want.ARN, State: v1alpha1.RoleAwaitingPublication}
	if was == nil || was.Hash != hash {
		return s.found(awaitingPublication, fmt.Sprintf("Account %s is Observed; for the role to be as the spec wants it, change in IAM: %s", s.account.ID, status.Describe(differences)))
	}
	s.ledger.Hash, s.ledger.LastSyncTime = was.Hash, was.LastSyncTime
	if s.drift == nil || s.drift.Repaired {
		r.countDrift(false)
	}
	s.noteDrift(differences, r.now())
	return s.found(drifted, fmt.Sprintf("IAM role %s is not as the spec wants it any more, and account %s is Observed; change in IAM: %s", s.want.ARN, s.account.ID, status.Describe(differences)))
}
