package awsfake

import (
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// version is what a role or provider was from a time on; value is nil if it was
// not there.
type version[T any] struct {
	since time.Time
	value *T
}

// timeline holds the versions of one name, the oldest first; without any, what is
// there has long been so.
type timeline[T any] []version[T]

// at returns the version of a time and whether it is the newest.
func (l timeline[T]) at(t time.Time) (value *T, newest bool) {
	for i := len(l) - 1; i >= 0; i-- {
		if !l[i].since.After(t) {
			return l[i].value, i == len(l)-1
		}
	}
	return nil, false
}

// since drops what nobody can ask for after t any more.
func (l timeline[T]) since(t time.Time) timeline[T] {
	for len(l) > 1 && !l[1].since.After(t) {
		l = l[1:]
	}
	if len(l) == 1 {
		return nil
	}
	return l
}

// timelines are by account and name.
type timelines[T any] map[entityKey]timeline[T]

type entityKey struct{ accountID, name string }

// add notes a change. before is the first version of a timeline.
func (all timelines[T]) add(key entityKey, before, after *T, now time.Time) {
	if len(all[key]) == 0 {
		all[key] = timeline[T]{{value: before}}
	}
	all[key] = append(all[key], version[T]{since: now, value: after})
}

// forget drops what nobody can ask for after t any more.
func (all timelines[T]) forget(t time.Time) {
	for key, line := range all {
		if all[key] = line.since(t); all[key] == nil {
			delete(all, key)
		}
	}
}

// overlay puts back into live, an account's map, what was there at t.
func (all timelines[T]) overlay(live map[string]*T, accountID string, t time.Time) map[string]*T {
	live = maps.Clone(live)
	for key, line := range all {
		value, newest := line.at(t)
		switch {
		case key.accountID != accountID || newest:
		case value == nil:
			delete(live, key.name)
		default:
			live[key.name] = value
		}
	}
	return live
}

// history makes AWS eventually consistent: readers that lag see earlier versions.
// The state's lock guards it.
type history struct {
	random    *rand.Rand
	roles     timelines[role]
	providers timelines[samlProvider]
	swept     time.Time
}

func newHistory() *history {
	return &history{roles: timelines[role]{}, providers: timelines[samlProvider]{}}
}

// sweepInterval is how often all names are gone through: with thousands of roles
// that takes longer than a call.
const sweepInterval = time.Minute

func (h *history) sweep(now time.Time) {
	if now.Sub(h.swept) < sweepInterval {
		return
	}
	h.swept = now
	h.roles.forget(now.Add(-MaxPropagation))
	h.providers.forget(now.Add(-MaxPropagation))
}

// seen returns the version that a reader sees who lags behind by lag or, with
// random, perhaps does not.
func seen[T any](h *history, line timeline[T], live *T, now time.Time, lag Duration, random bool) *T {
	if lag == 0 || len(line) == 0 {
		return live
	}
	old, newest := line.at(now.Add(-time.Duration(lag)))
	if newest || (random && h.random.IntN(2) == 0) {
		return live
	}
	return old
}

// snapshot copies what handlers change in place.
func (r *role) snapshot() *role {
	if r == nil {
		return nil
	}
	kept := *r
	kept.tags, kept.policies, kept.attached = maps.Clone(r.tags), maps.Clone(r.policies), maps.Clone(r.attached)
	return &kept
}

func (p *samlProvider) snapshot() *samlProvider {
	if p == nil {
		return nil
	}
	kept := *p
	kept.tags = maps.Clone(p.tags)
	return &kept
}

// remembering runs a handler that writes and notes what became of the role or the
// provider that the call names.
func (c *call) remembering(handle func(*call) (any, error)) (any, error) {
	account, h := c.principal.account, c.state.history
	roleKey := entityKey{account.id, strings.ToLower(c.form.Get("RoleName"))}
	providerKey := entityKey{account.id, c.namedProvider()}
	roleBefore, providerBefore := account.roles[roleKey.name].snapshot(), account.samlProviders[providerKey.name].snapshot()
	result, err := handle(c)
	if err != nil {
		return nil, err
	}
	if after := account.roles[roleKey.name]; roleBefore != nil || after != nil {
		h.roles.add(roleKey, roleBefore, after.snapshot(), c.now)
	}
	if after := account.samlProviders[providerKey.name]; providerBefore != nil || after != nil {
		h.providers.add(providerKey, providerBefore, after.snapshot(), c.now)
	}
	h.sweep(c.now)
	return result, nil
}

func (c *call) namedProvider() string {
	if c.form.Has("SAMLProviderArn") {
		_, name, _ := accountOf(c.form.Get("SAMLProviderArn"), c.state.partition, "saml-provider")
		return name
	}
	return c.form.Get("Name")
}

// readable returns the caller's account as IAM's reads show it.
func (c *call) readable() *account {
	if c.settings.IAMPropagation == 0 {
		return c.principal.account
	}
	view, t := *c.principal.account, c.now.Add(-time.Duration(c.settings.IAMPropagation))
	view.roles = c.state.history.roles.overlay(view.roles, view.id, t)
	view.samlProviders = c.state.history.providers.overlay(view.samlProviders, view.id, t)
	return &view
}

// honouredRole returns the role of that ARN as the STS endpoint that was called
// honours it, or nil. The state's lock is held.
func (c *call) honouredRole(arn string) *role {
	accountID, pathAndName, _ := accountOf(arn, c.state.partition, "role")
	name := strings.ToLower(baseName(pathAndName))
	account := c.state.accounts[accountID]
	if account == nil {
		return nil
	}
	endpoint := c.settings.endpoint(c.host)
	r := seen(c.state.history, c.state.history.roles[entityKey{accountID, name}], account.roles[name], c.now, endpoint.RolePropagation, endpoint.Random)
	if r == nil || r.arn != arn {
		return nil
	}
	return r
}

// honouredProvider is honouredRole for a SAML provider.
func (c *call) honouredProvider(accountID, name string) *samlProvider {
	account := c.state.accounts[accountID]
	if account == nil {
		return nil
	}
	endpoint := c.settings.endpoint(c.host)
	return seen(c.state.history, c.state.history.providers[entityKey{accountID, name}], account.samlProviders[name], c.now, endpoint.ProviderPropagation, endpoint.Random)
}
