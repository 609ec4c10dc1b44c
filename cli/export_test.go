package cli

import (
	"bytes"
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/identity"
)

// newExportWorld is a cluster with a SAMLProvider that manages an account or observes it, and two
// RoleMappings with managed roles, one of which it does not allow.
func newExportWorld(t *testing.T, management v1alpha1.ManagementPolicy) *accessWorld {
	t.Helper()
	w := newBootstrapWorld(t)
	published := &corev1.ConfigMap{}
	w.Expect(w.cluster.Get(t.Context(), client.ObjectKey{Namespace: system, Name: identity.Name}, published)).To(Succeed())
	system := &corev1.Namespace{}
	w.Expect(w.cluster.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, system)).To(Succeed())
	system.ResourceVersion, published.ResourceVersion = "", ""
	mapping := func(namespace string) *v1alpha1.RoleMapping {
		return &v1alpha1.RoleMapping{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "uploader"},
			Spec: v1alpha1.RoleMappingSpec{
				ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
				Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
				Role:        v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID, Path: "/reports/"}},
				Suspend:     true,
			},
		}
	}
	scheme, err := operatorScheme()
	w.Expect(err).NotTo(HaveOccurred())
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).
		WithIndex(&v1alpha1.RoleMapping{}, v1alpha1.FieldProvider, func(o client.Object) []string {
			return []string{o.(*v1alpha1.RoleMapping).Spec.ProviderRef.Name}
		}).
		WithObjects(system, published,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reports"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "billing"}},
			mapping("reports"), mapping("billing"),
			&v1alpha1.SAMLProvider{
				ObjectMeta: metav1.ObjectMeta{Name: "corp"},
				Spec: v1alpha1.SAMLProviderSpec{
					Accounts: []v1alpha1.Account{{
						ID: accountID, Region: region, Management: management, Endpoints: v1alpha1.AccountEndpoints{IAM: w.aws.URL, STS: w.aws.URL},
					}},
					Allow: []v1alpha1.AllowRule{{
						Namespaces: v1alpha1.NamespaceSelection{Names: []string{"reports"}},
						Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
						Managed:    &v1alpha1.AllowManaged{PathPrefix: "/reports/"},
					}},
				},
			}).Build()
	return w
}

// export runs the command with the operator's metadata for that of the identity provider.
func (w *accessWorld) export(format string) (printed, told string, err error) {
	w.t.Helper()
	cmd, o := exportCommand()
	o.client = w.cluster
	o.base = func(context.Context) (aws.Config, error) { return w.aws.Root, nil }
	o.metadata = func(ctx context.Context, _ *v1alpha1.SAMLProvider) (string, error) {
		published := &corev1.ConfigMap{}
		err := w.cluster.Get(ctx, client.ObjectKey{Namespace: system, Name: identity.Name}, published)
		return published.Data[identity.MetadataEntry], err
	}
	out, errors := &bytes.Buffer{}, &bytes.Buffer{}
	cmd.SetOut(out)
	cmd.SetErr(errors)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{"--account=" + accountID, "--format=" + format})
	err = cmd.ExecuteContext(w.t.Context())
	return out.String(), errors.String(), err
}

func TestAnObservedAccountIsExported(t *testing.T) {
	w := newExportWorld(t, v1alpha1.ManagementObserved)
	for format, says := range map[string][]string{
		"terraform":      {`resource "aws_iam_saml_provider"`, `resource "aws_iam_role"`},
		"cloudformation": {"AWS::IAM::SAMLProvider", "AWS::IAM::Role"},
		"cli":            {"aws iam create-saml-provider", "aws iam create-role"},
	} {
		t.Run(format, func(t *testing.T) {
			g := NewWithT(t)
			printed, told, err := w.export(format)
			g.Expect(err).NotTo(HaveOccurred())
			for _, s := range append(says, "reports.uploader") {
				g.Expect(printed).To(ContainSubstring(s))
			}
			g.Expect(printed).NotTo(ContainSubstring("billing"))
			g.Expect(told).To(HavePrefix("RoleMapping billing/uploader is left out: "))
		})
	}

	t.Run("the commands lead from what the account holds", func(t *testing.T) {
		g := NewWithT(t)
		published := &corev1.ConfigMap{}
		g.Expect(w.cluster.Get(t.Context(), client.ObjectKey{Namespace: system, Name: identity.Name}, published)).To(Succeed())
		g.Expect(w.aws.API(w.aws.Root).Providers().Create(t.Context(), corpARN, published.Data[identity.MetadataEntry], nil)).To(Succeed())
		printed, _, err := w.export("cli")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(printed).NotTo(ContainSubstring("create-saml-provider"))
		g.Expect(printed).To(ContainSubstring("aws iam create-role"))
	})
}

func TestExportRefusesInWords(t *testing.T) {
	_, _, err := newExportWorld(t, v1alpha1.ManagementManaged).export("terraform")
	g := NewWithT(t)
	g.Expect(err).To(MatchError(ContainSubstring("no SAMLProvider lists account 111122223333 with management: Observed")))
	g.Expect(ExitCode(err)).To(Equal(exitNotBegun))

	_, _, err = newExportWorld(t, v1alpha1.ManagementObserved).export("pulumi")
	g.Expect(err).To(MatchError(ContainSubstring(`there is no format "pulumi": write terraform, cloudformation or cli`)))
}
