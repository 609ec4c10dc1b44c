package harness

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// release is the name under which the chart is installed.
const release = "attache"

// Helm runs helm and returns all that it printed.
func Helm(ctx context.Context, args ...string) (string, error) { return command(ctx, "helm", args) }

// Kubectl runs kubectl and returns all that it printed.
func Kubectl(ctx context.Context, args ...string) (string, error) {
	return command(ctx, "kubectl", args)
}

func command(ctx context.Context, name string, args []string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// HelmUninstall removes the release as a person does, and returns what helm printed.
func HelmUninstall(ctx context.Context, args ...string) (string, error) {
	return Helm(ctx, append([]string{"uninstall", release, "--namespace", Namespace, "--wait", "--timeout", "2m"}, args...)...)
}

// chart is the folder of the chart.
func chart() string { return filepath.Join(Root(), "charts", "attache") }
