package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"attache.dev/attache/api/v1alpha1"
)

// missingLine returns an entry of spec.allow, in YAML, that would cover the mapping and no more than
// it. A boundary that the closest entry demands stays: what people copy must not widen rights.
func missingLine(e entry) string {
	m := e.mapping
	var kinds []string
	for _, s := range m.Spec.Subjects {
		if k := yamlWord(string(s.Kind)); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	given := "roles: " + quotedList(patternFor(m.Spec.Role.ARN))
	if m.Spec.Role.Managed != nil {
		given = "managed: " + missingManaged(e)
	}
	return fmt.Sprintf("{namespaces: {names: [%s]}, subjects: [%s], %s}", yamlWord(m.Namespace), strings.Join(kinds, ", "), given)
}

func missingManaged(e entry) string {
	managed := e.mapping.Spec.Role.Managed
	fields := []string{"pathPrefix: " + strconv.Quote(e.mapping.ManagedRolePath())}
	if b := boundaryFor(e); b != "" {
		fields = append(fields, "permissionsBoundary: "+strconv.Quote(b))
	}
	if len(managed.Policies) > 0 {
		patterns := make([]string, len(managed.Policies))
		for i, arn := range managed.Policies {
			patterns[i] = patternFor(string(arn))
		}
		fields = append(fields, "policies: "+quotedList(patterns...))
	}
	if len(managed.InlinePolicies) > 0 {
		fields = append(fields, "inlinePolicies: true")
	}
	if adopts(e.mapping) {
		fields = append(fields, "adoption: true")
	}
	if n := e.facts.ManagedBefore; n >= int(v1alpha1.DefaultMaxRoles) {
		fields = append(fields, fmt.Sprintf("maxRoles: %d", min(n+1, maxMaxRoles)))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// maxMaxRoles is the most that the API takes for maxRoles.
const maxMaxRoles = 1000

// boundaryFor returns the boundary of the missing line: the mapping's own, or else the closest
// entry's.
func boundaryFor(e entry) string {
	if own := e.mapping.Spec.Role.Managed.PermissionsBoundary; own != "" {
		return own
	}
	if e.index < 0 || namespaceIsNotAllowed(e) || e.rule().Managed == nil {
		return ""
	}
	return e.rule().Managed.PermissionsBoundary
}

func quotedList(words ...string) string {
	slices.Sort(words)
	words = slices.Compact(words)
	for i, w := range words {
		words[i] = strconv.Quote(w)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// plainWord is what YAML reads as a string without quotes, but for yamlReserved.
var plainWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// yamlReserved are the words that YAML 1.1 reads as a boolean or as null.
var yamlReserved = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

func yamlWord(s string) string {
	if !plainWord.MatchString(s) || slices.Contains(yamlReserved, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return s
}

// notInPatterns are the characters that an ARN's resource may have and a pattern may not.
var notInPatterns = regexp.MustCompile(`[^\w+=,.@*/-]+`)

// patternFor returns the narrowest pattern that matches the ARN.
func patternFor(arn string) string {
	head, resource, _ := strings.Cut(arn, "/")
	return head + "/" + notInPatterns.ReplaceAllString(resource, "*")
}
