package cli

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestOperatorSaysWhatIsMissing(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"no namespace", []string{"--idp-image=i"}, "--namespace is missing"},
		{"no image", []string{"--namespace=attache-system"}, "--idp-image is missing"},
		{"a pull policy that does not exist", []string{"--namespace=attache-system", "--idp-image=i", "--idp-image-pull-policy=Sometimes"}, `--idp-image-pull-policy is "Sometimes": write Always, IfNotPresent or Never`},
		{"an argument", []string{"now"}, `unknown command "now"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			cmd := newOperatorCommand()
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(row.args)
			NewWithT(t).Expect(cmd.ExecuteContext(t.Context())).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

func TestTheClusterIsNamedByItsSystemNamespace(t *testing.T) {
	g := NewWithT(t)
	scheme, err := operatorScheme()
	g.Expect(err).NotTo(HaveOccurred())
	c := fake.NewClientBuilder().WithScheme(scheme).
		WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "c1"}}).Build()
	g.Expect(readClusterUID(t.Context(), c)).To(Equal("c1"))
}
