package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/internal/uninstall"
	"attache.dev/attache/test/awsfake"
)

// uninstall runs the command as cluster administrator, after change, and returns what it printed.
func (w *world) uninstall(change ...func(*uninstallOptions)) (string, error) {
	w.t.Helper()
	var out bytes.Buffer
	o := &uninstallOptions{
		namespace: w.operator, yes: true, timeout: patience,
		config: env.Config, client: env.Client, in: strings.NewReader(""), out: &out,
	}
	for _, c := range change {
		c(o)
	}
	run := o.run
	if o.check {
		run = o.runCheck
	}
	err := run(w.t.Context())
	w.t.Logf("%s%v", &out, err)
	return out.String(), err
}

func retain(o *uninstallOptions) { o.retain = true }
func here(o *uninstallOptions)   { o.here = true }
func check(o *uninstallOptions)  { o.check = true }

func TestUninstallDrainsInTheOrderInWhichAWSCanFollow(t *testing.T) {
	w := newWorld(t, true)
	printed, err := w.uninstall()
	w.Expect(err).NotTo(HaveOccurred())
	w.nothingIsLeft()
	w.Expect(w.inAWS()).To(BeEmpty())
	w.Expect(printed).To(SatisfyAll(
		MatchRegexp(`(?s)Deleting RoleMapping %s/uploader.*Gone: RoleMapping %s/uploader.*Deleting SAMLProvider %s.*Gone: SAMLProvider`, w.tenant, w.tenant, w.provider.Name),
		HaveSuffix("All of it is gone. Next:\n  helm uninstall attache --namespace %s\n"+
			"  kubectl delete crd samlproviders.attache.dev rolemappings.attache.dev   # with every RoleMapping that is left\n", w.operator),
	))

	printed, err = w.uninstall()
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(printed).To(HavePrefix("Nothing is left to delete."))
	printed, err = w.uninstall(check)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(printed).To(Equal("Nothing is left: the operator can go.\n"))
}

func TestUninstallRetainsInAWSWhatItIsAskedTo(t *testing.T) {
	w := newWorld(t, true)
	kept := w.inAWS()
	w.Expect(kept).To(HaveLen(2))
	printed, err := w.uninstall(retain)
	w.Expect(err).NotTo(HaveOccurred())
	w.nothingIsLeft()
	w.Expect(w.inAWS()).To(Equal(kept))
	w.Expect(printed).To(ContainSubstring(w.mapping.Status.Role.ARN + " stays"))
}

func TestUninstallChangesNothingBefore(t *testing.T) {
	w := newWorld(t, true)
	for _, row := range []struct {
		name   string
		change func(*uninstallOptions)
		says   string
	}{
		{"what is left is told by --check", check, "RoleMapping " + w.tenant + "/uploader, SAMLProvider " + w.provider.Name},
		{"somebody said yes", func(o *uninstallOptions) { o.yes = false }, "not confirmed: type yes, or pass --yes"},
		{"somebody said anything else", func(o *uninstallOptions) { o.yes, o.in = false, strings.NewReader("y\n") }, "not confirmed"},
		{"the other operator ends", here, "two must never work at once"},
		{"the operator is found", func(o *uninstallOptions) { o.namespace = "default" }, "no operator is installed in namespace default"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := w.uninstall(row.change)
			g.Expect(err).To(MatchError(ContainSubstring(row.says)))
			g.Expect(ExitCode(err)).To(Equal(exitNotBegun))
			g.Expect(w.get(w.mapping)).To(Succeed())
			g.Expect(w.mapping.DeletionTimestamp.IsZero()).To(BeTrue())
		})
	}
}

func TestUninstallTakesYesForAnAnswer(t *testing.T) {
	w := newWorld(t, true)
	_, err := w.uninstall(func(o *uninstallOptions) { o.yes, o.in = false, strings.NewReader("yes\n") })
	w.Expect(err).NotTo(HaveOccurred())
	w.nothingIsLeft()
}

func TestUninstallSaysWhatItWaitsForWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t, true)
	w.Expect(w.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultUnavailable})).To(Succeed())
	_, err := w.uninstall(func(o *uninstallOptions) { o.timeout = 5 * time.Second })
	w.Expect(ExitCode(err)).To(Equal(exitUnfinished))
	w.Expect(err).To(MatchError(MatchRegexp(`5s are over(?s).*RoleMapping %s/uploader: AWSUnavailable: `, w.tenant)))

	w.Expect(w.fake.Control().ClearFaults(t.Context())).To(Succeed())
	_, err = w.uninstall()
	w.Expect(err).NotTo(HaveOccurred())
	w.nothingIsLeft()
}

func TestUninstallNamesTheRightsThatAreMissing(t *testing.T) {
	w := newWorld(t, true)
	viewer := rest.CopyConfig(env.Config)
	viewer.Impersonate = rest.ImpersonationConfig{UserName: "viewer-of-" + w.tenant, Groups: []string{"system:authenticated"}}
	c, err := client.New(viewer, client.Options{Scheme: env.Client.Scheme()})
	w.Expect(err).NotTo(HaveOccurred())
	asViewer := func(o *uninstallOptions) { o.config, o.client = viewer, c }

	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "viewer-of-" + w.tenant}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"attache.dev"}, Resources: []string{"rolemappings", "samlproviders"}, Verbs: []string{"list"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces", "pods"}, Verbs: []string{"get", "list"}},
	}}
	w.Expect(env.Client.Create(t.Context(), role)).To(Succeed())
	w.Expect(env.Client.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: viewer.Impersonate.UserName}},
	})).To(Succeed())

	for _, row := range []struct {
		name    string
		change  func(*uninstallOptions)
		missing []string
	}{
		{"to delete, and to find the operator", func(*uninstallOptions) {}, []string{
			"delete rolemappings.attache.dev", "delete samlproviders.attache.dev",
			"get deployments.apps --namespace " + w.operator, "get leases.coordination.k8s.io --namespace " + w.operator,
		}},
		{"to retain", retain, []string{
			"delete rolemappings.attache.dev", "patch rolemappings.attache.dev", "delete samlproviders.attache.dev", "patch samlproviders.attache.dev",
			"get deployments.apps --namespace " + w.operator, "get leases.coordination.k8s.io --namespace " + w.operator,
		}},
		{"to do the operator's part", here, []string{"* *.*"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Eventually(func() error {
				_, err := w.uninstall(asViewer, row.change)
				return err
			}, patience).Should(MatchError(HaveSuffix("run it:\n  " + strings.Join(row.missing, "\n  "))))
		})
	}
	printed, err := w.uninstall(asViewer, check)
	w.Expect(err).To(MatchError(ContainSubstring("the operator is still needed")), printed)
}

func TestUninstallStopsWhereNobodyWillWorkOnIt(t *testing.T) {
	w := newWorld(t, false)
	_, err := w.uninstall()
	w.Expect(ExitCode(err)).To(Equal(exitNotBegun))
	w.Expect(err).To(MatchError(ContainSubstring("no operator is installed in namespace " + w.operator)))

	// One that was killed seems to live until its Lease runs out.
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: w.operator, Name: uninstall.OperatorName}}
	w.Expect(w.get(lease)).To(Succeed())
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = ptrTo("killed"), ptrTo(int32(3))
	lease.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()}
	w.Expect(env.Client.Update(t.Context(), lease)).To(Succeed())
	_, err = w.uninstall()
	w.Expect(ExitCode(err)).To(Equal(exitUnfinished))
	w.Expect(err).To(MatchError(ContainSubstring("No operator: no operator is installed in namespace " + w.operator)))
}

func ptrTo[T any](v T) *T { return &v }

func TestUninstallHereNeedsNoOperator(t *testing.T) {
	asAdministratorOfAWS := func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", rootKey)
		t.Setenv("AWS_SECRET_ACCESS_KEY", rootSecret)
	}
	t.Run("in a namespace that lives, where it holds the operator's Lease", func(t *testing.T) {
		w := newWorld(t, false)
		asAdministratorOfAWS(t)
		printed, err := w.uninstall(here)
		w.Expect(err).NotTo(HaveOccurred())
		w.nothingIsLeft()
		w.Expect(w.inAWS()).To(BeEmpty())
		w.Expect(printed).NotTo(ContainSubstring("helm uninstall"))
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: w.operator, Name: uninstall.OperatorName}}
		w.Expect(w.get(lease)).To(Succeed())
		w.Expect(lease.Spec.LeaseTransitions).To(HaveValue(BeNumerically(">", 0)), "it was held after the operator had it")
		w.Expect(lease.Spec.HolderIdentity).To(HaveValue(BeEmpty()), "and given back")
	})
	t.Run("in a namespace that is being deleted, where no Lease can be made", func(t *testing.T) {
		w := newWorld(t, false)
		asAdministratorOfAWS(t)
		w.Expect(env.Client.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.operator}})).To(Succeed())
		_, err := w.uninstall()
		w.Expect(err).To(MatchError(ContainSubstring("is being deleted, so that no operator can start in it: do its work with --here")))

		_, err = w.uninstall(here)
		w.Expect(err).NotTo(HaveOccurred())
		w.nothingIsLeft()
		w.Expect(w.inAWS()).To(BeEmpty())
	})
	t.Run("where nothing is left of the namespace, nor of the keys in it", func(t *testing.T) {
		w := newWorld(t, false)
		asAdministratorOfAWS(t)
		w.takeSecrets()
		_, err := w.uninstall(here, func(o *uninstallOptions) { o.namespace = "gone-" + w.operator })
		w.Expect(err).NotTo(HaveOccurred())
		w.nothingIsLeft()
		w.Expect(w.inAWS()).To(BeEmpty())
	})
	t.Run("and retains as the operator does, without credentials for AWS", func(t *testing.T) {
		w := newWorld(t, false)
		kept := w.inAWS()
		_, err := w.uninstall(here, retain)
		w.Expect(err).NotTo(HaveOccurred())
		w.nothingIsLeft()
		w.Expect(w.inAWS()).To(Equal(kept))
	})
	t.Run("and says whose credentials are missing", func(t *testing.T) {
		w := newWorld(t, false)
		t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
		t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
		_, err := w.uninstall(here, func(o *uninstallOptions) { o.timeout = 10 * time.Second })
		w.Expect(ExitCode(err)).To(Equal(exitUnfinished))
		w.Expect(err).To(MatchError(ContainSubstring("CredentialsUnavailable")))
	})
}

func TestUninstallCheckNeedsNothingButToRead(t *testing.T) {
	w := NewWithT(t)
	_, err := run(t, "uninstall", "--check", "--retain")
	w.Expect(err).To(MatchError(ContainSubstring("none of the others can be")))
	_, err = run(t, "uninstall", "--check", "--here")
	w.Expect(err).To(MatchError(ContainSubstring("none of the others can be")))
}

func TestExitCodesTellWhatHappened(t *testing.T) {
	g := NewWithT(t)
	g.Expect(ExitCode(nil)).To(Equal(0))
	g.Expect(ExitCode(context.Canceled)).To(Equal(1))
	g.Expect(ExitCode(notBegun(context.Canceled))).To(Equal(2))
	g.Expect(notBegun(apierrors.NewBadRequest("x"))).To(MatchError(apierrors.IsBadRequest, "IsBadRequest"))
}
