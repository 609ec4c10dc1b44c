package awsfake

import (
	"regexp"
	"strings"
	"unicode"

	"attache.dev/attache/test/awsfake/policy"
)

// maxTrustPolicy is in characters (IAM User Guide, "IAM and AWS STS quotas").
const maxTrustPolicy = 2048

var trustPrincipalID = regexp.MustCompile(`:(user|role)/`)

func updateAssumeRolePolicy(c *call) (any, error) {
	r, err := c.roleFor("iam:UpdateAssumeRolePolicy")
	if err != nil {
		return nil, err
	}
	document, err := c.required("PolicyDocument", documentRule)
	if err != nil {
		return nil, err
	}
	return nil, c.setTrust(r, document)
}

// setTrust stores a trust policy. Users and roles of this account that it names
// must exist; of other accounts and of providers IAM does not ask that.
func (c *call) setTrust(r *role, document string) error {
	trust, err := policy.ParseTrust(document)
	if err != nil {
		return policyError(err)
	}
	if countedLength(document) > maxTrustPolicy {
		return limitExceeded("ACLSizePerRole", maxTrustPolicy)
	}
	own := iamARN(c.state.partition, c.principal.account.id, "")
	for _, statement := range trust.Statements {
		for _, arn := range statement.Principals[policy.AWS] {
			if strings.HasPrefix(arn, own) && trustPrincipalID.MatchString(arn) && !c.exists(arn) {
				return policyError(&policy.MalformedError{Message: `Invalid principal in policy: "AWS":"` + arn + `"`})
			}
		}
	}
	r.trustDocument, r.trust = document, trust
	return nil
}

func (c *call) exists(arn string) bool {
	if c.state.roleByARN(arn) != nil {
		return true
	}
	u := c.principal.account.user(arn[strings.LastIndex(arn, "/")+1:])
	return u != nil && u.arn == arn
}

// countedLength counts a policy's characters as IAM's quotas do: without white
// space.
func countedLength(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
