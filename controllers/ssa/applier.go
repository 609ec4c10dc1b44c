package ssa

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// FieldManager is the operator's name in server-side apply.
const FieldManager = "attache-operator"

// ErrLeftover says that an object belongs to a former owner of the same name, and goes when the
// garbage collector comes to it.
var ErrLeftover = errors.New("is left over from a former object of the same name, and is about to be collected")

// Applier applies what belongs to an owner. An object whose version has not moved since it was
// applied cannot have been touched, and costs no call.
type Applier struct {
	// Client reads from a cache.
	Client client.Client
	// Label is the one that names the owner on its objects.
	Label string
	// Cached returns an empty object of the form in which a kind is cached, so that reading it
	// starts no second cache.
	Cached func(schema.GroupVersionKind) client.Object

	mu      sync.Mutex
	applied map[types.UID]map[string]application
}

type application struct {
	hash    [sha256.Size]byte
	version string
}

// Apply makes an object what the configuration says. It refuses to take over an object that
// belongs to somebody else, with ErrLeftover if that is gone.
func (a *Applier) Apply(ctx context.Context, owner metav1.Object, configuration runtime.ApplyConfiguration) error {
	document, err := json.Marshal(configuration)
	if err != nil {
		return fmt.Errorf("write an apply configuration: %w", err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(document); err != nil {
		return fmt.Errorf("read an apply configuration: %w", err)
	}
	name := nameOf(object)
	live := a.Cached(object.GroupVersionKind())
	err = a.Client.Get(ctx, client.ObjectKeyFromObject(object), live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	hash := sha256.Sum256(document)
	if err == nil {
		if a.last(owner.GetUID(), name) == (application{hash, live.GetResourceVersion()}) {
			return nil
		}
		if IsLeftover(owner, live) {
			return fmt.Errorf("%s %w", name, ErrLeftover)
		}
		if !a.owns(owner, live) {
			return fmt.Errorf("%s exists and was not made for %s: delete it, or choose another name", name, owner.GetName())
		}
	}
	if err := a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	a.remember(owner.GetUID(), name, application{hash, object.GetResourceVersion()})
	return nil
}

// IsLeftover tells whether an object is controlled by a former owner of the same name.
func IsLeftover(owner, live metav1.Object) bool {
	controller := metav1.GetControllerOf(live)
	return controller != nil && controller.UID != owner.GetUID() && controller.Name == owner.GetName()
}

// Forget drops what is remembered of an owner that is gone.
func (a *Applier) Forget(owner types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.applied, owner)
}

// owns tells whether an object was made for the owner: its owner reference or its label says so, or
// the operator stands among its managers, which survives both being taken off.
func (a *Applier) owns(owner, live metav1.Object) bool {
	if controller := metav1.GetControllerOf(live); controller != nil {
		return controller.UID == owner.GetUID()
	}
	if name, ok := live.GetLabels()[a.Label]; ok {
		return name == owner.GetName()
	}
	return slices.ContainsFunc(live.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == FieldManager && f.Operation == metav1.ManagedFieldsOperationApply
	})
}

func (a *Applier) last(owner types.UID, name string) application {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied[owner][name]
}

func (a *Applier) remember(owner types.UID, name string, what application) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.applied == nil {
		a.applied = map[types.UID]map[string]application{}
	}
	if a.applied[owner] == nil {
		a.applied[owner] = map[string]application{}
	}
	a.applied[owner][name] = what
}

func nameOf(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
