package controllers_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/idp/keys"
	"attache.dev/attache/internal/tlsca"
	"attache.dev/attache/test/awsfake"
)

func TestAProviderFromItsCreationToItsEnd(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("life")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))

	// IAM holds the metadata of the key that the Secret holds, under this object's tags.
	secret := &corev1.Secret{}
	w.Expect(env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: keys.SecretName("life")}, secret)).To(Succeed())
	held, err := keys.FromSecretData(secret.Data)
	w.Expect(err).NotTo(HaveOccurred())
	metadata, err := assertion.Metadata(p.Spec.Issuer, []*x509.Certificate{held[0].Certificate})
	w.Expect(err).NotTo(HaveOccurred())
	inIAM := w.aws.provider("life")
	w.Expect(inIAM).NotTo(BeNil())
	w.Expect(*inIAM.SAMLMetadataDocument).To(Equal(string(metadata)))
	w.Expect(inIAM.Tags).To(ContainElement(And(
		HaveField("Key", HaveValue(Equal(awsiam.TagObjectUID))), HaveField("Value", HaveValue(Equal(string(p.UID)))))))

	w.Expect(p.Status.Accounts).To(ConsistOf(SatisfyAll(
		HaveField("ProviderARN", "arn:aws:iam::111122223333:saml-provider/life"),
		HaveField("State", v1alpha1.AccountSynced),
		HaveField("ActiveKey", held[0].ID))))
	w.Expect(w.condition(p, v1alpha1.ConditionReady)()).To(SatisfyAll(
		HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonWorkloadUnavailable)), "no pod runs yet")
	w.Expect(p.Status.ObservedGeneration).To(BeZero(), "not before success")

	w.runPods("life")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	w.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	w.Eventually(w.events(p)).Should(ContainElements("Normal Synced", "Normal KeyActive", "Normal Ready"))

	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(env.Client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	}).Should(BeTrue())
	w.Expect(w.aws.provider("life")).To(BeNil())
	w.Expect(env.Client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)).To(MatchError(apierrors.IsNotFound, "IsNotFound"))
}

func TestWhatIsTouchedIsRepaired(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("repair")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.Eventually(w.condition(p, v1alpha1.ConditionWorkloadReady)).Should(HaveField("Reason", v1alpha1.ReasonWorkloadUnavailable))

	own := client.ObjectKey{Namespace: namespace, Name: deploy.Name("repair")}
	wide := client.ObjectKey{Name: deploy.ClusterName("repair")}
	for _, row := range []struct {
		kind   string
		key    client.ObjectKey
		object client.Object
		// spoil changes what matters of the object, and intact tells that it is as it should be.
		spoil  func(client.Object)
		intact func(client.Object) bool
	}{
		{"Deployment", own, &appsv1.Deployment{},
			func(o client.Object) {
				o.(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Image = "registry.example/other:v2"
			},
			func(o client.Object) bool {
				return o.(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Image == "registry.example/attache:v1"
			}},
		{"Service", own, &corev1.Service{},
			func(o client.Object) { o.(*corev1.Service).Spec.Selector = map[string]string{"app": "other"} },
			func(o client.Object) bool {
				return o.(*corev1.Service).Spec.Selector["app.kubernetes.io/instance"] == "repair"
			}},
		{"ServiceAccount", own, &corev1.ServiceAccount{},
			func(o client.Object) { o.(*corev1.ServiceAccount).AutomountServiceAccountToken = ptr.To(true) },
			func(o client.Object) bool { return !*o.(*corev1.ServiceAccount).AutomountServiceAccountToken }},
		{"PodDisruptionBudget", own, &policyv1.PodDisruptionBudget{},
			func(o client.Object) { o.(*policyv1.PodDisruptionBudget).Spec.MaxUnavailable.IntVal = 9 },
			func(o client.Object) bool { return o.(*policyv1.PodDisruptionBudget).Spec.MaxUnavailable.IntVal == 1 }},
		{"Role", own, &rbacv1.Role{},
			func(o client.Object) { o.(*rbacv1.Role).Rules = nil },
			func(o client.Object) bool { return len(o.(*rbacv1.Role).Rules) == 1 }},
		{"RoleBinding", own, &rbacv1.RoleBinding{},
			func(o client.Object) { o.(*rbacv1.RoleBinding).Subjects = nil },
			func(o client.Object) bool { return len(o.(*rbacv1.RoleBinding).Subjects) == 1 }},
		{"ClusterRole", wide, &rbacv1.ClusterRole{},
			func(o client.Object) { o.(*rbacv1.ClusterRole).Rules = nil },
			func(o client.Object) bool { return len(o.(*rbacv1.ClusterRole).Rules) == 1 }},
		{"ClusterRoleBinding", wide, &rbacv1.ClusterRoleBinding{},
			func(o client.Object) { o.(*rbacv1.ClusterRoleBinding).Subjects = nil },
			func(o client.Object) bool { return len(o.(*rbacv1.ClusterRoleBinding).Subjects) == 1 }},
		{"serving certificate", client.ObjectKey{Namespace: namespace, Name: deploy.TLSSecretName("repair")}, &corev1.Secret{},
			func(o client.Object) { o.(*corev1.Secret).Data[tlsca.CertificateKey] = []byte("garbage") },
			func(o client.Object) bool {
				_, err := tlsca.ParseServing(o.(*corev1.Secret).Data)
				return err == nil
			}},
	} {
		asItShouldBe := func() error {
			if err := env.Client.Get(t.Context(), row.key, row.object); err != nil {
				return err
			}
			switch {
			case !row.intact(row.object):
				return fmt.Errorf("%s is not what it should be", row.kind)
			case row.object.GetLabels()[deploy.LabelProvider] != "repair" || !metav1.IsControlledBy(row.object, p):
				return fmt.Errorf("%s does not name its provider", row.kind)
			}
			return nil
		}
		t.Run(row.kind+" whose contents were changed", func(*testing.T) {
			w.Eventually(asItShouldBe).Should(Succeed())
			update(w, row.object, row.spoil)
			w.Eventually(asItShouldBe).Should(Succeed())
		})
		t.Run(row.kind+" whose labels and owner were taken off", func(*testing.T) {
			update(w, row.object, func(o client.Object) { o.SetLabels(nil); o.SetOwnerReferences(nil) })
			w.Eventually(asItShouldBe).Should(Succeed())
		})
		t.Run(row.kind+" that was deleted", func(*testing.T) {
			w.Expect(env.Client.Delete(t.Context(), row.object)).To(Succeed())
			w.Eventually(asItShouldBe).Should(Succeed())
		})
	}

	t.Run("signing keys that were deleted come back the same", func(*testing.T) {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: namespace, Name: keys.SecretName("repair")}
		w.Expect(env.Client.Get(t.Context(), key, secret)).To(Succeed())
		data, uid := secret.Data, secret.UID
		w.Expect(env.Client.Delete(t.Context(), secret)).To(Succeed())
		w.Eventually(func() (*corev1.Secret, error) { return secret, env.Client.Get(t.Context(), key, secret) }).
			Should(HaveField("UID", Not(Equal(uid))))
		w.Expect(secret.Data).To(Equal(data))
	})
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	for action, name := range map[string]string{
		"iam:GetSAMLProvider": "denied-get", "iam:CreateSAMLProvider": "denied-create", "iam:TagSAMLProvider": "denied-tag",
	} {
		t.Run(action, func(t *testing.T) {
			w := newWorld(t)
			w.aws.allow(name, action)
			p := w.createProviderAsIs(name)
			w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(SatisfyAll(
				HaveField("Reason", v1alpha1.ReasonAccessDenied),
				HaveField("Message", ContainSubstring("lacks "+action))))
			w.Expect(w.condition(p, v1alpha1.ConditionReconciling)()).To(HaveField("Status", metav1.ConditionTrue))
			w.Eventually(w.notes(p)).Should(ContainElement(And(HavePrefix("Warning AccessDenied"), ContainSubstring(action))))

			w.aws.allow(name)
			update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](1) })
			w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
		})
	}
}

func TestADeletionThatIAMDeniesNamesTheActionAndGoesOn(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("denied-delete")
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
	w.aws.allow("denied-delete", "iam:DeleteSAMLProvider")
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Message", ContainSubstring("lacks iam:DeleteSAMLProvider")))
	w.Expect(w.aws.provider("denied-delete")).NotTo(BeNil())

	w.aws.allow("denied-delete")
	update(w, p, func(p *v1alpha1.SAMLProvider) { p.Spec.Workload.Replicas = ptr.To[int32](1) })
	w.Eventually(func() bool {
		return apierrors.IsNotFound(env.Client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	}).Should(BeTrue())
	w.Expect(w.aws.provider("denied-delete")).To(BeNil())
}

func TestThrottlingIsToldAndPasses(t *testing.T) {
	w := newWorld(t)
	w.aws.disturb(awsfake.Fault{Operation: "GetSAMLProvider", Kind: awsfake.FaultThrottle})
	p := w.createProvider("throttled")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonThrottled))
	w.Eventually(w.condition(p, v1alpha1.ConditionWorkloadReady)).Should(HaveField("Reason", v1alpha1.ReasonWorkloadUnavailable), "the workload is made meanwhile")
	w.aws.mend()
	w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
}

func TestAForeignProviderIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	foreign := w.createForeign("foreign")
	p := w.createProvider("foreign")
	w.Eventually(w.condition(p, v1alpha1.ConditionStalled)).Should(SatisfyAll(
		HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring("delete it in IAM"))))
	w.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	w.Expect(env.Client.Delete(t.Context(), p)).To(Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(env.Client.Get(t.Context(), client.ObjectKeyFromObject(p), p))
	}).Should(BeTrue())
	w.Expect(*w.aws.provider("foreign").SAMLMetadataDocument).To(Equal(foreign))
}

// createForeign makes an IAM provider by hand.
func (w *world) createForeign(name string) string {
	w.t.Helper()
	key, err := keys.Generate(nil, name, metav1.Now().Time)
	w.Expect(err).NotTo(HaveOccurred())
	metadata, err := assertion.Metadata("https://other.example", []*x509.Certificate{key.Certificate})
	w.Expect(err).NotTo(HaveOccurred())
	_, err = w.aws.root.CreateSAMLProvider(w.t.Context(), &iam.CreateSAMLProviderInput{Name: &name, SAMLMetadataDocument: aws.String(string(metadata))})
	w.Expect(err).NotTo(HaveOccurred())
	return string(metadata)
}

func TestAnOperatorThatDiesAtCreateIsFollowedByOneThatKnows(t *testing.T) {
	for name, done := range map[string]bool{"died-before": false, "died-after": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.aws.disturb(awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultFail, Status: http.StatusInternalServerError, Code: "ServiceFailure", After: done})
			p := w.createProvider(name)
			w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Reason", v1alpha1.ReasonAWSUnavailable))
			w.Expect(p.Status.Accounts).To(ConsistOf(HaveField("State", v1alpha1.AccountCreating)))
			w.stop()
			w.Expect(w.aws.provider(name) != nil).To(Equal(done))

			w.aws.mend()
			w.startOperator()
			w.Eventually(w.condition(p, v1alpha1.ConditionProvidersSynced)).Should(HaveField("Status", metav1.ConditionTrue))
			w.Expect(w.aws.provider(name)).NotTo(BeNil())
		})
	}
}

func TestAnUnchangedProviderCausesNoWrites(t *testing.T) {
	w := newWorld(t)
	p := w.createProvider("quiet")
	w.runPods("quiet")
	w.Eventually(w.condition(p, v1alpha1.ConditionReady)).Should(HaveField("Status", metav1.ConditionTrue))
	w.settle()

	before := w.writes.Load()
	w.touch(p)
	w.Consistently(w.writes.Load).Should(Equal(before))
}

// touch has the operator look at an object of which nothing but an annotation changes.
func (w *world) touch(p *v1alpha1.SAMLProvider) {
	w.t.Helper()
	update(w, p, func(p *v1alpha1.SAMLProvider) { metav1.SetMetaDataAnnotation(&p.ObjectMeta, "touched", "yes") })
}

// settle waits until the operator has written nothing for a while.
func (w *world) settle() {
	w.t.Helper()
	last := int64(-1)
	w.Eventually(func() bool {
		now := w.writes.Load()
		still := now == last
		last = now
		return still
	}).WithPolling(patience / 30).Should(BeTrue())
}

// runPods is the Deployment controller: all pods are ready.
func (w *world) runPods(provider string) {
	w.t.Helper()
	d := &appsv1.Deployment{}
	w.Eventually(func() error {
		if err := w.env.Client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: deploy.Name(provider)}, d); err != nil {
			return err
		}
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
		return w.env.Client.Status().Update(w.t.Context(), d)
	}).Should(Succeed())
}

// events returns "TYPE REASON" of each event about an object; notes adds the text.
func (w *world) events(o client.Object) func() ([]string, error) {
	return w.eventsAs(o, func(e eventsv1.Event) string { return e.Type + " " + e.Reason })
}

func (w *world) notes(o client.Object) func() ([]string, error) {
	return w.eventsAs(o, func(e eventsv1.Event) string { return e.Type + " " + e.Reason + " " + e.Note })
}

func (w *world) eventsAs(o client.Object, write func(eventsv1.Event) string) func() ([]string, error) {
	return func() ([]string, error) {
		all := &eventsv1.EventList{}
		if err := w.env.Client.List(w.t.Context(), all); err != nil {
			return nil, err
		}
		var about []string
		for _, e := range all.Items {
			if e.Regarding.UID == o.GetUID() {
				about = append(about, write(e))
			}
		}
		return about, nil
	}
}
