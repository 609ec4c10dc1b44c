package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/delegation"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/idp/mapping"
)

// cluster is what the API server said last about one provider.
type cluster struct {
	provider  string
	namespace string
	logger    *slog.Logger

	mappings *mapping.Index
	// state is read at each request; changes make a new one.
	state atomic.Pointer[delegation.State]
	// changing serialises the changes that the informers report from a goroutine each.
	changing sync.Mutex
	// informed are the informers' registrations, set once by watch.
	informed []toolscache.ResourceEventHandlerRegistration
}

func newCluster(provider, namespace string, logger *slog.Logger) *cluster {
	c := &cluster{provider: provider, namespace: namespace, logger: logger, mappings: mapping.NewIndex()}
	c.state.Store(&delegation.State{})
	return c
}

// State returns the provider and its keys as they are now.
func (c *cluster) State() delegation.State { return *c.state.Load() }

// namespaceMetadata is what the IdP reads of namespaces.
func namespaceMetadata() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
}

// watch builds a cache that is confined to what the IdP may read: the RoleMappings that name its
// provider, that provider, the Secret of its keys, and the labels of namespaces.
func (c *cluster) watch(ctx context.Context, config *rest.Config, scheme *runtime.Scheme) (cache.Cache, error) {
	watched, err := cache.New(config, cache.Options{
		Scheme:                      scheme,
		ReaderFailOnMissingInformer: true,
		DefaultTransform:            cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.RoleMapping{}:  {Field: fields.OneTermEqualSelector("spec.providerRef.name", c.provider)},
			&v1alpha1.SAMLProvider{}: {Field: fields.OneTermEqualSelector("metadata.name", c.provider)},
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{
				c.namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", keys.SecretName(c.provider))},
			}},
			namespaceMetadata(): {Transform: labelsOnly},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("build the cache: %w", err)
	}
	for _, o := range []struct {
		object  client.Object
		changed func(any)
		deleted func(any)
	}{
		{&v1alpha1.RoleMapping{}, c.mappingChanged, c.mappingDeleted},
		{&v1alpha1.SAMLProvider{}, c.providerChanged, c.providerDeleted},
		{&corev1.Secret{}, c.keysChanged, c.keysDeleted},
		{namespaceMetadata(), c.namespaceChanged, c.namespaceDeleted},
	} {
		informer, err := watched.GetInformer(ctx, o.object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", o.object, err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    o.changed,
			UpdateFunc: func(_, object any) { o.changed(object) },
			DeleteFunc: func(object any) {
				if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
					object = last.Obj
				}
				o.deleted(object)
			},
		})
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", o.object, err)
		}
		c.informed = append(c.informed, registration)
	}
	return watched, nil
}

// labelsOnly drops what selectors do not read: there may be thousands of namespaces.
func labelsOnly(object any) (any, error) {
	if n, ok := object.(*metav1.PartialObjectMetadata); ok {
		n.ManagedFields, n.Annotations, n.OwnerReferences = nil, nil, nil
	}
	return object, nil
}

// notReady returns what a request would still lack, or nothing.
func (c *cluster) notReady() string {
	for _, r := range c.informed {
		if !r.HasSynced() {
			return "the caches are not synced yet"
		}
	}
	switch s := c.State(); {
	case s.Provider == nil:
		return fmt.Sprintf("there is no SAMLProvider %q", c.provider)
	case len(s.Keys) == 0:
		return fmt.Sprintf("there is no signing key in Secret %s/%s", c.namespace, keys.SecretName(c.provider))
	}
	return ""
}

func (c *cluster) change(f func(*delegation.State)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	s := c.State()
	f(&s)
	c.state.Store(&s)
}

func (c *cluster) mappingChanged(object any) {
	if m, ok := object.(*v1alpha1.RoleMapping); ok {
		c.mappings.Set(m)
	}
}

func (c *cluster) mappingDeleted(object any) {
	if m, ok := object.(*v1alpha1.RoleMapping); ok {
		c.mappings.Delete(m.Namespace, m.Name)
	}
}

func (c *cluster) namespaceChanged(object any) {
	if n, ok := object.(*metav1.PartialObjectMetadata); ok {
		c.mappings.SetNamespace(n.Name, n.Labels)
	}
}

func (c *cluster) namespaceDeleted(object any) {
	if n, ok := object.(*metav1.PartialObjectMetadata); ok {
		c.mappings.DeleteNamespace(n.Name)
	}
}

func (c *cluster) providerChanged(object any) {
	if p, ok := object.(*v1alpha1.SAMLProvider); ok {
		c.change(func(s *delegation.State) { s.Provider = p })
	}
}

func (c *cluster) providerDeleted(any) {
	c.logger.Warn("The SAMLProvider is gone, and every request will be refused", "provider", c.provider)
	c.change(func(s *delegation.State) { s.Provider = nil })
}

// keysChanged takes over the keys of the Secret. A Secret that cannot be read changes nothing: what
// was published a moment ago still is.
func (c *cluster) keysChanged(object any) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return
	}
	read, err := keys.FromSecretData(secret.Data)
	if err != nil {
		c.logger.Error("Could not read the signing keys, and goes on with those it has", "secret", client.ObjectKeyFromObject(secret), "error", err)
		return
	}
	c.change(func(s *delegation.State) { s.Keys = read })
}

func (c *cluster) keysDeleted(any) {
	c.logger.Warn("The Secret of the signing keys is gone, and nothing more will be signed", "provider", c.provider)
	c.change(func(s *delegation.State) { s.Keys = nil })
}
