package controllers_test

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/test/awsfake"
)

// What the stories of managed roles share: the tenant's objects, and what stands in IAM.

const (
	readOnly       = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	inlineDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/${saml:namequalifier}/${saml:sub}/*"}]}`
	foreignTrust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// allowManaged lets a namespace have roles made, within wide bounds.
func allowManaged(namespace string, changes ...func(*v1alpha1.AllowManaged)) func(*v1alpha1.SAMLProvider) {
	return func(p *v1alpha1.SAMLProvider) {
		bounds := &v1alpha1.AllowManaged{
			PathPrefix: "/attache/", Policies: []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"}, InlinePolicies: true, Adoption: true,
		}
		for _, change := range changes {
			change(bounds)
		}
		p.Spec.Allow = append(p.Spec.Allow, v1alpha1.AllowRule{
			Namespaces: v1alpha1.NamespaceSelection{Names: []string{namespace}},
			Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
			Managed:    bounds,
		})
	}
}

// createServingProvider makes a provider whose pods run and whose roles the operator may manage, and
// waits until it is Ready.
func (w *world) createServingProvider(name string, changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	w.t.Helper()
	inIAM := newProvider(name)
	for _, change := range changes {
		change(inIAM)
	}
	w.aws.grant(inIAM.ProviderName(inIAM.Spec.Accounts[0]), awsiam.RolesBounds{PathPrefixes: []string{"/attache/"}, Policies: []string{"arn:aws:iam::aws:policy/*"}})
	p := w.createProviderAsIs(name, changes...)
	w.runPods(name)
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	return p
}

// grant gives the operator's user the documented policy. A managed policy has room for it, which an
// inline one has not.
func (f *fakeAWS) grant(provider string, bounds awsiam.RolesBounds) {
	f.t.Helper()
	document, err := awsiam.OperatorPolicy(partition.OfRegion(region), f.id, provider, bounds)
	if err != nil {
		f.t.Fatal(err)
	}
	f.attach("attache-"+provider, document)
}

func (f *fakeAWS) attach(policy, document string) {
	f.t.Helper()
	made, err := f.root.CreatePolicy(f.t.Context(), &iam.CreatePolicyInput{PolicyName: &policy, PolicyDocument: &document})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.root.AttachUserPolicy(f.t.Context(), &iam.AttachUserPolicyInput{UserName: aws.String("attache"), PolicyArn: made.Policy.Arn}); err != nil {
		f.t.Fatal(err)
	}
}

// newManaged is a mapping whose role has a bit of everything.
func newManaged(namespace, provider string, changes ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := newMapping(namespace, provider, "")
	m.Spec.Role.Managed = &v1alpha1.ManagedRole{
		AccountID:          accountID,
		Description:        "Uploads reports",
		MaxSessionDuration: &metav1.Duration{Duration: time.Hour},
		Policies:           []v1alpha1.PolicyARN{readOnly},
		InlinePolicies:     []v1alpha1.InlinePolicy{{Name: "s3", Document: inlineDocument}},
		Tags:               []v1alpha1.Tag{{Key: "team", Value: "reports"}},
	}
	for _, change := range changes {
		change(m)
	}
	return m
}

// apply makes a mapping, and takes it away when the test ends: before its provider.
func (w *world) apply(m *v1alpha1.RoleMapping) *v1alpha1.RoleMapping {
	w.t.Helper()
	w.Expect(w.env.Client.Create(w.t.Context(), m)).To(Succeed())
	w.t.Cleanup(func() {
		if err := w.env.Client.Delete(context.WithoutCancel(w.t.Context()), m); client.IgnoreNotFound(err) != nil {
			w.t.Error(err)
		}
		w.Eventually(w.gone(m)).Should(BeTrue(), "the mapping is gone at the end of the test")
	})
	return m
}

func (w *world) delete(o client.Object) {
	w.t.Helper()
	w.Expect(w.env.Client.Delete(w.t.Context(), o)).To(Succeed())
}

// ready waits until a mapping is Ready.
func (w *world) ready(m *v1alpha1.RoleMapping) {
	w.t.Helper()
	w.Eventually(w.condition(m, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
}

// lookNow asks for a reconciliation of a mapping and waits until it was acted upon.
func (w *world) lookNow(m *v1alpha1.RoleMapping) {
	w.t.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	update(w, m, func(m *v1alpha1.RoleMapping) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, v1alpha1.AnnotationReconcileAt, at)
	})
	w.Eventually(func() string {
		w.condition(m, v1alpha1.ConditionReady)()
		return m.Status.LastHandledReconcileAt
	}).Should(Equal(at))
}

// loseRoleStatus is what a restore from a backup does.
func (w *world) loseRoleStatus(m *v1alpha1.RoleMapping) {
	w.t.Helper()
	w.Eventually(func() error {
		if err := w.env.Client.Get(w.t.Context(), client.ObjectKeyFromObject(m), m); err != nil {
			return err
		}
		m.Status = v1alpha1.RoleMappingStatus{}
		return w.env.Client.Status().Update(w.t.Context(), m)
	}).Should(Succeed())
}

// namespaceOn makes a namespace of that very name.
func (w *world) namespaceOn(name string, labels map[string]string) {
	w.t.Helper()
	w.Expect(w.env.Client.Create(w.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})).To(Succeed())
}

// admin calls IAM as the account's administrator.
func (f *fakeAWS) admin() awsiam.API {
	return awsiam.New(aws.Config{Credentials: f.root.Options().Credentials}, region, f.url)
}

// roleOf returns what IAM holds under the name of a mapping's role, or nil.
func (f *fakeAWS) roleOf(m *v1alpha1.RoleMapping) *role.Role {
	held, err := f.admin().Roles().Get(context.WithoutCancel(f.t.Context()), m.ManagedRoleName())
	if err != nil {
		return nil
	}
	return &held
}

// makeRole makes a role of that ARN as an administrator does.
func (f *fakeAWS) makeRole(arn, trust string, tags map[string]string) {
	f.t.Helper()
	in := &iam.CreateRoleInput{Path: aws.String(role.Path(arn)), RoleName: aws.String(role.Name(arn)), AssumeRolePolicyDocument: &trust}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
	}
	if _, err := f.root.CreateRole(f.t.Context(), in); err != nil {
		f.t.Fatal(err)
	}
}

// trustOf is the trust policy of a managed role, as docs/rolemapping.md shows it.
func trustOf(provider, mapping string) string {
	return trust.ForMapping(trust.Input{
		ProviderARN: *providerARN(provider), ACS: partition.OfRegion(region).ACSForms(region), Mapping: mapping,
	})
}

func roleARN(m *v1alpha1.RoleMapping) string {
	return partition.OfRegion(region).RoleARN(accountID, m.ManagedRolePath(), m.ManagedRoleName())
}

// disturb has calls of an operation fail until mend.
func (f *fakeAWS) disturb(fault awsfake.Fault) {
	f.t.Helper()
	if err := f.control.AddFault(f.t.Context(), fault); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeAWS) mend() {
	f.t.Helper()
	if err := f.control.ClearFaults(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}
