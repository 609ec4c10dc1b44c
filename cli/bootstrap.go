package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/controllers/status"
)

// bootstrapOptions are the flags of `attache bootstrap`.
type bootstrapOptions struct {
	namespace           string
	account             access.Account
	iamEndpoint         string
	providers           []string
	roles               awsiam.RolesBounds
	repair, remove, yes bool
	print               string

	client client.Client
	// base has the administrator's own credentials.
	base func(context.Context) (aws.Config, error)
	in   io.Reader
	out  io.Writer
}

func newBootstrapCommand() *cobra.Command {
	cmd, _ := bootstrapCommand()
	return cmd
}

func bootstrapCommand() (*cobra.Command, *bootstrapOptions) {
	o := &bootstrapOptions{base: access.LoadBase}
	cmd := &cobra.Command{
		Use:   "bootstrap",
		Short: "Let the operator into an AWS account without a stored key, as an administrator of the account",
		Long: `Makes in IAM what access.mode Federated needs: the SAML provider attache-operator, which trusts the operator's own key; the role
/attache/attache-operator, which trusts nobody else and may manage the named SAML providers and, with --path-prefix, roles; and the role
/attache/attache-probe, which may do nothing. It works with this shell's AWS credentials and kubeconfig, of which it needs to read the ConfigMap
attache-operator, the namespace kube-system and, without --provider, SAMLProviders. It sees no private key.

What is there and is not this cluster's is never touched. What is there and differs is told, and changed with --repair alone.

Exit codes: 0 all is as it should be; 2 it did not begin, and says why; 1 anything else.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.in, o.out = cmd.InOrStdin(), cmd.OutOrStdout()
			if o.client == nil {
				var err error
				if _, o.client, err = connect(); err != nil {
					return err
				}
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "attache-system", "namespace of the operator")
	f.StringVar(&o.account.ID, "account", "", "the AWS account, twelve digits (required)")
	f.StringVar(&o.account.Region, "region", "", "a region of the account, such as eu-west-1 (required)")
	f.StringVar(&o.account.STSEndpoint, "sts-endpoint", "", "base URL of STS instead of AWS's own")
	f.StringVar(&o.iamEndpoint, "iam-endpoint", "", "base URL of IAM instead of AWS's own")
	f.StringSliceVar(&o.providers, "provider", nil, "name of an IAM SAML provider that the operator is to manage; repeatable (default: those of the SAMLProviders that list the account)")
	f.StringSliceVar(&o.roles.PathPrefixes, "path-prefix", nil, "path below which the operator manages roles, such as /reports/; repeatable (default: no roles)")
	f.StringVar(&o.roles.PermissionsBoundary, "permissions-boundary", "", "ARN of the managed policy that each such role must have as its boundary; required with --path-prefix")
	f.StringSliceVar(&o.roles.Policies, "policies", nil, "pattern of the managed policies that may be attached to such roles; repeatable (default: none)")
	f.BoolVar(&o.repair, "repair", false, "also put right what is there and differs")
	f.BoolVar(&o.remove, "remove", false, "delete all of it again")
	f.StringVar(&o.print, "print", "", "do nothing, and print what to make as terraform, cloudformation or cli; needs no AWS credentials")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	for _, required := range []string{"account", "region"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	cmd.MarkFlagsMutuallyExclusive("repair", "remove", "print")
	return cmd, o
}

func (o *bootstrapOptions) mode() bootstrap.Mode {
	switch {
	case o.remove:
		return bootstrap.Remove
	case o.repair:
		return bootstrap.Repair
	default:
		return bootstrap.Create
	}
}

func (o *bootstrapOptions) run(ctx context.Context) error {
	config, err := o.config(ctx)
	if err != nil {
		return err
	}
	// What is wrong with the flags is told before AWS is asked.
	if _, err := bootstrap.Decide(config, bootstrap.Held{}, o.mode()); err != nil {
		return notBegun(err)
	}
	if o.print != "" {
		return o.write(config)
	}
	runner, err := o.runner(ctx)
	if err != nil {
		return err
	}
	held, err := runner.Observe(ctx, config)
	if err != nil {
		return notBegun(fmt.Errorf("look at what account %s holds: %w", config.AccountID, err))
	}
	plan, err := bootstrap.Decide(config, held, o.mode())
	if err != nil {
		return notBegun(err)
	}
	if len(plan.Steps) > 0 {
		if err := o.confirm(plan); err != nil {
			return err
		}
		if plan, err = runner.Bring(ctx, config, o.mode()); err != nil {
			return fmt.Errorf("what was done stays, and the same command goes on from there: %w", err)
		}
	}
	return o.finish(plan)
}

// config reads what the cluster knows. What is removed needs no more than whose it is.
func (o *bootstrapOptions) config(ctx context.Context) (bootstrap.Config, error) {
	clusterUID, err := readClusterUID(ctx, o.client)
	if err != nil {
		return bootstrap.Config{}, err
	}
	c := bootstrap.Config{AccountID: o.account.ID, Region: o.account.Region, ClusterUID: clusterUID, Providers: o.providers, Roles: o.roles}
	if o.remove {
		return c, nil
	}
	published := &corev1.ConfigMap{}
	err = o.client.Get(ctx, client.ObjectKey{Namespace: o.namespace, Name: identity.Name}, published)
	if apierrors.IsNotFound(err) {
		return c, notBegun(fmt.Errorf("namespace %s has no ConfigMap %s, which an operator publishes some seconds after its first start: install the operator first, or name its namespace with --namespace", o.namespace, identity.Name))
	}
	if err != nil {
		return c, fmt.Errorf("read what the operator publishes of itself: %w", err)
	}
	c.Metadata, c.NameID = published.Data[identity.MetadataEntry], published.Data[identity.NameIDEntry]
	if len(c.Providers) == 0 {
		c.Providers, err = o.listedProviders(ctx)
	}
	return c, err
}

// listedProviders are the IAM providers of the SAMLProviders that list the account.
func (o *bootstrapOptions) listedProviders(ctx context.Context) ([]string, error) {
	all := &v1alpha1.SAMLProviderList{}
	if err := o.client.List(ctx, all); err != nil {
		return nil, fmt.Errorf("list SAMLProviders, for there is no --provider: %w", err)
	}
	var names []string
	for i := range all.Items {
		if a, listed := all.Items[i].Account(o.account.ID); listed {
			names = append(names, all.Items[i].ProviderName(a))
		}
	}
	if len(names) == 0 {
		return nil, notBegun(fmt.Errorf("no SAMLProvider lists account %s: name with --provider the IAM SAML providers that the operator is to manage", o.account.ID))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (o *bootstrapOptions) runner(ctx context.Context) (bootstrap.Runner, error) {
	base, err := o.base(ctx)
	if err != nil {
		return bootstrap.Runner{}, err
	}
	accounts, err := access.New(access.Options{Base: base})
	if err != nil {
		return bootstrap.Runner{}, err
	}
	cfg := accounts.Config(o.account, access.Ambient{Holder: "this shell"})
	return bootstrap.Runner{
		API:  awsiam.New(cfg, o.account.Region, o.iamEndpoint),
		Tell: func(s bootstrap.Step) { fmt.Fprintln(o.out, s) },
	}, nil
}

func (o *bootstrapOptions) confirm(plan bootstrap.Plan) error {
	if o.yes {
		return nil
	}
	fmt.Fprintf(o.out, "In account %s this does:\n", o.account.ID)
	for _, step := range plan.Steps {
		fmt.Fprintf(o.out, "  %s\n", step)
	}
	return confirm(o.in, o.out)
}

func (o *bootstrapOptions) finish(plan bootstrap.Plan) error {
	if o.remove {
		_, err := fmt.Fprintf(o.out, "Nothing of the operator's own is left in account %s.\n", o.account.ID)
		return err
	}
	if len(plan.Differing) == 0 {
		_, err := fmt.Fprintf(o.out, "Account %s lets the operator in. Set access.mode of the account to Federated; a change takes some seconds to reach STS.\n", o.account.ID)
		return err
	}
	for _, d := range plan.Differing {
		fmt.Fprintf(o.out, "%s differs: %s\n", d.ARN, status.Describe(d.Differences))
	}
	return errors.New("what differs was left as it is: run it again with --repair and the same flags to change it")
}

// write prints what is to be made for a tool to make it.
func (o *bootstrapOptions) write(config bootstrap.Config) error {
	if err := checkFormat(o.print); err != nil {
		return err
	}
	want, err := bootstrap.Want(config)
	if err != nil {
		return notBegun(err)
	}
	account := export.Account{
		ID: config.AccountID, Region: config.Region,
		Providers: []export.Provider{{ARN: want.ProviderARN, Metadata: want.Metadata, Tags: want.Tags}},
		Roles:     []role.Role{want.Operator, want.Probe},
	}
	text, err := written(o.print, account, export.Held{})
	if err != nil {
		return err
	}
	_, err = o.out.Write(text)
	return err
}

// written is an account in one of the formats of checkFormat.
func written(format string, account export.Account, held export.Held) ([]byte, error) {
	switch format {
	case "terraform":
		return export.Terraform(account)
	case "cloudformation":
		return export.CloudFormation(account)
	default:
		return export.Commands(account, held)
	}
}

// checkFormat tells a mistake before anybody is asked for anything.
func checkFormat(format string) error {
	switch format {
	case "terraform", "cloudformation", "cli":
		return nil
	}
	return notBegun(fmt.Errorf("there is no format %q: write terraform, cloudformation or cli", format))
}
