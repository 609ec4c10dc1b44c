package awsfake

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// maxSeededRoles is about twice the most roles that AWS lets an account have.
const maxSeededRoles = 10000

// Seed is what others keep in an account that is shared: roles under various paths
// with trust policies, inline and attached policies, boundaries and tags, and S3
// buckets. What exists under a name is left as it is.
type Seed struct {
	// AccountID may be empty for that of the server's Options.AccountID.
	AccountID string `json:"accountID,omitempty"`
	// Roles is how many there shall be: PREFIX-00000 and so on.
	Roles int `json:"roles,omitempty"`
	// RolePrefix is "foreign" if empty.
	RolePrefix string `json:"rolePrefix,omitempty"`
	// Buckets are names of S3 buckets.
	Buckets []string `json:"buckets,omitempty"`
}

var rolePrefixPattern = regexp.MustCompile(`^[\w+=,.@-]{1,58}$`)

func (s Seed) validate() error {
	switch {
	case s.Roles < 0 || s.Roles > maxSeededRoles:
		return fmt.Errorf("roles %d is not from 0 to %d", s.Roles, maxSeededRoles)
	case s.RolePrefix != "" && !rolePrefixPattern.MatchString(s.RolePrefix):
		return fmt.Errorf("rolePrefix %q is not 1-58 characters of [\\w+=,.@-]", s.RolePrefix)
	}
	for _, name := range s.Buckets {
		if !validBucketName(name) {
			return fmt.Errorf("bucket %q is not 3-63 characters of [a-z0-9.-]", name)
		}
	}
	return nil
}

func (s *Server) seed(what Seed) error {
	if err := what.validate(); err != nil {
		return err
	}
	if what.AccountID == "" {
		what.AccountID = s.accountID
	}
	if what.RolePrefix == "" {
		what.RolePrefix = "foreign"
	}
	if err := s.state.checkExists(what.AccountID); err != nil {
		return err
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	account := s.state.accounts[what.AccountID]
	field, err := newForeignField(s.state, account.id)
	if err != nil {
		return err
	}
	now := s.clock()
	for i := range what.Roles {
		name := fmt.Sprintf("%s-%05d", what.RolePrefix, i)
		if account.role(name) == nil {
			account.roles[strings.ToLower(name)] = field.role(i, name, now.Add(-time.Duration(i)*time.Hour))
		}
	}
	for _, name := range what.Buckets {
		if err := s.buckets.create(name, account.id); err != nil && !errors.Is(err, errBucketOwned) {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
	}
	return nil
}

var (
	foreignPaths = []string{"/", "/service-role/", "/aws-service-role/ec2.amazonaws.com/", "/teams/alpha/", "/teams/beta/", "/aws-reserved/sso.amazonaws.com/eu-west-1/"}
	foreignTags  = []tag{{"team", "alpha"}, {"cost-center", "4711"}, {"Environment", "production"}, {"managed-by", "terraform"}}
	// foreignTrusts have ACCOUNT and PARTITION where theirs belong.
	foreignTrusts = []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","edgelambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:PARTITION:iam::444455556666:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"partner"}}}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:PARTITION:iam::ACCOUNT:oidc-provider/oidc.example.test"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"oidc.example.test:aud":"sts.amazonaws.com"}}}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:PARTITION:iam::ACCOUNT:saml-provider/AWSSSO_DO_NOT_DELETE"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}]}`,
	}
	foreignInline = []string{
		`{"Version":"2012-10-17","Statement":[{"Sid":"Objects","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:PARTITION:s3:::foreign/*"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:Query","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`,
	}
)

// foreignField makes foreign roles, whose documents are parsed once.
type foreignField struct {
	state       *state
	accountID   string
	trusts      []foreignDocument
	inline      []foreignDocument
	readOnly    *managedPolicy
	partitioned *strings.Replacer
}

type foreignDocument struct {
	text   string
	parsed *policy.Document
}

func newForeignField(s *state, accountID string) (*foreignField, error) {
	f := &foreignField{
		state: s, accountID: accountID,
		readOnly:    s.awsPolicies[iamARN(s.partition, "aws", "policy/ReadOnlyAccess")],
		partitioned: strings.NewReplacer("PARTITION", s.partition, "ACCOUNT", accountID),
	}
	var err error
	if f.trusts, err = f.parse(foreignTrusts, policy.ParseTrust); err != nil {
		return nil, err
	}
	f.inline, err = f.parse(foreignInline, policy.ParseIdentity)
	return f, err
}

func (f *foreignField) parse(texts []string, parse func(string) (*policy.Document, error)) ([]foreignDocument, error) {
	documents := make([]foreignDocument, 0, len(texts))
	for _, text := range texts {
		text = f.partitioned.Replace(text)
		parsed, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("parse a foreign role's policy: %w", err)
		}
		documents = append(documents, foreignDocument{text: text, parsed: parsed})
	}
	return documents, nil
}

// role makes the i-th role: each property comes round at a rate of its own.
func (f *foreignField) role(i int, name string, created time.Time) *role {
	trust := f.trusts[i%len(f.trusts)]
	r := &role{
		name: name, path: foreignPaths[i%len(foreignPaths)], id: newID(prefixRole), created: created,
		trustDocument: trust.text, trust: trust.parsed, maxSessionDuration: minRoleSessionSeconds * (1 + i%12),
		tags: newTagSet(foreignTags[:i%(len(foreignTags)+1)]), policies: inlinePolicies{}, attached: attachedPolicies{},
	}
	r.arn = iamARN(f.state.partition, f.accountID, "role"+r.path+r.name)
	if i%2 == 0 {
		r.description = "A role of another team"
	}
	for n, document := range f.inline[:i%(len(f.inline)+1)] {
		r.policies[fmt.Sprintf("inline-%d", n)] = inlinePolicy(document)
	}
	if i%4 == 0 {
		r.attached[f.readOnly.arn] = f.readOnly
	}
	if i%7 == 0 {
		r.boundary = f.readOnly
	}
	return r
}
