// Package uninstall empties a cluster of the objects that stand for something in AWS, in the order
// in which AWS can follow: RoleMappings with managed roles, then the SAMLProviders that the roles
// trust. It deletes objects and waits; whoever reconciles them does the work in AWS.
package uninstall

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Inventory is what must be gone before the operator may go. RoleMappings of existing roles are no
// part of it: they hold nothing in AWS and no finalizer.
type Inventory struct {
	// Mappings with a managed role, of all namespaces, by namespace and name.
	Mappings []*v1alpha1.RoleMapping
	// Providers by name.
	Providers []*v1alpha1.SAMLProvider
}

// Read takes the inventory. In a cluster without Attaché's CRDs it is empty.
func Read(ctx context.Context, reader client.Reader) (Inventory, error) {
	var found Inventory
	mappings := &v1alpha1.RoleMappingList{}
	if err := list(ctx, reader, mappings); err != nil {
		return Inventory{}, fmt.Errorf("list the RoleMappings of all namespaces: %w", err)
	}
	for i := range mappings.Items {
		if mappings.Items[i].Spec.Role.Managed != nil {
			found.Mappings = append(found.Mappings, &mappings.Items[i])
		}
	}
	providers := &v1alpha1.SAMLProviderList{}
	if err := list(ctx, reader, providers); err != nil {
		return Inventory{}, fmt.Errorf("list the SAMLProviders: %w", err)
	}
	for i := range providers.Items {
		found.Providers = append(found.Providers, &providers.Items[i])
	}
	slices.SortFunc(found.Mappings, func(a, b *v1alpha1.RoleMapping) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(found.Providers, func(a, b *v1alpha1.SAMLProvider) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

func list(ctx context.Context, reader client.Reader, into client.ObjectList) error {
	err := reader.List(ctx, into)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil // the kind is not installed
	}
	return err
}

// Empty tells that nothing keeps the operator from going.
func (i Inventory) Empty() bool { return len(i.Mappings) == 0 && len(i.Providers) == 0 }

// Objects returns all of it, in the order of deletion.
func (i Inventory) Objects() []client.Object {
	return append(objects(i.Mappings), objects(i.Providers)...)
}

func objects[T client.Object](of []T) []client.Object {
	all := make([]client.Object, 0, len(of))
	for _, o := range of {
		all = append(all, o)
	}
	return all
}
