package samlprovider

import (
	"context"

	"attache.dev/attache/controllers/phase"
	"attache.dev/attache/controllers/status"
)

// Finalizer keeps a SAMLProvider until IAM confirmed that its IAM provider is gone.
const Finalizer = "attache.dev/provider"

func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	if err := phase.AddFinalizer(ctx, r.Client, s.provider, Finalizer); err != nil {
		return status.Finding{}, err
	}
	return s.found(finalizerSet, "The finalizer is set"), nil
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	if !s.keysGone {
		return s.found(finalizerKept, "The object stays until IAM confirmed the deletion"), nil
	}
	if err := phase.RemoveFinalizer(ctx, r.Client, s.provider, Finalizer); err != nil {
		return status.Finding{}, err
	}
	s.released = true
	return status.Finding{}, nil
}
