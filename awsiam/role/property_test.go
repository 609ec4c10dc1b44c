package role_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"attache.dev/attache/awsiam/role"
)

// right is what a role gives by one of its policies: to whom, what, and within which boundary.
type right struct{ trust, policy, boundary string }

func rightsOf(r role.Role) map[right]bool {
	rights := map[right]bool{}
	for _, arn := range r.Policies {
		rights[right{r.TrustPolicy, arn, r.PermissionsBoundary}] = true
	}
	for _, document := range r.InlinePolicies {
		rights[right{r.TrustPolicy, document, r.PermissionsBoundary}] = true
	}
	return rights
}

// covered tells that a right is among those, or is one of them with a boundary around it.
func (x right) covered(rights ...map[right]bool) bool {
	return slices.ContainsFunc(rights, func(some map[right]bool) bool {
		return some[x] || some[right{x.trust, x.policy, ""}]
	})
}

// roles returns every role of a small world: two trusts, three boundaries, two managed policies and
// two inline policies.
func roles() []role.Role {
	var all []role.Role
	for _, trust := range []string{"one", "two"} {
		for _, boundary := range []string{"", "b1", "b2"} {
			for _, attached := range [][]string{nil, {"p1"}, {"p2"}, {"p1", "p2"}} {
				for _, x := range []string{"", document("Allow", "a:b"), document("Allow", "a:c")} {
					for _, y := range []string{"", document("Deny", "a:b")} {
						inline := map[string]string{"x": x, "y": y}
						maps.DeleteFunc(inline, func(_, document string) bool { return document == "" })
						all = append(all, role.Role{
							ARN: arn, TrustPolicy: trust, PermissionsBoundary: boundary, Policies: attached,
							InlinePolicies: inline, MaxSessionDuration: time.Hour,
						})
					}
				}
			}
		}
	}
	return all
}

// take does to a role what IAM does, and refuses what IAM refuses.
func take(r role.Role, s role.Step) (role.Role, error) {
	r.Policies, r.InlinePolicies = slices.Clone(r.Policies), maps.Clone(r.InlinePolicies)
	attached := slices.Index(r.Policies, s.PolicyARN)
	_, inline := r.InlinePolicies[s.PolicyName]
	switch s.Operation {
	case role.UpdateAssumeRolePolicy:
		r.TrustPolicy = s.Document
	case role.PutRolePermissionsBoundary:
		r.PermissionsBoundary = s.PolicyARN
	case role.DeleteRolePermissionsBoundary:
		if r.PermissionsBoundary == "" {
			return r, fmt.Errorf("there is no boundary")
		}
		r.PermissionsBoundary = ""
	case role.AttachRolePolicy:
		if attached >= 0 {
			return r, fmt.Errorf("%s is attached already", s.PolicyARN)
		}
		r.Policies = append(r.Policies, s.PolicyARN)
	case role.DetachRolePolicy:
		if attached < 0 {
			return r, fmt.Errorf("%s is not attached", s.PolicyARN)
		}
		r.Policies = slices.Delete(r.Policies, attached, attached+1)
	case role.PutRolePolicy:
		r.InlinePolicies[s.PolicyName] = s.Document
	case role.DeleteRolePolicy:
		if !inline {
			return r, fmt.Errorf("there is no policy %s", s.PolicyName)
		}
		delete(r.InlinePolicies, s.PolicyName)
	case role.DeleteRole:
		if len(r.Policies)+len(r.InlinePolicies) > 0 {
			return r, fmt.Errorf("DeleteConflict")
		}
	default:
		return r, fmt.Errorf("%s is not needed here", s)
	}
	return r, nil
}

// Between any two roles: the plan's steps make the one the other, and on the way there is no right
// that neither has.
func TestAPlanArrivesAndGrantsNothingOnTheWay(t *testing.T) {
	all := roles()
	for _, held := range all {
		for _, want := range all {
			steps := role.Plan(want, held)
			now, err := held, error(nil)
			for _, s := range steps {
				if now, err = take(now, s); err != nil {
					t.Fatalf("%s: %v\nfrom %+v\nto %+v\nby %v", s, err, held, want, steps)
				}
				for x := range rightsOf(now) {
					if !x.covered(rightsOf(held), rightsOf(want)) {
						t.Fatalf("after %s the role gives %+v\nfrom %+v\nto %+v\nby %v", s, x, held, want, steps)
					}
				}
			}
			if left := role.Differences(want, now); len(left) > 0 {
				t.Fatalf("the plan does not arrive: %v\nfrom %+v\nto %+v\nby %v", left, held, want, steps)
			}
			if (len(steps) == 0) != (len(role.Differences(want, held)) == 0) {
				t.Fatalf("steps and differences do not agree\nfrom %+v\nto %+v\nby %v", held, want, steps)
			}
			if len(steps) == 0 && role.Hash(want) != role.Hash(held) {
				t.Fatalf("roles without a difference have two hashes: %+v and %+v", held, want)
			}
		}
	}
}

func TestEveryRoleCanBeDeleted(t *testing.T) {
	for _, held := range roles() {
		now, err := held, error(nil)
		for _, s := range role.PlanDeletion(held) {
			if now, err = take(now, s); err != nil {
				t.Fatalf("%s: %v\nof %+v", s, err, held)
			}
		}
	}
}
