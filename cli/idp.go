package cli

import (
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"attache.dev/attache/idp/server"
)

func newIdPCommand() *cobra.Command {
	var (
		provider, namespace   string
		listen, opsListen     string
		tlsDir                string
		drainDelay, drainTime time.Duration
	)
	cmd := &cobra.Command{
		Use:   "idp",
		Short: "Serve the identity provider of one SAMLProvider",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kubernetes, err := config.GetConfig()
			if err != nil {
				return fmt.Errorf("find the Kubernetes API server: %w", err)
			}
			var lc net.ListenConfig
			listener, err := lc.Listen(cmd.Context(), "tcp", listen)
			if err != nil {
				return fmt.Errorf("open --listen: %w", err)
			}
			opsListener, err := lc.Listen(cmd.Context(), "tcp", opsListen)
			if err != nil {
				return fmt.Errorf("open --ops-listen: %w", err)
			}
			s, err := server.New(cmd.Context(), server.Options{
				Provider: provider, Namespace: namespace,
				Kubernetes: kubernetes,
				Listener:   listener, OpsListener: opsListener,
				TLSDir:     tlsDir,
				Logger:     newLogger(),
				DrainDelay: drainDelay, DrainTimeout: drainTime,
			})
			if err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&provider, "provider", "", "name of the SAMLProvider to serve")
	f.StringVar(&namespace, "namespace", "", "namespace of the operator, where the Secret of the signing keys is")
	f.StringVar(&listen, "listen", ":8443", "address for programs (TLS)")
	f.StringVar(&opsListen, "ops-listen", ":8081", "address for probes and metrics (plain HTTP)")
	f.StringVar(&tlsDir, "tls-dir", "/var/run/attache/tls", "folder with tls.crt and tls.key")
	f.DurationVar(&drainDelay, "drain-delay", 5*time.Second, "how long to go on taking requests after readiness has failed")
	f.DurationVar(&drainTime, "drain-timeout", 20*time.Second, "how long requests under way may then take")
	for _, required := range []string{"provider", "namespace"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}
