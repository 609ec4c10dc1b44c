package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestEachReasonThatAControllerGivesIsInThePageOfItsKind(t *testing.T) {
	values := constants(t)
	for page, patterns := range map[string][]string{
		samlProviderPage: {"../controllers/samlprovider/outcomes.go"},
		// What mapping refuses becomes the reason of the condition Accepted.
		roleMappingPage: {"../controllers/rolemapping/outcomes.go", "../idp/mapping/*.go"},
	} {
		t.Run(page, func(t *testing.T) {
			text := read(t, page)
			var missing []string
			for _, name := range used(t, patterns...) {
				if !strings.Contains(text, "`"+values[name]+"`") {
					missing = append(missing, values[name])
				}
			}
			NewWithT(t).Expect(missing).To(BeEmpty(), "docs/%s must say what each of these means", page)
		})
	}
}

func TestEachReasonAndConditionIsInAPage(t *testing.T) {
	pages := read(t, samlProviderPage) + read(t, roleMappingPage)
	var missing []string
	for _, value := range constants(t) {
		if !strings.Contains(pages, "`"+value+"`") {
			missing = append(missing, value)
		}
	}
	NewWithT(t).Expect(missing).To(BeEmpty(), "neither docs/%s nor docs/%s has these", samlProviderPage, roleMappingPage)
}

// row is a line of a table of reasons.
var row = regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|")

func TestNoPageHasAReasonThatIsNotThere(t *testing.T) {
	var known []string
	for _, value := range constants(t) {
		known = append(known, value)
	}
	for _, page := range []string{samlProviderPage, roleMappingPage} {
		for _, match := range row.FindAllStringSubmatch(section(t, read(t, page), "## Conditions"), -1) {
			NewWithT(t).Expect(known).To(ContainElement(match[1]), "a row of docs/%s", page)
		}
	}
}

// constants returns the reasons and condition types of the API, value by the constant's name.
func constants(t *testing.T) map[string]string {
	t.Helper()
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../api/v1alpha1/conditions.go", nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	values := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !isReasonOrCondition(spec.Names[0].Name) {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		g.Expect(err).NotTo(HaveOccurred())
		values[spec.Names[0].Name] = value
		return true
	})
	g.Expect(values).NotTo(BeEmpty())
	return values
}

// used returns the names of the reasons that files mention.
func used(t *testing.T, patterns ...string) []string {
	t.Helper()
	g := NewWithT(t)
	var names []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(files).NotTo(BeEmpty(), pattern)
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			g.Expect(err).NotTo(HaveOccurred())
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && isFrom(s, "v1alpha1") && strings.HasPrefix(s.Sel.Name, "Reason") {
					names = append(names, s.Sel.Name)
				}
				return true
			})
		}
	}
	g.Expect(names).NotTo(BeEmpty())
	slices.Sort(names)
	return slices.Compact(names)
}

func isFrom(s *ast.SelectorExpr, pkg string) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func isReasonOrCondition(name string) bool {
	return strings.HasPrefix(name, "Reason") || strings.HasPrefix(name, "Condition")
}
