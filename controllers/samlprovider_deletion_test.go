package controllers_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/test/awsfake"
)

func TestADeletionWaitsForItsManagedRolesAndNamesThem(t *testing.T) {
	w := newWorld(t)
	ns := env.Namespace(t, "reports")
	p := w.createProvider("in-use", func(p *v1alpha1.SAMLProvider) {
		p.Spec.Allow = []v1alpha1.AllowRule{{
			Namespaces: v1alpha1.NamespaceSelection{Names: []string{ns}},
			Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
			Managed:    &v1alpha1.AllowManaged{PathPrefix: "/attache/"},
		}}
	})
	w.aws.allowRoles("in-use", "/attache/")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	var mappings []*v1alpha1.RoleMapping
	for i := range 7 {
		m := newMapping(ns, "in-use", "")
		m.Name, m.Spec.Role = fmt.Sprintf("m%d", i), v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID}}
		w.Expect(env.Client.Create(t.Context(), m)).To(Succeed())
		mappings = append(mappings, m)
	}
	for _, m := range mappings {
		w.Eventually(w.condition(m, v1alpha1.ConditionRoleSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	}

	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonInUse),
		HaveField("Message", ContainSubstring(fmt.Sprintf("%[1]s/m0, %[1]s/m1, %[1]s/m2, %[1]s/m3, %[1]s/m4 and 2 more", ns)))))
	w.Eventually(w.events(p)).Should(ContainElement("Normal InUse"))
	w.Expect(w.aws.provider("in-use")).NotTo(BeNil(), "the roles trust it until they are gone")

	for i, m := range mappings {
		w.Expect(w.gone(p)()).To(BeFalse())
		if i == 3 { // in the middle of it all
			w.stop()
			w.startOperator()
		}
		w.Expect(env.Client.Delete(t.Context(), m)).To(Succeed())
		w.Eventually(w.gone(m)).Should(BeTrue())
	}
	w.Eventually(w.gone(p)).Should(BeTrue(), "the last one called")
	w.Expect(w.aws.provider("in-use")).To(BeNil())
	roles, err := w.aws.root.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/attache/")})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(roles.Roles).To(BeEmpty())
}

func TestADeletionWhileIAMIsDownWaitsAndEnds(t *testing.T) {
	for _, row := range []struct {
		name string
		// meanwhile is what else happens while IAM is down.
		meanwhile func(*world, *v1alpha1.SAMLProvider)
	}{
		{"iam-down", func(*world, *v1alpha1.SAMLProvider) {}},
		{"iam-down-restart", func(w *world, _ *v1alpha1.SAMLProvider) { w.stop(); w.startOperator() }},
		{"iam-down-lost-status", func(w *world, p *v1alpha1.SAMLProvider) { w.loseStatus(p) }},
		{"iam-down-by-hand", func(w *world, p *v1alpha1.SAMLProvider) { w.aws.delete(p.Name) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.createProvider(row.name)
			w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
			w.aws.disturb(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultUnavailable})
			w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
			waits := SatisfyAll(HaveField("Reason", v1alpha1.ReasonAWSUnavailable), HaveField("Message", ContainSubstring("set spec.deletionPolicy to Retain")))
			w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(waits)
			row.meanwhile(w, p)
			w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(waits)
			w.Eventually(w.events(p)).Should(ContainElement("Warning AWSUnavailable"))
			w.Expect(w.gone(p)()).To(BeFalse())

			w.aws.mend()
			w.Eventually(w.gone(p)).Should(BeTrue(), "of itself")
			w.Expect(w.aws.provider(row.name)).To(BeNil())
		})
	}
}

func TestADeletionThatLostItsLedgerFindsItsProviderByTheTags(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("lost")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.stop()
	w.loseStatus(p)
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.startOperator()
	w.Eventually(w.gone(p)).Should(BeTrue())
	w.Expect(w.aws.provider("lost")).To(BeNil())
}

func TestAProviderThatIsDeletedBeforeAnythingBeganNeedsNoIAM(t *testing.T) {
	w := newWorld(t)
	w.stop()
	p := w.createProvider("never", func(p *v1alpha1.SAMLProvider) { p.Finalizers = []string{"attache.dev/provider"} })
	w.aws.disturb(awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.startOperator()
	w.Eventually(w.gone(p)).Should(BeTrue())
}

// allowRoles gives the operator's user the documented policy for a provider and for roles below a
// path.
func (f *fakeAWS) allowRoles(provider, path string) {
	f.t.Helper()
	document, err := awsiam.OperatorPolicy(partition.OfRegion(region), accountID, provider, awsiam.RolesBounds{PathPrefixes: []string{path}})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.root.PutUserPolicy(f.t.Context(), &iam.PutUserPolicyInput{
		UserName: aws.String("attache"), PolicyName: &provider, PolicyDocument: &document,
	}); err != nil {
		f.t.Fatal(err)
	}
}
