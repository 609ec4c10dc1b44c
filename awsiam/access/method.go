package access

import (
	"fmt"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
)

// Account is an AWS account in which the operator works.
type Account struct {
	// ID has twelve digits.
	ID string
	// Region whose STS is asked; it also tells the partition.
	Region string
	// STSEndpoint replaces the region's public address unless it is empty.
	STSEndpoint string
}

// Method is a way to credentials: Ambient, AssumeRole, Keys or Federated. Methods are compared as
// values: another value gets credentials of its own.
type Method interface {
	// source returns what gets credentials, not yet known to be of the account.
	source(*Accounts, Account) (source, *awsiam.Error)
	// remedy says what to change when AWS does not take the credentials, or takes them for another
	// account's.
	remedy(Account) string
}

// Ambient takes what the AWS SDK's default chain finds: environment, shared files, container or
// instance metadata.
type Ambient struct {
	// Holder says in messages who is to be given other credentials; the operator's pod if empty.
	Holder string
}

// AssumeRole takes a role of the account with the ambient credentials.
type AssumeRole struct {
	// RoleARN of a role in the account.
	RoleARN string
	// ExternalID that the role's trust policy demands in sts:ExternalId; empty for none.
	ExternalID string
}

// Keys are an access key that somebody stored.
type Keys struct {
	AccessKeyID, SecretAccessKey string
	// SessionToken of temporary keys; empty for those of a user.
	SessionToken string
	// From says in messages where the keys are, such as "Secret attache-system/production".
	From string
}

// Federated signs in with SAML as the operator itself: no key of AWS is stored anywhere.
type Federated struct {
	// RoleARN of the operator's role and ProviderARN of the SAML provider that alone it trusts, as
	// package bootstrap names them.
	RoleARN, ProviderARN string
}

// String leaves the secrets out, so that a stray %v prints none.
func (k Keys) String() string { return "keys from " + k.From }

// GoString hides the secrets from %#v.
func (k Keys) GoString() string { return k.String() }

func (m Ambient) remedy(a Account) string {
	if m.Holder != "" {
		return fmt.Sprintf("give %s credentials of account %s", m.Holder, a.ID)
	}
	return fmt.Sprintf("give the operator's pod credentials of account %s, or write another access.mode for it", a.ID)
}

func (m AssumeRole) remedy(a Account) string {
	return fmt.Sprintf("give the operator's pod credentials that may take %s, or write another access.mode for account %s", m.RoleARN, a.ID)
}

func (k Keys) remedy(a Account) string {
	return fmt.Sprintf("put an access key of account %s that is in use into %s", a.ID, k.From)
}

func (Federated) remedy(a Account) string { return repair(a) }

func bootstrapCommand(a Account) string {
	return fmt.Sprintf("have an administrator of account %s run `attache bootstrap` for it", a.ID)
}

func repair(a Account) string {
	return fmt.Sprintf("have an administrator of account %s run `attache bootstrap --repair` for it", a.ID)
}

// checkRole finds a role that is not the account's before AWS is asked.
func checkRole(a Account, roleARN string) *awsiam.Error {
	p := partition.OfRegion(a.Region)
	partitionID, accountID, err := partition.ParseRoleARN(roleARN)
	switch {
	case err != nil:
		return invalid(err.Error())
	case accountID != a.ID:
		return invalid(fmt.Sprintf("%s is not a role of account %s: write one of that account", roleARN, a.ID))
	case partitionID != p.ID:
		return invalid(fmt.Sprintf("%s is of partition %s, but region %s is of partition %s: write a region of the role's partition", roleARN, partitionID, a.Region, p.ID))
	}
	return nil
}
