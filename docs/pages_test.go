// Package docs holds the documentation, and the tests that keep it complete and true: every field and
// every reason stands in the page of its kind, links lead somewhere, and policies are those of the
// code.
package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// The pages of the kinds.
const (
	samlProviderPage = "samlprovider.md"
	roleMappingPage  = "rolemapping.md"
)

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(content)
}

// section returns what stands under a heading, up to the next one of the same or a higher level.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	level, _, _ := strings.Cut(heading, " ")
	_, rest, found := strings.Cut("\n"+page, "\n"+heading+"\n")
	NewWithT(t).Expect(found).To(BeTrue(), "the page has no heading %q", heading)
	if next := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+len(level))) + `} `).FindStringIndex(rest); next != nil {
		rest = rest[:next[0]]
	}
	return rest
}

// block returns the fenced block that follows a comment which begins with the marker.
func block(t *testing.T, page, marker string) string {
	t.Helper()
	g := NewWithT(t)
	_, rest, marked := strings.Cut(page, "<!-- "+marker)
	g.Expect(marked).To(BeTrue(), "the page has no comment <!-- %s ... -->", marker)
	_, rest, opened := strings.Cut(rest, "\n```json\n")
	g.Expect(opened).To(BeTrue(), "no block ```json follows the comment %q", marker)
	text, _, closed := strings.Cut(rest, "\n```\n")
	g.Expect(closed).To(BeTrue(), "the block after %q does not end", marker)
	return text
}
