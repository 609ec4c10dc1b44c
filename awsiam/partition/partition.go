// Package partition knows how AWS's partitions differ for SAML: the audience, the address that an
// assertion is for, and the shape of ARNs. It is pure: no AWS SDK, no I/O.
package partition

import (
	"fmt"
	"strings"
)

// Partition is one of AWS's separate clouds.
type Partition struct {
	// ID is the partition in ARNs: aws, aws-cn or aws-us-gov.
	ID string
	// ACS is the global sign-in address: the Recipient of assertions and the value of SAML:aud in
	// trust policies (IAM User Guide, "Configure SAML assertions for the authentication response").
	ACS string
	// Audience is the entity ID of AWS as a SAML service provider.
	Audience string
	// IAMRegion is the region with which calls to IAM are signed.
	IAMRegion string
}

var (
	// Commercial is the partition aws.
	Commercial = Partition{
		ID:        "aws",
		ACS:       "https://signin.aws.amazon.com/saml",
		Audience:  "urn:amazon:webservices",
		IAMRegion: "us-east-1",
	}
	// GovCloud is the partition aws-us-gov.
	GovCloud = Partition{
		ID:        "aws-us-gov",
		ACS:       "https://signin.amazonaws-us-gov.com/saml",
		Audience:  "urn:amazon:webservices:govcloud",
		IAMRegion: "us-gov-west-1",
	}
	// China is the partition aws-cn.
	China = Partition{
		ID:        "aws-cn",
		ACS:       "https://signin.amazonaws.cn/saml",
		Audience:  "urn:amazon:webservices:cn-north-1",
		IAMRegion: "cn-north-1",
	}
)

// OfRegion returns the partition that a region belongs to.
func OfRegion(region string) Partition {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return China
	case strings.HasPrefix(region, "us-gov-"):
		return GovCloud
	default:
		return Commercial
	}
}

// SAMLProviderARN returns the ARN of the IAM SAML provider of that name.
func (p Partition) SAMLProviderARN(accountID, name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:saml-provider/%s", p.ID, accountID, name)
}

// RoleARN returns the ARN of the IAM role of that path, which begins and ends with a slash, and name.
func (p Partition) RoleARN(accountID, path, name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role%s%s", p.ID, accountID, path, name)
}

// ACSForms returns the sign-in addresses that a trust policy should take as SAML:aud: the global
// one, which assertions name, and the region's own where the partition has such (IAM User Guide,
// "Configure SAML assertions for the authentication response").
func (p Partition) ACSForms(region string) []string {
	if p == GovCloud {
		return []string{p.ACS}
	}
	return []string{p.ACS, strings.Replace(p.ACS, "://", "://"+region+".", 1)}
}

// ParseRoleARN splits arn:PARTITION:iam::ACCOUNT:role/PATH/NAME into partition and account ID. It
// returns an error that says what to write when the ARN is not one of a role.
func ParseRoleARN(arn string) (partitionID, accountID string, err error) {
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[2] != "iam" || f[3] != "" || len(f[4]) != 12 || !strings.HasPrefix(f[5], "role/") || strings.HasSuffix(f[5], "/") {
		return "", "", fmt.Errorf("%q is not the ARN of an IAM role: write arn:aws:iam::111122223333:role/NAME", arn)
	}
	return f[1], f[4], nil
}
