package bootstrap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
)

// Names of what is made. The path is the roles' only: SAML providers have none.
const (
	Name      = "attache-operator"
	ProbeName = "attache-probe"
	Path      = "/attache/"
)

// ProviderARN returns the ARN of the operator's own SAML provider.
func ProviderARN(p partition.Partition, accountID string) string {
	return p.SAMLProviderARN(accountID, Name)
}

// RoleARN returns the ARN of the operator's role.
func RoleARN(p partition.Partition, accountID string) string { return p.RoleARN(accountID, Path, Name) }

// ProbeRoleARN returns the ARN of the role that signing keys are tried on.
func ProbeRoleARN(p partition.Partition, accountID string) string {
	return p.RoleARN(accountID, Path, ProbeName)
}

// Config is what the operator of one cluster is to have in one account.
type Config struct {
	// AccountID has twelve digits. Region tells the partition.
	AccountID, Region string
	// ClusterUID is the UID of the cluster's kube-system namespace: what is made is tagged with it.
	ClusterUID string
	// Metadata of the operator's own identity provider and NameID of its assertions
	// (access.Identity).
	Metadata, NameID string
	// Providers are the names of the IAM SAML providers that the operator manages.
	Providers []string
	// Roles are the bounds within which it manages roles. With path prefixes there must be a boundary.
	Roles awsiam.RolesBounds
}

func (c Config) partition() partition.Partition { return partition.OfRegion(c.Region) }

// owner is the operator itself, which no object stands for.
func (c Config) owner() awsiam.Owner {
	return awsiam.Owner{ClusterUID: c.ClusterUID, ObjectUID: Name, Name: Name}
}

var (
	accountIDs    = regexp.MustCompile(`^[0-9]{12}$`)
	providerNames = regexp.MustCompile(`^[\w._-]{1,128}$`)             // IAM API reference, CreateSAMLProvider
	nameIDs       = regexp.MustCompile(`^[A-Za-z0-9._:@=+,-]{2,256}$`) // no wildcard: it stands in a trust policy
	pathPrefixes  = regexp.MustCompile(`^/([\w+=,.@-]+/)+$`)           // no wildcard: it stands in a policy's Resource
	policyARNs    = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+$`)
	policyPattern = regexp.MustCompile(`^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[\w+=,.@/*?-]+$`)
)

// checkOwner looks at what it takes to know what belongs to the operator.
func (c Config) checkOwner() error {
	switch {
	case !accountIDs.MatchString(c.AccountID):
		return fmt.Errorf("account %q: write its twelve digits", c.AccountID)
	case c.Region == "":
		return errors.New("the region is missing: write the account's, such as eu-west-1")
	case c.ClusterUID == "":
		return errors.New("the cluster's UID is missing: it is that of the kube-system namespace")
	}
	return nil
}

// check says what to write instead of what could not work or would give too much.
func (c Config) check() error {
	if err := c.checkOwner(); err != nil {
		return err
	}
	if !nameIDs.MatchString(c.NameID) {
		return fmt.Errorf("the operator's name %q cannot stand in a trust policy", c.NameID)
	}
	if len(c.Providers) == 0 {
		return errors.New("no providers: write the names of the SAML providers that the operator is to manage")
	}
	if document, err := metadata.Parse(c.Metadata); err != nil {
		return fmt.Errorf("the operator's own metadata: %w", err)
	} else if len(document.Keys) == 0 {
		return errors.New("the operator's own metadata has no signing key")
	}
	for _, name := range c.Providers {
		if !providerNames.MatchString(name) {
			return fmt.Errorf("provider %q: write a name of 1 to 128 letters, digits and ._-, without wildcards", name)
		}
		// IAM's names differ by more than case.
		if strings.EqualFold(name, Name) {
			return fmt.Errorf("provider %q is the operator's own, which it must not change: write the providers of pods and people", name)
		}
	}
	return c.checkRoles()
}

func (c Config) checkRoles() error {
	b := c.Roles
	for _, prefix := range b.PathPrefixes {
		// What may change the trust of every role may be every role.
		if !pathPrefixes.MatchString(prefix) {
			return fmt.Errorf("path prefix %q: write a path below /, such as /reports/, without wildcards", prefix)
		}
	}
	if len(b.PathPrefixes) > 0 && b.PermissionsBoundary == "" {
		return errors.New("a permissions boundary is missing: without one the operator could give a role every right, and take it; write the ARN of a managed policy")
	}
	if b.PermissionsBoundary != "" && !policyARNs.MatchString(b.PermissionsBoundary) {
		return fmt.Errorf("permissions boundary %q: write the ARN of a managed policy, such as arn:aws:iam::%s:policy/NAME", b.PermissionsBoundary, c.AccountID)
	}
	for _, pattern := range b.Policies {
		if !policyPattern.MatchString(pattern) {
			return fmt.Errorf("policy %q: write the ARN of a managed policy, * for any characters of its path and name", pattern)
		}
	}
	return nil
}

// Wanted is what the account is to hold.
type Wanted struct {
	// ProviderARN of the operator's own SAML provider, with its metadata and tags.
	ProviderARN, Metadata string
	Tags                  map[string]string
	// Operator is the operator's role, and Probe the one without rights.
	Operator, Probe role.Role
}

// Want returns what the account is to hold, or an error that says what to write in the Config.
func Want(c Config) (Wanted, error) {
	if err := c.check(); err != nil {
		return Wanted{}, err
	}
	p := c.partition()
	document, err := c.policy()
	if err != nil {
		return Wanted{}, err
	}
	w := Wanted{
		ProviderARN: ProviderARN(p, c.AccountID), Metadata: c.Metadata, Tags: c.owner().Tags(),
		Operator: role.Role{
			ARN: RoleARN(p, c.AccountID), Description: "Attaché's operator: manages SAML providers and their roles",
			MaxSessionDuration: sessionDuration, TrustPolicy: c.operatorTrust(),
			InlinePolicies: map[string]string{operatorPolicyName: document}, Tags: c.owner().Tags(),
		},
		Probe: role.Role{
			ARN: ProbeRoleARN(p, c.AccountID), Description: "Attaché tries signing keys on this role; it may do nothing",
			MaxSessionDuration: sessionDuration, TrustPolicy: c.probeTrust(),
			InlinePolicies: map[string]string{probePolicyName: denyEverything}, Tags: c.owner().Tags(),
		},
	}
	if err := role.CheckInlinePolicies(w.Operator.InlinePolicies); err != nil {
		return Wanted{}, fmt.Errorf("the operator's policy: name fewer providers, path prefixes or policies: %w", err)
	}
	return w, nil
}
