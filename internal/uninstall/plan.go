package uninstall

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Order says when the SAMLProviders are deleted.
type Order int

const (
	// RolesFirst deletes the SAMLProviders when the last managed role is gone, so that each
	// object's condition tells of its own deletion alone.
	RolesFirst Order = iota
	// AllAtOnce deletes everything in one go and leaves the order to the reconcilers, for which a
	// SAMLProvider waits for its managed roles: nothing that lives is left for them to bring about.
	AllAtOnce
)

// Step is what to do next; the fields are to be acted upon in their order.
type Step struct {
	// Retain are the objects whose deletionPolicy becomes Retain.
	Retain []client.Object
	// Delete are the objects to delete.
	Delete []client.Object
	// Await are the objects that must be gone before the step after this, those of Delete included.
	Await []client.Object
}

// Next decides on the next step. Nothing is deleted before everything that is to be retained says
// so: whoever reconciles might be faster than the next look.
func (i Inventory) Next(retain bool, order Order) Step {
	var s Step
	turn := objects(i.Mappings)
	if len(turn) == 0 || order == AllAtOnce {
		turn = append(turn, objects(i.Providers)...)
	}
	s.Await = turn
	s.Delete = slices.DeleteFunc(slices.Clone(turn), func(o client.Object) bool { return !o.GetDeletionTimestamp().IsZero() })
	if retain {
		s.Retain = slices.DeleteFunc(i.Objects(), func(o client.Object) bool { return policyOf(o) == v1alpha1.DeletionRetain })
	}
	return s
}

func policyOf(o client.Object) v1alpha1.DeletionPolicy {
	switch o := o.(type) {
	case *v1alpha1.RoleMapping:
		return o.Spec.DeletionPolicy
	case *v1alpha1.SAMLProvider:
		return o.Spec.DeletionPolicy
	}
	return ""
}
