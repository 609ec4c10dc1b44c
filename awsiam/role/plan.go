package role

import "attache.dev/attache/awsiam/policy"

// Plan returns the steps that make the held role the wanted one, none if Differences finds nothing
// but the ARN, which no step changes.
//
// What the role grants is who may take it (trust) times what it may do (each policy within the
// boundary). At no point between the steps is there a combination that neither the held nor the
// wanted role has: what is not wanted goes first, under the trust and boundary under which it was
// granted, and what is new comes last, under those under which it is wanted. So a policy whose
// document changes goes and comes back if trust or boundary change too; otherwise it is replaced in
// one step.
func Plan(want, held Role) []Step {
	p := planner{want: want, held: held}
	p.tightenBoundary()
	p.removePolicies()
	p.changeTrust()
	p.changeBoundary()
	p.addPolicies()
	p.loosenBoundary()
	p.updateSettings()
	p.setTags()
	return p.steps
}

// PlanDeletion returns the steps that delete a role: IAM deletes only one without policies (IAM API
// reference, DeleteRole).
func PlanDeletion(held Role) []Step {
	p := planner{held: held}
	p.removePolicies()
	return append(p.steps, Step{Operation: DeleteRole})
}

type planner struct {
	want, held Role
	steps      []Step
}

func (p *planner) add(s Step) { p.steps = append(p.steps, s) }

func (p *planner) trustDiffers() bool { return !policy.Equal(p.want.TrustPolicy, p.held.TrustPolicy) }

// boundaryMoves tells that one boundary takes another's place: neither is known to be the narrower.
func (p *planner) boundaryMoves() bool {
	return p.want.PermissionsBoundary != "" && p.held.PermissionsBoundary != "" && p.want.PermissionsBoundary != p.held.PermissionsBoundary
}

// A boundary where there was none takes rights away only, so it comes before everything.
func (p *planner) tightenBoundary() {
	if p.held.PermissionsBoundary == "" && p.want.PermissionsBoundary != "" {
		p.add(Step{Operation: PutRolePermissionsBoundary, PolicyARN: p.want.PermissionsBoundary})
	}
}

func (p *planner) changeBoundary() {
	if p.boundaryMoves() {
		p.add(Step{Operation: PutRolePermissionsBoundary, PolicyARN: p.want.PermissionsBoundary})
	}
}

// A boundary that is not wanted bounds what comes until it has come.
func (p *planner) loosenBoundary() {
	if p.held.PermissionsBoundary != "" && p.want.PermissionsBoundary == "" {
		p.add(Step{Operation: DeleteRolePermissionsBoundary})
	}
}

func (p *planner) changeTrust() {
	if p.trustDiffers() {
		p.add(Step{Operation: UpdateAssumeRolePolicy, Document: p.want.TrustPolicy})
	}
}
