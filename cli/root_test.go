package cli

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := New()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestVersion(t *testing.T) {
	g := NewWithT(t)
	version = "v1.2.3"
	t.Cleanup(func() { version = "" })
	out, err := run(t, "version")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(Equal("attache v1.2.3\n"))
}

func TestAnErrorIsReturnedAndNotPrinted(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown command":       {"idpp"},
		"an unknown flag":          {"idp", "--povider=corp"},
		"a missing flag":           {"idp", "--provider=corp"},
		"an argument too many":     {"version", "please"},
		"an address that is none":  {"idp", "--provider=corp", "--namespace=attache-system", "--listen=nowhere"},
		"a duration that is none ": {"idp", "--provider=corp", "--namespace=attache-system", "--drain-timeout=soon"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("KUBECONFIG", t.TempDir()+"/none")
			out, err := run(t, args...)
			g.Expect(err).To(HaveOccurred())
			g.Expect(out).To(BeEmpty(), "main prints it, once")
		})
	}
}
