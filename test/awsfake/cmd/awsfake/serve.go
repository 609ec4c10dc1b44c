package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"attache.dev/attache/test/awsfake"
)

const (
	envAccessKeyID     = "AWSFAKE_ADMIN_ACCESS_KEY_ID"
	envSecretAccessKey = "AWSFAKE_ADMIN_SECRET_ACCESS_KEY"
	envAccounts        = "AWSFAKE_ACCOUNTS"

	readHeaderTimeout = 10 * time.Second
	stopTimeout       = 10 * time.Second
)

var accountPattern = regexp.MustCompile(`^\d{12}$`)

type serveOptions struct {
	listen, controlListen string
	tlsCert, tlsKey       string
	account, region       string
	accessKeyID           string
	randomSeed            uint64
	// accounts are beside account.
	accounts []awsfake.Account
}

// random returns the source of what is left to chance.
func (o serveOptions) random() rand.Source {
	if o.randomSeed == 0 {
		return nil
	}
	return rand.NewPCG(o.randomSeed, 0)
}

func serveCommand() *cobra.Command {
	o := serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve IAM, STS and S3 until SIGTERM",
		Long: "Serve IAM, STS and S3 until SIGTERM. The key of the account's root user comes from\n" +
			envAccessKeyID + " and " + envSecretAccessKey + ". Further accounts come from " + envAccounts + ",\n" +
			`a JSON list of {"id", "adminAccessKeyID", "adminSecretAccessKey"}.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.accounts, err = readAccounts(os.Getenv(envAccounts)); err != nil {
				return err
			}
			return serve(cmd.Context(), o, os.Getenv(envSecretAccessKey), slog.New(slog.NewJSONHandler(cmd.OutOrStdout(), nil)))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", ":8080", "address of IAM, STS, S3 and /healthz")
	flags.StringVar(&o.controlListen, "control-listen", "", "address of the control endpoint, always plain HTTP; none if empty")
	flags.StringVar(&o.account, "account", "111122223333", "the first account")
	flags.StringVar(&o.region, "region", "eu-west-1", "region that calls to STS and S3 are signed for")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "certificate file: serve HTTPS")
	flags.StringVar(&o.tlsKey, "tls-key", "", "key file of --tls-cert")
	flags.StringVar(&o.accessKeyID, "admin-access-key-id", os.Getenv(envAccessKeyID), "access key ID of the root user")
	flags.Uint64Var(&o.randomSeed, "random-seed", 0, "decides what STS endpoints with the setting random answer; 0 leaves it to chance")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	return cmd
}

// readAccounts reads what the control endpoint takes for each account. An error
// does not repeat the text, which holds secrets.
func readAccounts(text string) ([]awsfake.Account, error) {
	if text == "" {
		return nil, nil
	}
	var accounts []awsfake.Account
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&accounts); err != nil {
		return nil, fmt.Errorf("%s is not a JSON list of accounts: %w", envAccounts, err)
	}
	return accounts, nil
}

func (o serveOptions) validate(secret string) error {
	switch {
	case !accountPattern.MatchString(o.account):
		return fmt.Errorf("--account %q is not 12 digits", o.account)
	case o.accessKeyID == "" || secret == "":
		return fmt.Errorf("no key for the root user: set %s and %s", envAccessKeyID, envSecretAccessKey)
	}
	return nil
}

func serve(ctx context.Context, o serveOptions, secret string, logger *slog.Logger) error {
	if err := o.validate(secret); err != nil {
		return err
	}
	fake := awsfake.New(awsfake.Options{
		AccountID: o.account, Region: o.region, Logger: logger, Random: o.random(),
		AdminAccessKeyID: o.accessKeyID, AdminSecretAccessKey: secret,
	})
	for _, account := range o.accounts {
		if err := fake.Control().AddAccount(ctx, account); err != nil {
			return fmt.Errorf("%s: %w", envAccounts, err)
		}
	}
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	servers := []*http.Server{newHTTPServer(withHealth(fake))}
	serving := []func() error{func() error {
		if o.tlsCert != "" {
			return servers[0].ServeTLS(listener, o.tlsCert, o.tlsKey)
		}
		return servers[0].Serve(listener)
	}}
	logger.Info("Serving IAM, STS and S3", "address", listener.Addr().String(), "account", o.account, "region", o.region)
	if o.controlListen != "" {
		control, err := listen(ctx, o.controlListen)
		if err != nil {
			return err
		}
		server := newHTTPServer(fake.ControlHandler())
		servers = append(servers, server)
		serving = append(serving, func() error { return server.Serve(control) })
		logger.Info("Serving the control endpoint", "address", control.Addr().String())
	}
	return runUntilDone(ctx, servers, serving)
}

// withHealth answers /healthz itself. It is no http.ServeMux, which would redirect
// S3 keys such as a//b.
func withHealth(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusOK)
			return
		}
		api.ServeHTTP(w, r)
	})
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
}

// runUntilDone serves until ctx ends or a server fails, then lets calls finish.
func runUntilDone(ctx context.Context, servers []*http.Server, serving []func() error) error {
	failed := make(chan error, len(serving))
	for _, serve := range serving {
		go func() { failed <- serve() }()
	}
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, server := range servers {
		cause = errors.Join(cause, server.Shutdown(stopping))
	}
	return cause
}
