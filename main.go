// The binary attache: the operator and the identity providers that it runs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"attache.dev/attache/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := cli.Execute(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "attache:", err)
	}
	os.Exit(cli.ExitCode(err))
}
