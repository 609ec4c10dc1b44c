// Package cli holds the commands of the binary attache, one file each.
package cli

import (
	"context"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// New returns the command attache with all its subcommands.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "attache",
		Short: "Attaché gives pods short-lived AWS credentials through a SAML identity provider in the cluster",
		// main prints the error, and a usage text would hide it.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newBootstrapCommand(), newExportCommand(), newOperatorCommand(), newIdPCommand(), newUninstallCommand(), newVersionCommand())
	return root
}

// Execute runs the command that the process was started with, until it ends or the context does.
func Execute(ctx context.Context) error {
	return New().ExecuteContext(ctx)
}

// newLogger returns the logger of a long-running command, JSON lines on standard output, and gives
// it to the libraries that log as well.
func newLogger() *slog.Logger {
	handler := slog.NewJSONHandler(os.Stdout, nil)
	logger := slog.New(handler)
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(logger)
	return logger
}
