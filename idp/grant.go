package idp

import "time"

// Grant is what a subject gets: the outcome of mapping. It is complete: after it nobody asks the
// RoleMapping again.
type Grant struct {
	// Mapping is the namespace/name of the RoleMapping, for audit and messages.
	Mapping string
	// RoleARN of the IAM role and ProviderARN of the IAM SAML provider that the role trusts.
	RoleARN, ProviderARN string
	// AccountID is the AWS account of both, twelve digits.
	AccountID string
	// SessionName is what CloudTrail shows: 2-64 characters of [a-zA-Z_0-9+=,.@-].
	SessionName string
	// Duration of the credentials, in whole seconds, 15 minutes to 12 hours.
	Duration time.Duration
	// Region whose STS endpoint is asked; it also tells the partition.
	Region string
	// STSEndpoint replaces the region's public address when it is not empty.
	STSEndpoint string
	// Tags of the session, sorted by key.
	Tags []Tag
}
