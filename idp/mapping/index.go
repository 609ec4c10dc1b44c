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
}

// key is the name of a namespaced object.
type key struct{ namespace, name string }

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{
		mappings:         map[key]*v1alpha1.RoleMapping{},
		byServiceAccount: map[key]map[string]*v1alpha1.RoleMapping{},
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
}

// Delete removes the mapping of that name, if there is one.
func (x *Index) Delete(namespace, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key{namespace, name})
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
	for _, account := range serviceAccounts(old) {
		delete(x.byServiceAccount[account], old.Name)
		if len(x.byServiceAccount[account]) == 0 {
			delete(x.byServiceAccount, account)
		}
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
