package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// unspoken are the characters that GitHub drops when it makes an anchor of a heading.
	unspoken = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	files, err := filepath.Glob("*.md")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, file := range append(files, "../README.md") {
		t.Run(file, func(t *testing.T) {
			for _, match := range link.FindAllStringSubmatch(read(t, file), -1) {
				follow(t, file, match[1])
			}
		})
	}
}

func follow(t *testing.T, from, target string) {
	t.Helper()
	g := NewWithT(t)
	if strings.Contains(target, "://") {
		return
	}
	path, anchor, _ := strings.Cut(target, "#")
	file := from
	if path != "" {
		file = filepath.Join(filepath.Dir(from), path)
	}
	_, err := os.Stat(file)
	g.Expect(err).NotTo(HaveOccurred(), "%s links to %s", from, target)
	if anchor != "" {
		g.Expect(anchors(read(t, file))).To(ContainElement(anchor), "%s links to %s", from, target)
	}
}

// anchors returns those that GitHub gives a page's headings.
func anchors(page string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		spoken := unspoken.ReplaceAllString(strings.ToLower(match[1]), "")
		all = append(all, strings.ReplaceAll(spoken, " ", "-"))
	}
	return all
}

func TestTheIndexNamesEveryPage(t *testing.T) {
	files, err := filepath.Glob("*.md")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	index := read(t, "README.md")
	for _, file := range files {
		if file != "README.md" {
			NewWithT(t).Expect(index).To(ContainSubstring("("+file), "docs/README.md has no link to %s", file)
		}
	}
}
