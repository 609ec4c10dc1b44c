package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"attache.dev/attache/api/v1alpha1"
)

// missingLine returns the entry of spec.allow, in YAML, that would admit the mapping.
func missingLine(m *v1alpha1.RoleMapping) string {
	kinds := make([]string, 0, 1)
	for _, k := range kindsOf(m) {
		kinds = append(kinds, yamlWord(string(k)))
	}
	return fmt.Sprintf("{namespaces: {names: [%s]}, subjects: [%s], roles: [%s]}",
		yamlWord(m.Namespace), strings.Join(kinds, ", "), strconv.Quote(patternFor(m.Spec.Role.ARN)))
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

// notInPatterns are the characters that a role's path may have and a RolePattern may not.
var notInPatterns = regexp.MustCompile(`[^\w+=,.@*/:-]+`)

// patternFor returns the narrowest RolePattern that matches the ARN.
func patternFor(arn string) string { return notInPatterns.ReplaceAllString(arn, "*") }
