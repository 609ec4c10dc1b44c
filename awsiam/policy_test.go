package awsiam_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/policy"
)

// maxUserPolicies is how many characters the inline policies of a user may have together, which is
// where the policy stands if the operator has an access key (IAM User Guide, "IAM and AWS STS
// quotas").
const maxUserPolicies = 2048

func TestTheOperatorsPolicyFollowsItsBounds(t *testing.T) {
	const boundaryKey, policyKey = "iam:PermissionsBoundary", "iam:PolicyARN"
	for _, row := range []struct {
		name   string
		bounds awsiam.RolesBounds
		// actions that may be there, and those that may not.
		with, without []string
		// keys of the conditions on AttachRolePolicy.
		keys []string
	}{
		{
			"without roles it is about the provider alone", awsiam.RolesBounds{PermissionsBoundary: boundary, Policies: []string{uploads}},
			[]string{"iam:UpdateSAMLProvider"}, []string{"iam:GetRole", "iam:ListRoles", "iam:CreateRole", "iam:AttachRolePolicy"}, nil,
		},
		{
			"without a boundary it may take one away", awsiam.RolesBounds{PathPrefixes: []string{"/a/"}, Policies: []string{uploads}},
			[]string{"iam:CreateRole", "iam:DeleteRolePermissionsBoundary", "iam:AttachRolePolicy"}, nil, []string{policyKey},
		},
		{
			"with a boundary it may not", awsiam.RolesBounds{PathPrefixes: []string{"/a/"}, PermissionsBoundary: boundary, Policies: []string{uploads}},
			[]string{"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy"}, []string{"iam:DeleteRolePermissionsBoundary"}, []string{boundaryKey, policyKey},
		},
		{
			"without managed policies it attaches none", awsiam.RolesBounds{PathPrefixes: []string{"/a/", "/b/"}},
			[]string{"iam:PutRolePolicy", "iam:DetachRolePolicy"}, []string{"iam:AttachRolePolicy"}, nil,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			document, err := awsiam.OperatorPolicy(partition.China, "111122223333", "corp", row.bounds)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(policy.Check(document)).To(Succeed())
			g.Expect(policy.Size(document)).To(BeNumerically("<", maxUserPolicies))
			statements, err := policy.Parse(document)
			g.Expect(err).NotTo(HaveOccurred())
			var keys []string
			for _, s := range statements {
				g.Expect(s.Action).NotTo(ContainElement(ContainSubstring("*")))
				g.Expect(s.Resource).To(HaveEach(Or(Equal("*"), MatchRegexp(`^arn:aws-cn:iam::111122223333:(saml-provider/corp|role/[ab]/\*)$`))))
				if slices.Contains(s.Resource, "*") {
					g.Expect(s.Action).To(HaveEach(MatchRegexp("^iam:(Get|List)")), "nothing is written everywhere")
				}
				if s.Covers("iam:AttachRolePolicy") {
					for _, byKey := range s.Condition {
						for key := range byKey {
							keys = append(keys, key)
						}
					}
				}
			}
			covers := func(action string) bool {
				return slices.ContainsFunc(statements, func(s policy.Statement) bool { return s.Covers(action) })
			}
			g.Expect(row.with).To(HaveEach(Satisfy(covers)))
			if len(row.without) > 0 {
				g.Expect(row.without).To(HaveEach(Not(Satisfy(covers))))
			}
			g.Expect(keys).To(ConsistOf(row.keys))
		})
	}
}
