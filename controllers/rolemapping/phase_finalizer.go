package rolemapping

import (
	"context"

	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/status"
)

// Finalizer keeps a RoleMapping until IAM confirmed that its role is gone. A mapping gets it when
// it is accepted and before anything is recorded or asked of IAM: one without it has nothing there.
const Finalizer = "attache.dev/role"

func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	before := s.finalized()
	if err := phase.AddFinalizer(ctx, r.Client, s.mapping, Finalizer); err != nil {
		return status.Finding{}, err
	}
	s.begun = !before
	return s.found(finalizerSet, "The finalizer is set"), nil
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	if s.ledger != nil || !s.gone {
		return s.found(finalizerKept, "The object stays until IAM confirmed the deletion of its role"), nil
	}
	if err := phase.RemoveFinalizer(ctx, r.Client, s.mapping, Finalizer); err != nil {
		return status.Finding{}, err
	}
	s.released = true
	return status.Finding{}, nil
}
