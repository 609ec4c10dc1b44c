package awsfake

import (
	"maps"
	"slices"
	"strings"
)

// Inventory is what exists, by ARN in order, so that a test can tell that nothing
// was left behind.
type Inventory struct {
	Roles            []InventoryItem `json:"roles"`
	SAMLProviders    []InventoryItem `json:"samlProviders"`
	Policies         []InventoryItem `json:"policies"`
	InstanceProfiles []InventoryItem `json:"instanceProfiles"`
	Users            []InventoryItem `json:"users"`
	// Buckets have no tags here.
	Buckets []InventoryItem `json:"buckets"`
}

// InventoryItem is one thing that exists.
type InventoryItem struct {
	ARN  string            `json:"arn"`
	Tags map[string]string `json:"tags,omitempty"`
}

// inventory tells what exists in the accounts or, without any, in all.
func (s *Server) inventory(accountIDs []string) (Inventory, error) {
	var i Inventory
	for _, id := range accountIDs {
		if err := s.state.checkExists(id); err != nil {
			return i, err
		}
	}
	if len(accountIDs) == 0 {
		accountIDs = s.state.accountIDs()
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	for _, id := range accountIDs {
		a := s.state.accounts[id]
		i.Roles = append(i.Roles, items(a.roles, func(r *role) (string, tagSet) { return r.arn, r.tags })...)
		i.SAMLProviders = append(i.SAMLProviders, items(a.samlProviders, func(p *samlProvider) (string, tagSet) { return p.arn, p.tags })...)
		i.Policies = append(i.Policies, items(a.policies, func(p *managedPolicy) (string, tagSet) { return p.arn, p.tags })...)
		i.InstanceProfiles = append(i.InstanceProfiles, items(a.profiles, func(p *instanceProfile) (string, tagSet) { return p.arn, p.tags })...)
		i.Users = append(i.Users, items(a.users, func(u *user) (string, tagSet) { return u.arn, nil })...)
	}
	for _, name := range s.buckets.names(accountIDs) {
		i.Buckets = append(i.Buckets, InventoryItem{ARN: bucketARN(s.state.partition, name)})
	}
	i.sort()
	return i, nil
}

func (i *Inventory) sort() {
	for _, list := range [][]InventoryItem{i.Roles, i.SAMLProviders, i.Policies, i.InstanceProfiles, i.Users} {
		slices.SortFunc(list, func(x, y InventoryItem) int { return strings.Compare(x.ARN, y.ARN) })
	}
}

// items lists an account's map.
func items[T any](entities map[string]*T, describe func(*T) (string, tagSet)) []InventoryItem {
	list := make([]InventoryItem, 0, len(entities))
	for entity := range maps.Values(entities) {
		arn, tags := describe(entity)
		item := InventoryItem{ARN: arn}
		if len(tags) > 0 {
			item.Tags = map[string]string{}
		}
		for _, t := range tags {
			item.Tags[t.Key] = t.Value
		}
		list = append(list, item)
	}
	return list
}
