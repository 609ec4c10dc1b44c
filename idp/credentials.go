package idp

import (
	"log/slog"
	"time"
)

// Credentials is STS's answer to an exchange.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	// Expiration of the three above.
	Expiration time.Time

	// AssumedRoleID and AssumedRoleARN identify the session: AROA...:SESSION and
	// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
	AssumedRoleID, AssumedRoleARN string

	// Subject, SubjectType, Issuer, Audience and NameQualifier are what STS read from the assertion.
	Subject, SubjectType, Issuer, Audience, NameQualifier string

	// RequestID of the STS call.
	RequestID string
}

// String hides the secrets, so that a stray %v prints none.
func (c Credentials) String() string {
	return "credentials of " + c.AssumedRoleARN + " until " + c.Expiration.UTC().Format(time.RFC3339)
}

// GoString hides the secrets from %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secrets from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
