package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/internal/uninstall"
)

const (
	// look is how often the command looks at what is left.
	look = time.Second
	// operatorPatience is how long it waits for an operator that is starting.
	operatorPatience = 30 * time.Second
	// maxNames is how many objects a single line names.
	maxNames = 5
)

// uninstallOptions are the flags of `attache uninstall`.
type uninstallOptions struct {
	namespace                string
	retain, here, check, yes bool
	timeout                  time.Duration

	config *rest.Config
	client client.Client
	in     io.Reader
	out    io.Writer
	// quiet ends the libraries' logs.
	quiet atomic.Bool
}

func newUninstallCommand() *cobra.Command {
	o := &uninstallOptions{}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take out of AWS and the cluster what the operator made, before the operator goes",
		Long: `Deletes every RoleMapping with a managed role, then every SAMLProvider, and waits until the operator has
taken what belongs to them out of AWS. RoleMappings of existing roles stay: they hold nothing in AWS.
It works with the rights of your kubeconfig. What to run next is printed at the end.

Exit codes: 0 nothing is left; 2 it did not begin, and says why; 3 not finished in --timeout; 1 anything else.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.logToStderr()
			o.in, o.out = cmd.InOrStdin(), cmd.OutOrStdout()
			if err := o.connect(); err != nil {
				return err
			}
			if o.check {
				return o.runCheck(cmd.Context())
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "attache-system", "namespace of the operator")
	f.BoolVar(&o.retain, "retain", false, "leave everything in AWS as it is, by setting deletionPolicy: Retain on all objects first")
	f.BoolVar(&o.here, "here", false, "do the operator's part in this process, with this shell's AWS credentials; for when there is no operator any more")
	f.BoolVar(&o.check, "check", false, "only tell whether anything is left, by the exit code too; needs to read alone")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long to wait")
	cmd.MarkFlagsMutuallyExclusive("check", "retain")
	cmd.MarkFlagsMutuallyExclusive("check", "here")
	return cmd
}

// logToStderr keeps the libraries from mixing their news with the command's.
func (o *uninstallOptions) logToStderr() {
	handler := slog.NewTextHandler(o, &slog.HandlerOptions{Level: slog.LevelError})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
}

// Write takes the libraries' logs.
func (o *uninstallOptions) Write(line []byte) (int, error) {
	if o.quiet.Load() {
		return len(line), nil
	}
	return os.Stderr.Write(line)
}

func (o *uninstallOptions) connect() error {
	var err error
	o.config, o.client, err = connect()
	return err
}

// runCheck refuses while something is left. The chart's pre-delete hook runs it.
func (o *uninstallOptions) runCheck(ctx context.Context) error {
	left, err := uninstall.Read(ctx, o.client)
	if err != nil {
		return err
	}
	if left.Empty() {
		fmt.Fprintln(o.out, "Nothing is left: the operator can go.")
		return nil
	}
	// One line, because Helm shows it as one.
	return notBegun(fmt.Errorf("the operator is still needed: it alone takes out of AWS what belongs to %s (%s). "+
		"First run: attache uninstall --namespace %s (with --retain to leave everything in AWS as it is). "+
		"docs/uninstall.md has every order of ending", left.Count(), left.Names(maxNames), o.namespace))
}

func (o *uninstallOptions) run(ctx context.Context) error {
	if err := o.checkRights(ctx); err != nil {
		return err
	}
	left, err := uninstall.Read(ctx, o.client)
	if err != nil {
		return err
	}
	if left.Empty() {
		return o.finish(ctx, "Nothing is left to delete.")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("%s are over", o.timeout))
	defer cancel()
	if err := o.checkOperator(ctx); err != nil {
		return err
	}
	if err := o.confirm(left); err != nil {
		return err
	}
	if err := o.drain(ctx); err != nil {
		var unfinished *uninstall.UnfinishedError
		if errors.As(err, &unfinished) {
			return &exitError{exitUnfinished, err}
		}
		return err
	}
	return o.finish(context.WithoutCancel(ctx), "All of it is gone.")
}

func (o *uninstallOptions) checkRights(ctx context.Context) error {
	missing, err := uninstall.Missing(ctx, o.client, uninstall.Rights(o.namespace, o.retain, o.here))
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return notBegun(fmt.Errorf("your kubeconfig lacks rights in the cluster; ask for these, or let an administrator run it:\n  %s", strings.Join(missing, "\n  ")))
	}
	return nil
}

// checkOperator waits a moment for an operator that is on its way, or with --here for one that
// is ending.
func (o *uninstallOptions) checkOperator(ctx context.Context) error {
	obstacle := uninstall.Operator.Absence
	if o.here {
		obstacle = uninstall.Operator.Presence
	}
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	said := ""
	for {
		operator, err := uninstall.Look(ctx, o.client, o.namespace)
		if err != nil {
			return err
		}
		why, mayPass := obstacle(operator, time.Now())
		if why == "" {
			return nil
		}
		if !mayPass {
			return notBegun(errors.New(why))
		}
		if why != said {
			fmt.Fprintf(o.out, "Waiting: %s\n", why)
			said = why
		}
		select {
		case <-ctx.Done():
			return notBegun(errors.New(why))
		case <-tick.C:
		}
	}
}

func (o *uninstallOptions) confirm(left uninstall.Inventory) error {
	fmt.Fprintf(o.out, "This deletes %s:\n%s", left.Count(), left.Fates(o.retain))
	if o.yes {
		return nil
	}
	return confirm(o.in, o.out)
}

func (o *uninstallOptions) drain(ctx context.Context) error {
	d := &uninstall.Drain{Client: o.client, Retain: o.retain, Every: look, Out: o.out}
	if o.here {
		return o.drainHere(ctx, d)
	}
	d.Idle = func(ctx context.Context) (string, bool, error) {
		operator, err := uninstall.Look(ctx, o.client, o.namespace)
		if err != nil {
			return "", false, err
		}
		why, mayPass := operator.Absence(time.Now())
		return why, mayPass, nil
	}
	return d.Run(ctx)
}

func (o *uninstallOptions) finish(ctx context.Context, news string) error {
	operator, err := uninstall.Look(ctx, o.client, o.namespace)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s Next:\n%s", news, operator.Afterwards())
	return err
}
