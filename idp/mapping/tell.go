package mapping

import (
	"fmt"

	"attache.dev/attache/api/v1alpha1"
)

// What the checks of entry.go have found, in words: what differs, what the mapping's author can
// write instead, and the line of allow that is missing.

func notAllowed(format string, args ...any) Finding {
	return Finding{Reason: v1alpha1.ReasonNotAllowedByProvider, Message: fmt.Sprintf(format, args...)}
}

func tellNamespace(e entry) Finding {
	return notAllowed("spec.allow of SAMLProvider %q has no entry for namespace %q that covers %s; ask its owner to add: %s",
		e.provider.Name, e.mapping.Namespace, roleWord(e.provider, e.mapping), missingLine(e))
}

func tellSubjectKind(e entry) Finding {
	return notAllowed("spec.allow of SAMLProvider %q has an entry for namespace %q, but none whose subjects include %s; ask its owner to add: %s",
		e.provider.Name, e.mapping.Namespace, missingKind(e), missingLine(e))
}

func tellRolePattern(e entry) Finding {
	return notAllowed("spec.allow of SAMLProvider %q has an entry for namespace %q, but none whose roles match %s (* never matches /); ask its owner to add: %s",
		e.provider.Name, e.mapping.Namespace, e.mapping.Spec.Role.ARN, missingLine(e))
}

func tellManaged(e entry) Finding {
	return notAllowed("spec.allow of SAMLProvider %q has an entry for namespace %q, but none with managed, which lets it have roles made; ask its owner to add: %s",
		e.provider.Name, e.mapping.Namespace, missingLine(e))
}

func tellPath(e entry) Finding {
	return notAllowed("the path of the managed role, %s, is outside managed.pathPrefix of %s: delete the RoleMapping and create it with a role.managed.path that begins with %s, or ask its owner to add: %s",
		e.mapping.ManagedRolePath(), e, e.rule().Managed.PathPrefix, missingLine(e))
}

func tellBoundary(e entry) Finding {
	return notAllowed("role.managed.permissionsBoundary %s is not the one that %s demands: write %s or leave it out, or ask its owner to add: %s",
		e.mapping.Spec.Role.Managed.PermissionsBoundary, e, e.rule().Managed.PermissionsBoundary, missingLine(e))
}

func tellPolicy(e entry) Finding {
	return notAllowed("policy %s is not one that managed.policies of %s allows (* never matches /): leave it out, or ask its owner to add: %s",
		foreignPolicy(e), e, missingLine(e))
}

func tellInlinePolicies(e entry) Finding {
	unbounded := ""
	if boundaryFor(e) == "" {
		unbounded = ", best with a permissionsBoundary, for nothing else bounds such policies,"
	}
	return notAllowed("%s does not allow role.managed.inlinePolicies: use policies that it lists, or ask its owner%s to add: %s", e, unbounded, missingLine(e))
}

func tellAdoption(e entry) Finding {
	return notAllowed("%s does not allow adoption: leave spec.adoption out, or ask its owner to add: %s", e, missingLine(e))
}

func tellMaxRoles(e entry) Finding {
	limit := e.rule().Managed.RoleLimit()
	return Finding{Reason: v1alpha1.ReasonTooManyRoles, Message: fmt.Sprintf(
		"%d older RoleMappings of namespace %q with managed roles leave nothing of the %d that managed.maxRoles of %s allows: delete one of them, or ask its owner to raise maxRoles",
		e.facts.ManagedBefore, e.mapping.Namespace, limit, e)}
}
