package awsfake

import (
	"unicode"

	"attache.dev/attache/test/awsfake/policy"
)

// maxTrustPolicy is in characters (IAM User Guide, "IAM and AWS STS quotas").
const maxTrustPolicy = 2048

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

// setTrust stores a trust policy with what its principals are at this time.
func (c *call) setTrust(r *role, document string) error {
	trust, err := policy.ParseTrust(document)
	if err != nil {
		return policyError(err)
	}
	if countedLength(document) > maxTrustPolicy {
		return limitExceeded("ACLSizePerRole", maxTrustPolicy)
	}
	trusted, err := c.state.identify(trust)
	if err != nil {
		return policyError(err)
	}
	r.trustDocument, r.trust, r.trusted = document, trust, trusted
	return nil
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
