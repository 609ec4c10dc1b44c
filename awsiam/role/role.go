package role

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"attache.dev/attache/awsiam/policy"
)

// Role is an IAM role, as it is wanted or as IAM holds it.
type Role struct {
	// ARN has the role's path and name, in the case in which IAM holds them.
	ARN, Description string
	// MaxSessionDuration is 1 to 12 hours. It is 0 where it is not known, and then the description is
	// not known either.
	MaxSessionDuration time.Duration
	// TrustPolicy is JSON.
	TrustPolicy string
	// PermissionsBoundary is the ARN of a managed policy, empty for none.
	PermissionsBoundary string
	// Policies are the ARNs of the attached managed policies.
	Policies []string
	// InlinePolicies are JSON documents by name.
	InlinePolicies map[string]string
	// Tags of a wanted role are those that it must have: IAM may hold others, which stay. Keys are
	// unique without regard to case.
	Tags map[string]string
}

// Name returns the name in the ARN of a role.
func Name(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// Path returns the path in the ARN of a role. It begins and ends with a slash.
func Path(arn string) string {
	first, last := strings.Index(arn, "/"), strings.LastIndex(arn, "/")
	if first < 0 {
		return "/"
	}
	return arn[first : last+1]
}

// CheckInlinePolicies says what IAM would refuse in the inline policies of a role.
func CheckInlinePolicies(documents map[string]string) error {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		if err := policy.Check(documents[name]); err != nil {
			return fmt.Errorf("inlinePolicies[%s]: %w", name, err)
		}
		size += policy.Size(documents[name])
	}
	if size > policy.MaxRoleInlinePolicies {
		return fmt.Errorf("inlinePolicies have %d characters together, white space not counted, and IAM takes %d: "+
			"make managed policies of some and name them in policies", size, policy.MaxRoleInlinePolicies)
	}
	return nil
}

// Hash returns the SHA-256, in hexadecimal, of all that a wanted role says. It is the same for roles
// between which Differences finds nothing and which want the same tags.
func Hash(r Role) string {
	r.TrustPolicy = policy.Canonical(r.TrustPolicy)
	r.Policies = sorted(r.Policies)
	inline := make(map[string]string, len(r.InlinePolicies))
	for name, document := range r.InlinePolicies {
		inline[name] = policy.Canonical(document)
	}
	r.InlinePolicies = inline
	tags := make(map[string]string, len(r.Tags))
	for key, value := range r.Tags {
		tags[strings.ToLower(key)] = value
	}
	r.Tags = tags
	// A struct of strings, numbers and maps of strings: no such value fails.
	out, _ := json.Marshal(r)
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:])
}

// sorted returns a sorted copy without duplicates, never nil.
func sorted(items []string) []string {
	set := append([]string{}, items...)
	slices.Sort(set)
	return slices.Compact(set)
}
