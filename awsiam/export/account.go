package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/policy"
	"attache.dev/attache/awsiam/role"
)

// Provider is an IAM SAML provider.
type Provider struct {
	ARN, Metadata string
	Tags          map[string]string
}

// Account is what an AWS account is to hold.
type Account struct {
	// ID has twelve digits.
	ID string
	// Region of the account, which tells the partition.
	Region    string
	Providers []Provider
	Roles     []role.Role
}

var (
	accountIDs   = regexp.MustCompile(`^[0-9]{12}$`)
	regions      = regexp.MustCompile(`^[a-z0-9-]+$`)
	providerARNs = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}):saml-provider/([\w._-]{1,128})$`)
)

// checked returns the account with everything in the order of ARNs, or an error that names what
// cannot be written down.
func (a Account) checked() (Account, error) {
	if !accountIDs.MatchString(a.ID) {
		return a, fmt.Errorf("account %q: write its twelve digits", a.ID)
	}
	if !regions.MatchString(a.Region) {
		return a, fmt.Errorf("region %q: write one such as eu-west-1", a.Region)
	}
	a.Providers, a.Roles = slices.Clone(a.Providers), slices.Clone(a.Roles)
	slices.SortFunc(a.Providers, func(x, y Provider) int { return cmp.Compare(x.ARN, y.ARN) })
	slices.SortFunc(a.Roles, func(x, y role.Role) int { return cmp.Compare(x.ARN, y.ARN) })
	for _, p := range a.Providers {
		if m := providerARNs.FindStringSubmatch(p.ARN); len(m) < 2 || m[1] != a.ID {
			return a, fmt.Errorf("%q is not a SAML provider of account %s", p.ARN, a.ID)
		}
		if !strings.HasPrefix(p.Metadata, "<") {
			return a, fmt.Errorf("%s: its metadata is not XML", p.ARN)
		}
		if err := checkTexts(p.ARN, p.Tags, p.Metadata); err != nil {
			return a, err
		}
	}
	for _, r := range a.Roles {
		if err := checkRole(a.ID, r); err != nil {
			return a, err
		}
	}
	return a, nil
}

func checkRole(accountID string, r role.Role) error {
	_, id, err := partition.ParseRoleARN(r.ARN)
	if err != nil {
		return err
	}
	if id != accountID {
		return fmt.Errorf("%s is not a role of account %s", r.ARN, accountID)
	}
	if err := checkTexts(r.ARN, r.Tags, append(slices.Collect(maps.Values(r.InlinePolicies)), r.TrustPolicy, r.Description)...); err != nil {
		return err
	}
	if _, err := policy.Parse(r.TrustPolicy); err != nil {
		return fmt.Errorf("%s: trust policy: %w", r.ARN, err)
	}
	for name, document := range r.InlinePolicies {
		if _, err := policy.Parse(document); err != nil {
			return fmt.Errorf("%s: policy %s: %w", r.ARN, name, err)
		}
	}
	return nil
}

// checkTexts finds what IAM does not take and no format can hold.
func checkTexts(arn string, tags map[string]string, texts ...string) error {
	for key, value := range tags {
		texts = append(texts, key, value)
	}
	control := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) }
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
			return fmt.Errorf("%s: %.64q is not text: take out control characters and what is not UTF-8", arn, text)
		}
	}
	return nil
}

func (p Provider) name() string { return role.Name(p.ARN) }

// readable is a policy over several lines.
func readable(document string) (string, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(json.RawMessage(document)); err != nil {
		return "", fmt.Errorf("write a policy: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

// identifier is the name itself where clean matches it, and otherwise the name with replacement for
// what is foreign, and a hash. It depends on nothing but the name: what is added later changes no
// identifier, by which tools know what they have made.
func identifier(name string, clean, foreign *regexp.Regexp, replacement string) string {
	if clean.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return foreign.ReplaceAllString(name, replacement) + replacement + hex.EncodeToString(sum[:4])
}
