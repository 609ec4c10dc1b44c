package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/idp/keys"
)

// newBootstrapWorld is a cluster in which the operator has published its metadata.
func newBootstrapWorld(t *testing.T) *accessWorld {
	t.Helper()
	w := newAccessWorld(t)
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: types.UID(clusterUID)}})
	key, err := keys.Generate(rand.Reader, identity.Name, time.Now())
	w.Expect(err).NotTo(HaveOccurred())
	own := access.Identity{
		Issuer: access.Issuer(clusterUID), Namespace: system, ServiceAccount: identity.Name,
		Key: func(context.Context) (keys.Key, error) { return key, nil },
	}
	metadata, err := own.Metadata(t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	w.create(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: identity.Name},
		Data:       map[string]string{identity.MetadataEntry: metadata, identity.NameIDEntry: own.NameID()},
	})
	return w
}

func (w *accessWorld) create(o client.Object) {
	w.t.Helper()
	w.Expect(w.cluster.Create(w.t.Context(), o)).To(Succeed())
}

// bootstrap runs the command as somebody in AWS, who says answer when asked.
func (w *accessWorld) bootstrap(who aws.Config, answer string, args ...string) (printed string, err error) {
	w.t.Helper()
	cmd, o := bootstrapCommand()
	o.client = w.cluster
	o.base = func(context.Context) (aws.Config, error) { return who, nil }
	out := &bytes.Buffer{}
	cmd.SetIn(strings.NewReader(answer))
	cmd.SetOut(out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{"--account=" + accountID, "--region=" + region, "--iam-endpoint=" + w.aws.URL, "--sts-endpoint=" + w.aws.URL}, args...))
	err = cmd.ExecuteContext(w.t.Context())
	return out.String(), err
}

func (w *accessWorld) rolesInIAM() []string {
	w.t.Helper()
	out, err := w.aws.IAM(w.aws.Root).ListRoles(w.t.Context(), &iam.ListRolesInput{})
	w.Expect(err).NotTo(HaveOccurred())
	var arns []string
	for _, r := range out.Roles {
		arns = append(arns, *r.Arn)
	}
	return arns
}

const operatorRole = "arn:aws:iam::111122223333:role/attache/attache-operator"

func TestAnAccountIsOpenedRepairedAndClosed(t *testing.T) {
	w := newBootstrapWorld(t)
	printed, err := w.bootstrap(w.aws.Root, "no\n", "--provider=corp")
	w.Expect(err).To(MatchError(ContainSubstring("not confirmed")))
	w.Expect(ExitCode(err)).To(Equal(exitNotBegun))
	w.Expect(printed).To(ContainSubstring("CreateRole " + operatorRole))
	w.Expect(w.rolesInIAM()).To(BeEmpty())

	printed, err = w.bootstrap(w.aws.Root, "yes\n", "--provider=corp")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(printed).To(ContainSubstring("Account 111122223333 lets the operator in"))
	w.Expect(w.rolesInIAM()).To(ConsistOf(operatorRole, "arn:aws:iam::111122223333:role/attache/attache-probe"))

	printed, err = w.bootstrap(w.aws.Root, "", "--provider=corp")
	w.Expect(err).NotTo(HaveOccurred(), "there is nothing to ask")
	w.Expect(printed).NotTo(ContainSubstring("CreateRole"))

	_, err = w.aws.IAM(w.aws.Root).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("attache-operator"), PolicyName: aws.String("attache-operator")})
	w.Expect(err).NotTo(HaveOccurred())
	_, err = w.aws.IAM(w.aws.Root).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("attache-operator"), PolicyName: aws.String("other"), PolicyDocument: aws.String(everything)})
	w.Expect(err).NotTo(HaveOccurred())
	printed, err = w.bootstrap(w.aws.Root, "", "--provider=corp", "--yes")
	w.Expect(err).To(MatchError(ContainSubstring("run it again with --repair")))
	w.Expect(printed).To(ContainSubstring(operatorRole + " differs: inlinePolicies[attache-operator]"))
	_, err = w.bootstrap(w.aws.Root, "", "--provider=corp", "--yes", "--repair")
	w.Expect(err).NotTo(HaveOccurred())

	_, err = w.bootstrap(w.aws.Root, "", "--remove", "--yes")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.rolesInIAM()).To(BeEmpty())
}

func TestBootstrapRefusesInWords(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(*accessWorld) aws.Config
		args    []string
		says    string
	}{
		{"an account that no SAMLProvider lists", nil, nil, "no SAMLProvider lists account 111122223333: name with --provider"},
		{"the operator's own provider", nil, []string{"--provider=Attache-Operator"}, "is the operator's own, which it must not change"},
		{"roles without a boundary", nil, []string{"--provider=corp", "--path-prefix=/reports/"}, "a permissions boundary is missing"},
		{"an operator that does not run", nil, []string{"--provider=corp", "--namespace=elsewhere"}, "namespace elsewhere has no ConfigMap attache-operator"},
		{"a format that does not exist", nil, []string{"--provider=corp", "--print=pulumi"}, `there is no format "pulumi": write terraform, cloudformation or cli`},
		{"two things at once", nil, []string{"--provider=corp", "--repair", "--remove"}, "[remove repair] were all set"},
		{"credentials without rights", func(w *accessWorld) aws.Config { return w.user }, []string{"--provider=corp"}, "not authorized to perform: iam:"},
		{"credentials of another account", func(w *accessWorld) aws.Config { return w.aws.Beside("444455556666", region).Root }, []string{"--provider=corp"},
			"give this shell credentials of account 111122223333"},
		{"a role of that name that is another's", func(w *accessWorld) aws.Config {
			w.createRole("attache-operator", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
			return w.aws.Root
		}, []string{"--provider=corp"}, "does not belong to this cluster's operator, so nothing was changed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newBootstrapWorld(t)
			who := w.aws.Root
			if row.prepare != nil {
				who = row.prepare(w)
			}
			_, err := w.bootstrap(who, "yes\n", row.args...)
			w.Expect(err).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

func TestBootstrapPrintsForOtherTools(t *testing.T) {
	w := newBootstrapWorld(t)
	w.create(&v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp"},
		Spec:       v1alpha1.SAMLProviderSpec{Accounts: []v1alpha1.Account{{ID: accountID, Region: region, ProviderName: "corp-eu"}}},
	})
	for format, says := range map[string]string{
		"terraform":      `resource "aws_iam_saml_provider"`,
		"cloudformation": "AWS::IAM::SAMLProvider",
		"cli":            "aws iam create-saml-provider",
	} {
		printed, err := w.bootstrap(aws.Config{}, "", "--print="+format)
		w.Expect(err).NotTo(HaveOccurred(), "it needs no credentials")
		w.Expect(printed).To(And(ContainSubstring(says), ContainSubstring("corp-eu")))
	}
	w.Expect(w.rolesInIAM()).To(BeEmpty())
}
