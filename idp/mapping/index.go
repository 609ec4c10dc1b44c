package mapping

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

// Index finds the RoleMappings that name a subject without looking at any other. It may be read
// and written by many goroutines. The RoleMappings in it are shared: nobody may change them.
type Index struct {
	mu sync.RWMutex
	// mappings by their own name, to know what a change replaces.
	mappings map[key]*v1alpha1.RoleMapping
	// byServiceAccount holds, for each service account, the mappings that name it by their name.
	byServiceAccount map[key]map[string]*v1alpha1.RoleMapping
	// managed holds, for each provider and namespace, the mappings with a managed role, by age. It is
	// kept in order, so that a request need not sort to know a mapping's rank.
	managed map[group][]*v1alpha1.RoleMapping
	// namespaces holds the labels of each namespace that is known.
	namespaces map[string]map[string]string
}

// group is what maxRoles counts.
type group struct{ provider, namespace string }

func groupOf(m *v1alpha1.RoleMapping) group { return group{m.Spec.ProviderRef.Name, m.Namespace} }

// key is the name of a namespaced object.
type key struct{ namespace, name string }

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{
		mappings:         map[key]*v1alpha1.RoleMapping{},
		byServiceAccount: map[key]map[string]*v1alpha1.RoleMapping{},
		managed:          map[group][]*v1alpha1.RoleMapping{},
		namespaces:       map[string]map[string]string{},
	}
}

// Set adds the mapping or replaces the one of its name.
func (x *Index) Set(m *v1alpha1.RoleMapping) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key{m.Namespace, m.Name})
	x.mappings[key{m.Namespace, m.Name}] = m
	for _, account := range serviceAccounts(m) {
		if x.byServiceAccount[account] == nil {
			x.byServiceAccount[account] = map[string]*v1alpha1.RoleMapping{}
		}
		x.byServiceAccount[account][m.Name] = m
	}
	if m.Spec.Role.Managed != nil {
		g := groupOf(m)
		x.managed[g] = slices.Insert(x.managed[g], x.managedBefore(m), m)
	}
}

// Delete removes the mapping of that name, if there is one.
func (x *Index) Delete(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key{namespace, name})
}

// SetNamespace makes a namespace known, with its labels. Nobody may change them then.
func (x *Index) SetNamespace(name string, labels map[string]string) {
	if labels == nil {
		labels = map[string]string{} // known, and without labels
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.namespaces[name] = labels
}

// DeleteNamespace makes a namespace unknown.
func (x *Index) DeleteNamespace(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.namespaces, name)
}

// Facts returns what the index knows of a mapping.
func (x *Index) Facts(m *v1alpha1.RoleMapping) Facts {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return Facts{NamespaceLabels: x.namespaces[m.Namespace], ManagedBefore: x.managedBefore(m)}
}

// managedBefore returns the rank of a mapping, whether it is in the index or not.
func (x *Index) managedBefore(m *v1alpha1.RoleMapping) int {
	rank, _ := slices.BinarySearchFunc(x.managed[groupOf(m)], m, byAge)
	return rank
}

// Candidates returns the mappings that name the subject, by name. Whether they are allowed is for
// Decide to say.
func (x *Index) Candidates(s idp.Subject) []*v1alpha1.RoleMapping {
	if s.Kind != idp.KindServiceAccount {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.SortedFunc(maps.Values(x.byServiceAccount[key{s.Namespace, s.Name}]), func(a, b *v1alpha1.RoleMapping) int {
		return cmp.Compare(a.Name, b.Name)
	})
}

func (x *Index) remove(name key) {
	old, found := x.mappings[name]
	if !found {
		return
	}
	delete(x.mappings, name)
	if old.Spec.Role.Managed != nil {
		x.removeManaged(old)
	}
	for _, account := range serviceAccounts(old) {
		delete(x.byServiceAccount[account], old.Name)
		if len(x.byServiceAccount[account]) == 0 {
			delete(x.byServiceAccount, account)
		}
	}
}

func (x *Index) removeManaged(old *v1alpha1.RoleMapping) {
	g, at := groupOf(old), x.managedBefore(old)
	x.managed[g] = slices.Delete(x.managed[g], at, at+1)
	if len(x.managed[g]) == 0 {
		delete(x.managed, g)
	}
}

// serviceAccounts returns the service accounts that the mapping names. They are always of its own
// namespace.
func serviceAccounts(m *v1alpha1.RoleMapping) []key {
	var accounts []key
	for _, s := range m.Spec.Subjects {
		if s.Kind == v1alpha1.SubjectServiceAccount {
			accounts = append(accounts, key{m.Namespace, s.Name})
		}
	}
	return accounts
}
