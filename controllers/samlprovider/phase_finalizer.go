package samlprovider

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"attache.dev/attache/controllers/status"
)

// Finalizer keeps a SAMLProvider until IAM confirmed that its IAM provider is gone.
const Finalizer = "attache.dev/provider"

func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	if err := r.patchFinalizer(ctx, s, controllerutil.AddFinalizer); err != nil {
		return status.Finding{}, fmt.Errorf("add the finalizer: %w", err)
	}
	return s.found(finalizerSet, "The finalizer is set"), nil
}

func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) (status.Finding, error) {
	if !s.keysGone {
		return s.found(finalizerKept, "The object stays until IAM confirmed the deletion"), nil
	}
	if err := r.patchFinalizer(ctx, s, controllerutil.RemoveFinalizer); client.IgnoreNotFound(err) != nil {
		return status.Finding{}, fmt.Errorf("remove the finalizer: %w", err)
	}
	s.released = true
	return status.Finding{}, nil
}

func (r *Reconciler) patchFinalizer(ctx context.Context, s *scope, change func(client.Object, string) bool) error {
	changed := s.provider.DeepCopy()
	if !change(changed, Finalizer) {
		return nil
	}
	// The patch answers with the whole object: work goes on with what was read, of which only the
	// version and the finalizers are new.
	if err := r.Client.Patch(ctx, changed, client.MergeFromWithOptions(s.provider.DeepCopy(), client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	s.provider.SetFinalizers(changed.GetFinalizers())
	s.provider.SetResourceVersion(changed.GetResourceVersion())
	return nil
}
