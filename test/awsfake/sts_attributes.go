package awsfake

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/policy"
	"attache.dev/attache/test/awsfake/saml"
)

// Attributes that STS reads; names are case-sensitive (IAM User Guide, "Configure
// SAML assertions for the authentication response").
const (
	attributePrefix            = "https://aws.amazon.com/SAML/Attributes/"
	attributeRole              = attributePrefix + "Role"
	attributeRoleSessionName   = attributePrefix + "RoleSessionName"
	attributeSessionDuration   = attributePrefix + "SessionDuration"
	attributeSourceIdentity    = attributePrefix + "SourceIdentity"
	attributePrincipalTag      = attributePrefix + "PrincipalTag:"
	attributeTransitiveTagKeys = attributePrefix + "TransitiveTagKeys"
)

var sessionNamePattern = regexp.MustCompile(`^[a-zA-Z_0-9+=,.@-]{2,64}$`)

// attributes are what an assertion grants by its AWS attributes.
type attributes struct {
	sessionName       string
	sourceIdentity    string // "" if not given
	maxDuration       time.Duration
	tags              []tag
	transitiveTagKeys []string
}

// readAttributes checks the AWS attributes for the role and provider asked for.
func readAttributes(a *saml.Assertion, roleARN, providerARN string) (attributes, error) {
	granted := attributes{maxDuration: maxSessionSeconds * time.Second}
	if !namesRole(a.Attributes[attributeRole], roleARN, providerARN) {
		return granted, invalidIdentityToken("SAML Assertion doesn't contain the requested Role and Metadata in the attributes")
	}
	for _, read := range []func(map[string][]string) error{
		granted.readSessionName, granted.readDuration, granted.readSourceIdentity, granted.readTags,
	} {
		if err := read(a.Attributes); err != nil {
			return granted, err
		}
	}
	return granted, nil
}

// namesRole looks for the pair in either order.
func namesRole(values []string, roleARN, providerARN string) bool {
	for _, value := range values {
		if value == roleARN+","+providerARN || value == providerARN+","+roleARN {
			return true
		}
	}
	return false
}

func (g *attributes) readSessionName(all map[string][]string) error {
	values := all[attributeRoleSessionName]
	if len(values) == 0 || values[0] == "" {
		return invalidIdentityToken("RoleSessionName is required in AuthnResponse")
	}
	if len(values) != 1 || !sessionNamePattern.MatchString(values[0]) {
		return invalidIdentityToken("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	}
	g.sessionName = values[0]
	return nil
}

func (g *attributes) readDuration(all map[string][]string) error {
	values, given := all[attributeSessionDuration]
	if !given {
		return nil
	}
	seconds, err := strconv.Atoi(values[0])
	if err != nil || len(values) != 1 || seconds < minSessionSeconds || seconds > maxSessionSeconds {
		return invalidIdentityToken("SessionDuration in AuthnResponse must be a number from %d to %d", minSessionSeconds, maxSessionSeconds)
	}
	g.maxDuration = time.Duration(seconds) * time.Second
	return nil
}

func (g *attributes) readSourceIdentity(all map[string][]string) error {
	values, given := all[attributeSourceIdentity]
	if !given {
		return nil
	}
	if len(values) != 1 || !sessionNamePattern.MatchString(values[0]) || strings.HasPrefix(values[0], "aws:") {
		return invalidIdentityToken(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)
	}
	g.sourceIdentity = values[0]
	return nil
}

func (g *attributes) readTags(all map[string][]string) error {
	for name, values := range all {
		key, isTag := strings.CutPrefix(name, attributePrincipalTag)
		if !isTag {
			continue
		}
		if len(values) != 1 {
			return invalidIdentityToken("PrincipalTag:%s in AuthnResponse must have one value", key)
		}
		g.tags = append(g.tags, tag{Key: key, Value: values[0]})
	}
	if problem := tagProblem(g.tags); problem != "" {
		return invalidIdentityToken("%s", problem)
	}
	if len(g.tags) > maxTags {
		return invalidIdentityToken("A session takes at most %d tags", maxTags)
	}
	g.transitiveTagKeys = all[attributeTransitiveTagKeys]
	if g.strayTransitiveKey() != "" {
		return invalidIdentityToken("The specified transitive tag key must be included in the requested tags")
	}
	return nil
}

// strayTransitiveKey returns a transitive key that is no tag's, or "".
func (g *attributes) strayTransitiveKey() string {
	tags := newTagSet(g.tags)
	for _, key := range g.transitiveTagKeys {
		if _, found := tags[strings.ToLower(key)]; !found {
			return key
		}
	}
	return ""
}

// addToTrust sets the keys by which a trust policy sees what is asked for.
func (g *attributes) addToTrust(ctx policy.Context) {
	ctx.Set("sts:RoleSessionName", g.sessionName)
	if g.sourceIdentity != "" {
		ctx.Set("sts:SourceIdentity", g.sourceIdentity)
	}
	newTagSet(g.tags).addTo(ctx, "aws:RequestTag")
	var keys []string
	for _, t := range g.tags {
		keys = append(keys, t.Key)
	}
	ctx.Set("aws:TagKeys", keys...)
	ctx.Set("sts:TransitiveTagKeys", g.transitiveTagKeys...)
}
