package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/idp/deploy"
)

// exportOptions are the flags of `attache export`.
type exportOptions struct {
	namespace, account, format string

	client client.Client
	// metadata returns the metadata that a provider's identity provider serves.
	metadata func(context.Context, *v1alpha1.SAMLProvider) (string, error)
	// base has the credentials that format cli looks at the account with.
	base     func(context.Context) (aws.Config, error)
	out, err io.Writer
}

func newExportCommand() *cobra.Command {
	cmd, _ := exportCommand()
	return cmd
}

func exportCommand() (*cobra.Command, *exportOptions) {
	o := &exportOptions{base: access.LoadBase}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print what an Observed AWS account needs, for Terraform, CloudFormation or the AWS CLI",
		Long: `Reads the SAMLProviders that observe the account, and their RoleMappings with managed roles, and prints the IAM SAML providers and roles that
they ask for. Mappings that their SAMLProvider does not allow are left out, and told on standard error.

It works with your kubeconfig, of which it needs to read SAMLProviders, RoleMappings and namespaces, and to get services/proxy in the operator's
namespace: the metadata is asked of the identity provider, which alone knows the keys that it publishes. --format cli also looks at what the account
holds, with this shell's AWS credentials, and prints the commands that lead from there.

Exit codes: 0 it was printed; 2 there is nothing to print, and it says why; 1 anything else.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.out, o.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if o.client == nil {
				config, c, err := connect()
				if err != nil {
					return err
				}
				o.client = c
				if o.metadata, err = metadataByProxy(config, o.namespace); err != nil {
					return err
				}
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "attache-system", "namespace of the operator")
	f.StringVar(&o.account, "account", "", "the AWS account, twelve digits (required)")
	f.StringVar(&o.format, "format", "", "terraform, cloudformation or cli (required)")
	for _, required := range []string{"account", "format"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd, o
}

// metadataByProxy asks identity providers through the Kubernetes API, since their Services are of the
// cluster only.
func metadataByProxy(config *rest.Config, namespace string) (func(context.Context, *v1alpha1.SAMLProvider) (string, error), error) {
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the Kubernetes API at %s: %w", config.Host, err)
	}
	return func(ctx context.Context, p *v1alpha1.SAMLProvider) (string, error) {
		text, err := clientset.CoreV1().Services(namespace).
			ProxyGet("https", deploy.Name(p.Name), strconv.Itoa(deploy.ServicePort), "/saml/metadata", nil).DoRaw(ctx)
		if err != nil {
			return "", fmt.Errorf("ask the identity provider of SAMLProvider %s for its metadata: %w", p.Name, err)
		}
		return string(text), nil
	}, nil
}

func (o *exportOptions) run(ctx context.Context) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	account, spec, err := o.gather(ctx)
	if err != nil {
		return err
	}
	held := export.Held{}
	if o.format == "cli" {
		if held, err = o.look(ctx, account, spec); err != nil {
			return fmt.Errorf("look at what account %s holds: %w", account.ID, err)
		}
	}
	text, err := written(o.format, account, held)
	if err != nil {
		return err
	}
	_, err = o.out.Write(text)
	return err
}

// gather returns what the account is to hold, and how one of its SAMLProviders reaches it.
func (o *exportOptions) gather(ctx context.Context) (export.Account, v1alpha1.Account, error) {
	clusterUID, err := readClusterUID(ctx, o.client)
	if err != nil {
		return export.Account{}, v1alpha1.Account{}, err
	}
	all := &v1alpha1.SAMLProviderList{}
	if err := o.client.List(ctx, all); err != nil {
		return export.Account{}, v1alpha1.Account{}, fmt.Errorf("list SAMLProviders: %w", err)
	}
	var account export.Account
	var spec v1alpha1.Account
	for i := range all.Items {
		p := &all.Items[i]
		a, listed := p.Account(o.account)
		if !listed || !a.Observed() || !p.DeletionTimestamp.IsZero() {
			continue
		}
		if account.ID == "" {
			account.ID, account.Region, spec = a.ID, a.Region, a
		}
		if err := o.add(ctx, &account, clusterUID, p, a); err != nil {
			return account, spec, err
		}
	}
	if account.ID == "" {
		return account, spec, notBegun(fmt.Errorf("no SAMLProvider lists account %s with management: Observed: what is Managed the operator makes itself", o.account))
	}
	return account, spec, nil
}

func (o *exportOptions) add(ctx context.Context, account *export.Account, clusterUID string, p *v1alpha1.SAMLProvider, a v1alpha1.Account) error {
	metadata, err := o.metadata(ctx, p)
	if err != nil {
		return err
	}
	account.Providers = append(account.Providers, export.Provider{
		ARN: partition.OfRegion(a.Region).SAMLProviderARN(a.ID, p.ProviderName(a)), Metadata: metadata,
	})
	roles, left, err := rolemapping.ManagedRoles(ctx, o.client, clusterUID, p, a)
	if err != nil {
		return err
	}
	for _, l := range left {
		fmt.Fprintf(o.err, "RoleMapping %s is left out: %s\n", l.Mapping, l.Why)
	}
	account.Roles = append(account.Roles, roles...)
	return nil
}

// look returns what the account holds of what is to be printed.
func (o *exportOptions) look(ctx context.Context, account export.Account, spec v1alpha1.Account) (export.Held, error) {
	held := export.Held{Providers: map[string]awsiam.SAMLProvider{}, Roles: map[string]role.Role{}}
	base, err := o.base(ctx)
	if err != nil {
		return held, err
	}
	accounts, err := access.New(access.Options{Base: base})
	if err != nil {
		return held, err
	}
	of := access.Account{ID: spec.ID, Region: spec.Region, STSEndpoint: spec.Endpoints.STS}
	iam := awsiam.New(accounts.Config(of, access.Ambient{Holder: "this shell"}), spec.Region, spec.Endpoints.IAM)
	for _, p := range account.Providers {
		found, err := iam.Providers().Get(ctx, p.ARN)
		if err == nil {
			held.Providers[p.ARN] = found
		} else if !absent(err) {
			return held, err
		}
	}
	for _, r := range account.Roles {
		found, err := iam.Roles().Get(ctx, role.Name(r.ARN))
		if err == nil {
			held.Roles[found.ARN] = found
		} else if !absent(err) {
			return held, err
		}
	}
	return held, nil
}

func absent(err error) bool {
	var ofIAM *awsiam.Error
	return errors.As(err, &ofIAM) && ofIAM.Kind == awsiam.NotFound
}
