// Command awsfake serves the package awsfake: a strict stand-in for AWS IAM, STS
// and a part of S3, for tests and demos.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	root := &cobra.Command{
		Use:          "awsfake",
		Short:        "A strict stand-in for AWS IAM, STS and S3",
		SilenceUsage: true,
	}
	root.AddCommand(serveCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		return 1
	}
	return 0
}
