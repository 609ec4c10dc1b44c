package role

import (
	"cmp"
	"maps"
	"slices"

	"attache.dev/attache/awsiam/policy"
)

// removePolicies takes away what is not wanted. Inline policies that deny go last: they may bound
// what the others allow. What a managed policy denies is not known here.
func (p *planner) removePolicies() {
	for _, arn := range sorted(p.held.Policies) {
		if !p.keepsAttached(arn) {
			p.add(Step{Operation: DetachRolePolicy, PolicyARN: arn})
		}
	}
	var going []string
	for _, name := range keysOf(p.held.InlinePolicies) {
		if p.removesInline(name) {
			going = append(going, name)
		}
	}
	slices.SortStableFunc(going, func(a, b string) int {
		return cmp.Compare(rank(denies(p.held.InlinePolicies[a])), rank(denies(p.held.InlinePolicies[b])))
	})
	for _, name := range going {
		p.add(Step{Operation: DeleteRolePolicy, PolicyName: name})
	}
}

// addPolicies brings what is wanted and not there. Inline policies that deny come first, those that
// cease to deny last.
func (p *planner) addPolicies() {
	var coming []string
	for _, name := range keysOf(p.want.InlinePolicies) {
		if p.removesInline(name) || !sameInline(p.want.InlinePolicies, p.held.InlinePolicies, name) {
			coming = append(coming, name)
		}
	}
	order := func(name string) int {
		will, did := denies(p.want.InlinePolicies[name]), denies(p.held.InlinePolicies[name])
		return rank(did) - rank(will)
	}
	slices.SortStableFunc(coming, func(a, b string) int { return cmp.Compare(order(a), order(b)) })
	put := func(ofOrder func(int) bool) {
		for _, name := range coming {
			if ofOrder(order(name)) {
				p.add(Step{Operation: PutRolePolicy, PolicyName: name, Document: p.want.InlinePolicies[name]})
			}
		}
	}
	put(func(o int) bool { return o <= 0 })
	for _, arn := range sorted(p.want.Policies) {
		if !slices.Contains(p.held.Policies, arn) || !p.keepsAttached(arn) {
			p.add(Step{Operation: AttachRolePolicy, PolicyARN: arn})
		}
	}
	put(func(o int) bool { return o > 0 })
}

// keepsAttached tells whether an attached policy stays attached all the time.
func (p *planner) keepsAttached(arn string) bool {
	return slices.Contains(p.want.Policies, arn) && !p.everythingMoves()
}

// removesInline tells whether an inline policy that the role has must go, for good or to come back.
func (p *planner) removesInline(name string) bool {
	if _, found := p.held.InlinePolicies[name]; !found {
		return false
	}
	if _, wanted := p.want.InlinePolicies[name]; !wanted || p.everythingMoves() {
		return true
	}
	return (p.trustDiffers() || p.boundaryMoves()) && !sameInline(p.want.InlinePolicies, p.held.InlinePolicies, name)
}

// everythingMoves tells that trust and boundary both change, one after the other: no policy may be
// there in between.
func (p *planner) everythingMoves() bool { return p.trustDiffers() && p.boundaryMoves() }

func denies(document string) bool {
	statements, err := policy.Parse(document)
	return err == nil && slices.ContainsFunc(statements, func(s policy.Statement) bool { return s.Effect == policy.Deny })
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// updateSettings sets both, because UpdateRole puts the duration back to one hour where it is left
// out (IAM API reference, UpdateRole).
func (p *planner) updateSettings() {
	unknown := p.held.MaxSessionDuration == 0
	if unknown || p.want.Description == p.held.Description && p.want.MaxSessionDuration == p.held.MaxSessionDuration {
		return
	}
	p.add(Step{Operation: UpdateRole, Description: p.want.Description, MaxSessionDuration: p.want.MaxSessionDuration})
}

func (p *planner) setTags() {
	missing := maps.Clone(p.want.Tags)
	maps.DeleteFunc(missing, func(key, value string) bool {
		held, found := tagOf(p.held.Tags, key)
		return found && held == value
	})
	if len(missing) > 0 {
		p.add(Tag(missing))
	}
}
