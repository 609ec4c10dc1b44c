// Package phase is what reconcilers share: they go through an object in steps, and keep it under a
// finalizer while something of it stands elsewhere.
package phase

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"attache.dev/attache/controllers/status"
)

// ConflictDelay is how long a reconciliation waits that worked on an object that has changed since:
// the cache is that far behind at most, or it tries again.
const ConflictDelay = 200 * time.Millisecond

// Phase is one step of the way of a reconciler R with an object's scope S.
type Phase[R, S any] struct {
	// Condition in which a failure of the Kubernetes API is told.
	Condition string
	// Concerns tells whether there is anything to do; nil for always. The condition of a phase that is
	// left out keeps its last word.
	Concerns func(S) bool
	// Do is the step. It returns what it found, or the Kubernetes API's error.
	Do func(R, context.Context, S) (status.Finding, error)
}

// Run goes through phases in their order, all of them whatever fails, and returns what they found
// and the errors of the Kubernetes API.
func Run[R, S any](ctx context.Context, r R, s S, todo []Phase[R, S]) ([]status.Finding, []error) {
	var findings []status.Finding
	var failures []error
	for _, p := range todo {
		if p.Concerns != nil && !p.Concerns(s) {
			continue
		}
		finding, err := p.Do(r, ctx, s)
		if err != nil {
			failures = append(failures, err)
			finding = status.Finding{Outcome: status.KubernetesError(p.Condition), Message: err.Error()}
		}
		findings = append(findings, finding)
	}
	return findings, failures
}

// OnlyConflicts tells whether something failed and all of it because the cache was behind. That is
// no news for anybody.
func OnlyConflicts(failures []error) bool {
	for _, err := range failures {
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return false
		}
	}
	return len(failures) > 0
}

// AddFinalizer puts a finalizer on an object as it was read.
func AddFinalizer(ctx context.Context, c client.Client, o client.Object, finalizer string) error {
	if err := patchFinalizer(ctx, c, o, finalizer, controllerutil.AddFinalizer); err != nil {
		return fmt.Errorf("add the finalizer: %w", err)
	}
	return nil
}

// RemoveFinalizer takes a finalizer off an object as it was read. One that is gone has none.
func RemoveFinalizer(ctx context.Context, c client.Client, o client.Object, finalizer string) error {
	if err := patchFinalizer(ctx, c, o, finalizer, controllerutil.RemoveFinalizer); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove the finalizer: %w", err)
	}
	return nil
}

func patchFinalizer(ctx context.Context, c client.Client, o client.Object, finalizer string, change func(client.Object, string) bool) error {
	before, changed := o.DeepCopyObject().(client.Object), o.DeepCopyObject().(client.Object)
	if !change(changed, finalizer) {
		return nil
	}
	// The patch answers with the whole object: work goes on with what was read, of which only the
	// version and the finalizers are new.
	if err := c.Patch(ctx, changed, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	o.SetFinalizers(changed.GetFinalizers())
	o.SetResourceVersion(changed.GetResourceVersion())
	return nil
}
