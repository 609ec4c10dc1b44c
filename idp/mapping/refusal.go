package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

func denied(reason, message string) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Denied, Reason: reason, Message: message}
}

func malformed(reason, message string) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Malformed, Reason: reason, Message: message}
}

// roleRetryAfter is about what the operator needs to make a role.
const roleRetryAfter = 10 * time.Second

func roleNotReady(c candidate) *idp.Refusal {
	return &idp.Refusal{
		Kind: idp.Unavailable, Reason: ReasonRoleNotReady, RetryAfter: roleRetryAfter,
		Message: fmt.Sprintf("the operator has not made %s for RoleMapping %s: try again, and if that does not help see kubectl -n %s describe rolemapping %s",
			c.role, nameOf(c.mapping), c.mapping.Namespace, c.mapping.Name),
	}
}

func noMapping(p *v1alpha1.SAMLProvider, s idp.Subject) *idp.Refusal {
	return denied(ReasonNoMapping, fmt.Sprintf(
		"no RoleMapping in namespace %q names service account %q and SAMLProvider %q; create one with spec: {providerRef: {name: %s}, subjects: [{kind: ServiceAccount, name: %s}], role: {arn: ...}}",
		s.Namespace, s.Name, p.Name, yamlWord(p.Name), yamlWord(s.Name)))
}

func roleNotGranted(s idp.Subject, roleARN string, allowed []candidate) *idp.Refusal {
	message := fmt.Sprintf("role %q is not granted to service account %s/%s", roleARN, s.Namespace, s.Name)
	if len(allowed) > 0 {
		message += ", which may have: " + strings.Join(rolesOf(allowed), ", ")
	}
	return denied(ReasonRoleNotGranted, message)
}

func ambiguous(s idp.Subject, tied []candidate) *idp.Refusal {
	if roles := rolesOf(tied); len(roles) > 1 {
		return malformed(ReasonRoleAmbiguous, fmt.Sprintf(
			"service account %s/%s may have several roles: send role with one of them, or set spec.default: true in exactly one RoleMapping: %s",
			s.Namespace, s.Name, strings.Join(roles, ", ")))
	}
	mappings := make([]string, len(tied))
	for i, c := range tied {
		mappings[i] = nameOf(c.mapping)
	}
	return malformed(ReasonRoleAmbiguous, fmt.Sprintf(
		"several RoleMappings give %s to service account %s/%s: keep one of them, or set spec.default: true in exactly one: %s",
		tied[0].role, s.Namespace, s.Name, strings.Join(mappings, ", ")))
}

// rolesOf returns the roles of the candidates, each once, sorted.
func rolesOf(cs []candidate) []string {
	roles := make([]string, len(cs))
	for i, c := range cs {
		roles[i] = c.role
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
