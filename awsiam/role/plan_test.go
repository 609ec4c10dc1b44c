package role_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/role"
)

func TestPlan(t *testing.T) {
	without := func(r *role.Role) { r.Policies, r.InlinePolicies = nil, nil }
	otherBoundary := func(r *role.Role) { r.PermissionsBoundary = tenants + "2" }
	otherTrust := func(r *role.Role) { r.TrustPolicy = trustTwo }
	otherDocument := func(r *role.Role) { r.InlinePolicies = map[string]string{"s3": document("Allow", "s3:*")} }
	for _, row := range []struct {
		name       string
		want, held []change
		steps      []string
	}{
		{"nothing to do", nil, nil, nil},
		{
			"a role that was just created gets its policies", nil, []change{without},
			[]string{"PutRolePolicy s3", "AttachRolePolicy " + readOnly},
		},
		{
			"a boundary that is new comes before everything else", nil, []change{func(r *role.Role) { r.PermissionsBoundary = "" }, without},
			[]string{"PutRolePermissionsBoundary " + tenants, "PutRolePolicy s3", "AttachRolePolicy " + readOnly},
		},
		{
			"a boundary that is not wanted goes after the last policy", []change{func(r *role.Role) { r.PermissionsBoundary = "" }, without}, nil,
			[]string{"DetachRolePolicy " + readOnly, "DeleteRolePolicy s3", "DeleteRolePermissionsBoundary"},
		},
		{
			"another boundary comes between what goes and what comes", []change{func(r *role.Role) { r.Policies = []string{"b"} }},
			[]change{otherBoundary, func(r *role.Role) { r.Policies = []string{"a"} }},
			[]string{"DetachRolePolicy a", "PutRolePermissionsBoundary " + tenants, "AttachRolePolicy b"},
		},
		{
			"another trust policy comes between what goes and what comes", []change{func(r *role.Role) { r.Policies = []string{"b"} }},
			[]change{otherTrust, func(r *role.Role) { r.Policies = []string{"a"} }},
			[]string{"DetachRolePolicy a", "UpdateAssumeRolePolicy", "AttachRolePolicy b"},
		},
		{"a policy is replaced in one step", nil, []change{otherDocument}, []string{"PutRolePolicy s3"}},
		{
			"a policy goes and comes back if the trust policy changes too", nil, []change{otherDocument, otherTrust},
			[]string{"DeleteRolePolicy s3", "UpdateAssumeRolePolicy", "PutRolePolicy s3"},
		},
		{
			"every policy goes and comes back if trust and boundary change", nil, []change{otherBoundary, otherTrust},
			[]string{
				"DetachRolePolicy " + readOnly, "DeleteRolePolicy s3", "UpdateAssumeRolePolicy",
				"PutRolePermissionsBoundary " + tenants, "PutRolePolicy s3", "AttachRolePolicy " + readOnly,
			},
		},
		{
			"what denies comes first and goes last", []change{func(r *role.Role) {
				r.InlinePolicies = map[string]string{"allow": document("Allow", "*"), "guard": document("Deny", "iam:*")}
			}}, []change{func(r *role.Role) {
				r.InlinePolicies = map[string]string{"a-guard": document("Deny", "s3:*"), "b-allow": document("Allow", "*")}
			}},
			[]string{"DeleteRolePolicy b-allow", "DeleteRolePolicy a-guard", "PutRolePolicy guard", "PutRolePolicy allow"},
		},
		{
			"what begins to deny is put first, what ceases to deny last, after what is attached", []change{func(r *role.Role) {
				r.Policies = []string{readOnly, "new"}
				r.InlinePolicies = map[string]string{"a": document("Allow", "s3:*"), "b": document("Allow", "a:b"), "c": document("Deny", "*")}
			}}, []change{func(r *role.Role) {
				r.InlinePolicies = map[string]string{"a": document("Deny", "*"), "b": document("Allow", "a:c"), "c": document("Allow", "s3:*")}
			}},
			[]string{"PutRolePolicy c", "PutRolePolicy b", "AttachRolePolicy new", "PutRolePolicy a"},
		},
		{
			"description and duration are set together", nil, []change{func(r *role.Role) { r.Description = "x" }},
			[]string{`UpdateRole description "Uploads reports", maximum session duration 1h`},
		},
		{"a description that is not known is left alone", nil, []change{func(r *role.Role) { r.Description, r.MaxSessionDuration = "", 0 }}, nil},
		{
			"tags that are missing or wrong are set, others stay", nil,
			[]change{func(r *role.Role) { r.Tags = map[string]string{"Team": "sales", "costs": "42"} }},
			[]string{"TagRole attache.dev/name, team"},
		},
		{"the ARN cannot change", nil, []change{func(r *role.Role) { r.ARN = "other" }}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(texts(role.Plan(changed(row.want...), changed(row.held...)))).To(Equal(row.steps))
		})
	}
}

func TestPlanDeletion(t *testing.T) {
	g := NewWithT(t)
	held := changed(func(r *role.Role) { r.InlinePolicies["guard"] = document("Deny", "*") })
	g.Expect(texts(role.PlanDeletion(held))).To(Equal([]string{
		"DetachRolePolicy " + readOnly, "DeleteRolePolicy s3", "DeleteRolePolicy guard", "DeleteRole",
	}))
	g.Expect(texts(role.PlanDeletion(role.Role{}))).To(Equal([]string{"DeleteRole"}))
}

func TestStepsCarryWhatTheirCallNeeds(t *testing.T) {
	g := NewWithT(t)
	want := changed(func(r *role.Role) { r.MaxSessionDuration = 2 * time.Hour })
	g.Expect(role.Plan(want, role.Role{ARN: arn, MaxSessionDuration: time.Hour})).To(Equal([]role.Step{
		{Operation: role.PutRolePermissionsBoundary, PolicyARN: tenants},
		{Operation: role.UpdateAssumeRolePolicy, Document: trustOne},
		{Operation: role.PutRolePolicy, PolicyName: "s3", Document: document("Allow", "s3:PutObject")},
		{Operation: role.AttachRolePolicy, PolicyARN: readOnly},
		{Operation: role.UpdateRole, Description: "Uploads reports", MaxSessionDuration: 2 * time.Hour},
		{Operation: role.TagRole, Tags: want.Tags},
	}))
	g.Expect(role.Untag("attache.dev/adopt").String()).To(Equal("UntagRole attache.dev/adopt"))
}

func texts(steps []role.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.String())
	}
	return all
}
