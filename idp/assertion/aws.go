package assertion

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/idp"
)

// Names of the attributes that AWS reads, case-sensitive (IAM User Guide, "Configure SAML
// assertions for the authentication response").
const (
	attributePrefix = "https://aws.amazon.com/SAML/Attributes/"

	AttributeRole            = attributePrefix + "Role"
	AttributeRoleSessionName = attributePrefix + "RoleSessionName"
	AttributeSessionDuration = attributePrefix + "SessionDuration"
	// AttributePrincipalTag and a key name the attribute of a session tag.
	AttributePrincipalTag = attributePrefix + "PrincipalTag:"
)

// FormatPersistent is the NameID format of names that stay the same from one session to the next
// (SAML 2.0 core, section 8.3.7).
const FormatPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"

const (
	// lifetimeForAWS: "Token must be redeemed within 5 minutes of issuance", says STS.
	lifetimeForAWS = 5 * time.Minute

	// Limits of AssumeRoleWithSAML (AWS STS API Reference).
	minDuration  = 15 * time.Minute
	maxDuration  = 12 * time.Hour
	maxARNLength = 2048
)

var (
	// NameIDs stand in policies as ${saml:sub}: no wildcard and no character of the policy language.
	nameIDs       = regexp.MustCompile(`^[A-Za-z0-9._:@=+,-]{2,256}$`)
	sessionNames  = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	roleResources = regexp.MustCompile(`:role/([!-~]{1,510}/)?[\w+=,.@-]{1,64}$`)
	providerNames = regexp.MustCompile(`^[\w._-]{1,128}$`)
)

// ForAWS says to AWS what the grant gives the subject, in the partition of the grant's region. The
// recipient is the partition's global sign-in address, which the role's trust policy must name in
// SAML:aud. What AWS would not take is refused with a *idp.Refusal of kind Denied.
func ForAWS(issuer string, s idp.Subject, g idp.Grant) (idp.Statement, error) {
	if !nameIDs.MatchString(s.String()) {
		return idp.Statement{}, denied(ReasonInvalidNameID,
			"the name %q cannot be the NameID of an assertion: it must be 2 to 256 characters of A-Z, a-z, 0-9 and ._:@=+,- because policies use it as ${saml:sub}", s.String())
	}
	if r := checkGrant(g); r != nil {
		return idp.Statement{}, r
	}
	p := partition.OfRegion(g.Region)
	return idp.Statement{
		Issuer:          issuer,
		NameID:          s.String(),
		NameIDFormat:    FormatPersistent,
		Audience:        p.Audience,
		Recipient:       p.ACS,
		Attributes:      attributes(g),
		Lifetime:        lifetimeForAWS,
		SessionLifetime: g.Duration,
	}, nil
}

func attributes(g idp.Grant) []idp.Attribute {
	all := make([]idp.Attribute, 0, 3+len(g.Tags))
	all = append(all,
		idp.Attribute{Name: AttributeRole, Values: []string{g.RoleARN + "," + g.ProviderARN}},
		idp.Attribute{Name: AttributeRoleSessionName, Values: []string{g.SessionName}},
		idp.Attribute{Name: AttributeSessionDuration, Values: []string{strconv.Itoa(int(g.Duration / time.Second))}},
	)
	for _, t := range g.Tags {
		all = append(all, idp.Attribute{Name: AttributePrincipalTag + t.Key, Values: []string{t.Value}})
	}
	return all
}

// checkGrant refuses what is beyond AWS's limits before AWS does, and names the field.
func checkGrant(g idp.Grant) *idp.Refusal {
	if g.Region == "" {
		return denied(ReasonInvalidGrant, "the region is missing: write the account's region, such as eu-west-1")
	}
	if r := checkRole(g); r != nil {
		return r
	}
	if r := checkProvider(g); r != nil {
		return r
	}
	if !sessionNames.MatchString(g.SessionName) {
		return denied(ReasonInvalidGrant, "the session name %q must be 2 to 64 characters of A-Z, a-z, 0-9 and _+=,.@-", g.SessionName)
	}
	if g.Duration < minDuration || g.Duration > maxDuration || g.Duration%time.Second != 0 {
		return denied(ReasonInvalidGrant, "the duration %s must be between %s and %s, in whole seconds", g.Duration, minDuration, maxDuration)
	}
	return checkTags(g.Tags)
}

func checkRole(g idp.Grant) *idp.Refusal {
	partitionID, account, err := partition.ParseRoleARN(g.RoleARN)
	if err != nil {
		return denied(ReasonInvalidGrant, "the role is wrong: %s", err)
	}
	if len(g.RoleARN) > maxARNLength || !roleResources.MatchString(g.RoleARN) {
		return denied(ReasonInvalidGrant, "the role %q is not one that IAM can have: its name is at most 64 characters of A-Z, a-z, 0-9 and _+=,.@-, its path at most 512", g.RoleARN)
	}
	if strings.Contains(g.RoleARN, ",") {
		// The comma parts role and provider in the Role attribute: a path with one could name another pair.
		return denied(ReasonInvalidGrant, "the role %q has a comma in its path or name, which SAML cannot tell from the end of the ARN: map a role without one", g.RoleARN)
	}
	if account != g.AccountID {
		return denied(ReasonInvalidGrant, "the role %q is not of account %s: map a role of that account", g.RoleARN, g.AccountID)
	}
	if p := partition.OfRegion(g.Region); partitionID != p.ID {
		return denied(ReasonInvalidGrant, "the role %q is of partition %s, but region %s is of partition %s: write a region of the role's partition", g.RoleARN, partitionID, g.Region, p.ID)
	}
	return nil
}

func checkProvider(g idp.Grant) *idp.Refusal {
	prefix := partition.OfRegion(g.Region).SAMLProviderARN(g.AccountID, "")
	name, ok := strings.CutPrefix(g.ProviderARN, prefix)
	if !ok || !providerNames.MatchString(name) {
		return denied(ReasonInvalidGrant, "the provider %q is not a SAML provider beside the role: it must be %sNAME", g.ProviderARN, prefix)
	}
	return nil
}
