package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// How the pages say what status.Progress makes of a condition.
var progressInWords = map[string]string{
	"Done": "True", "Working": "False, working", "Retrying": "False, retrying", "Stalled": "False, stalled", "Halted": "False", "Unknown": "Unknown",
}

// How they say the values of status.Retry.
var retryInWords = map[string]string{"Never": "on a change", "Soon": "at once", "EachInterval": "each `interval`"}

// The rows of the controllers' tables of outcomes are rows of the pages' tables of reasons.
func TestThePagesSayOfEachOutcomeWhatTheControllersDo(t *testing.T) {
	values := constants(t)
	for page, file := range map[string]string{
		samlProviderPage: "../controllers/samlprovider/outcomes.go",
		roleMappingPage:  "../controllers/rolemapping/outcomes.go",
	} {
		text := read(t, page)
		for _, o := range outcomesIn(t, file) {
			condition, reason := values[o.condition], values[o.reason]
			t.Run(page+" "+condition+" "+reason, func(t *testing.T) {
				g := NewWithT(t)
				cells := cellsOf(section(t, text, "### "+condition), reason)
				g.Expect(cells).To(HaveLen(5), "a row | `%s` | status | what it means | comes back | what to do | under ### %s of docs/%s", reason, condition, page)
				g.Expect(strings.Split(cells[1], "; ")).To(ContainElement(progressInWords[o.progress]), "the status")
				g.Expect(cells[3]).To(ContainSubstring(o.retry), "when the operator comes back")
			})
		}
	}
}

// outcome is a row of a controller's table, with the names of constants.
type outcome struct{ condition, reason, progress, retry string }

// outcomesIn reads the composite literals of type status.Outcome.
func outcomesIn(t *testing.T, name string) []outcome {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	e := evaluator{t: t, delays: map[string]ast.Expr{}}
	var found []outcome
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, v := range n.Values {
				e.delays[n.Names[i].Name] = v
			}
		case *ast.CompositeLit:
			fields := map[string]ast.Expr{}
			for _, element := range n.Elts {
				if kv, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok {
						fields[key.Name] = kv.Value
					}
				}
			}
			// Where the condition is a variable the row is told in the text of the page.
			if _, constant := fields["Condition"].(*ast.SelectorExpr); constant {
				found = append(found, outcome{nameOf(fields["Condition"]), nameOf(fields["Reason"]), nameOf(fields["Progress"]), e.retry(fields["Retry"])})
			}
		}
		return true
	})
	NewWithT(t).Expect(found).NotTo(BeEmpty())
	return found
}

func nameOf(x ast.Expr) string {
	if s, ok := x.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// evaluator puts a value of status.Retry into words.
type evaluator struct {
	t *testing.T
	// delays are the constants of the file.
	delays map[string]ast.Expr
}

func (e evaluator) retry(x ast.Expr) string {
	if call, ok := x.(*ast.CallExpr); ok {
		words := make([]string, len(call.Args))
		for i, arg := range call.Args {
			words[i] = inWords(e.duration(arg))
		}
		return strings.Join(words, " to ")
	}
	return retryInWords[nameOf(x)]
}

var units = map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}

func (e evaluator) duration(x ast.Expr) time.Duration {
	switch x := x.(type) {
	case *ast.BasicLit:
		n, err := strconv.Atoi(x.Value)
		NewWithT(e.t).Expect(err).NotTo(HaveOccurred())
		return time.Duration(n)
	case *ast.Ident:
		return e.duration(e.delays[x.Name])
	case *ast.SelectorExpr:
		return units[x.Sel.Name]
	case *ast.BinaryExpr:
		return e.duration(x.X) * e.duration(x.Y)
	}
	e.t.Fatalf("a delay is not written as a number of units: %T", x)
	return 0
}

func inWords(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return fmt.Sprintf("%d s", d/time.Second)
	}
}

// cellsOf returns the cells of the row whose first cell names the reason.
func cellsOf(table, reason string) []string {
	line := regexp.MustCompile("(?m)^\\| `" + reason + "` \\|.*\\|$").FindString(table)
	if line == "" {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}
