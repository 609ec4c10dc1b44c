// Command demo shows the main job on the cluster that KUBECONFIG names: a pod gets AWS credentials
// that work against an AWS that checks. `make demo` runs it after the cluster and the images.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/harness"
)

const (
	provider  = "corp"
	namespace = "reports"
	readiness = 2 * time.Minute

	// The existing role, and the service account and RoleMapping that get it.
	roleName, uploader = "reports-uploader", "uploader"
	// The bucket of the managed role, the RoleMapping that it is made for, and a service account of it.
	bucket, archive, archiver = "reports-archive", "archive", "archiver"
	// The permissions boundary of managed roles, as config/samples/samlprovider.yaml demands it.
	boundary         = "tenants"
	boundaryDocument = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`
)

//go:embed pod.yaml
var podManifest string

func main() {
	log.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n\nLook around with:\n%s", err, lookAround)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// demo is what the steps share.
type demo struct {
	cluster *harness.Cluster
	images  harness.Images
	aws     *harness.AWS
	// identity is what GetCallerIdentity told the first pod, written what the second one printed.
	identity, written string
}

func run(ctx context.Context) error {
	d := &demo{}
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Start a stand-in for AWS, in its own namespace: it checks signatures, trust policies and permissions", d.startAWS},
		{"Make the role " + roleName + " in it, which trusts the SAML provider " + provider + "; a bucket; a permissions boundary", d.prepareAccount},
		{"Install Attaché: helm install attache charts/attache", d.install},
		{"Apply config/samples: SAMLProvider " + provider + ", RoleMappings " + uploader + " and " + archive + ", for which a role is made", d.apply},
		{"Wait until they are Ready: IAM trusts the provider and has the role, the identity provider serves", d.awaitReady},
		{"Start a pod: it hands its token to the delegation endpoint, then calls sts:GetCallerIdentity", d.startUploader},
		{"Start a pod with the role that was made: it writes to its own prefix in S3, and is refused in another's", d.startArchiver},
	} {
		began := time.Now()
		fmt.Printf("\n==> %s\n", step.title)
		if err := step.do(ctx); err != nil {
			return err
		}
		fmt.Printf("    done in %.1f s\n", time.Since(began).Seconds())
	}
	fmt.Printf("\nThe pod %s/%s is, to AWS:\n\n    %s\n\nThe pod %s/%s:\n\n    %s\n\nLook around:\n%s\nClean up:\n%s", namespace, uploader, d.identity,
		namespace, archiver, strings.ReplaceAll(d.written, "\n", "\n    "), lookAround, cleanUp)
	return nil
}

const lookAround = `    . hack/cluster/env.sh        # kubectl and helm for this cluster
    kubectl get samlproviders,rolemappings -A
    kubectl describe samlprovider corp
    kubectl logs -n attache-system -l attache.dev/provider=corp | grep audit
    kubectl logs -n aws deploy/awsfake
`

const cleanUp = `    make cluster-down            # stop the cluster; make demo starts it again
`

func (d *demo) startAWS(ctx context.Context) (err error) {
	if d.images, err = harness.BuiltImages(); err != nil {
		return err
	}
	if d.cluster, err = harness.Connect(); err != nil {
		return err
	}
	d.aws, err = d.cluster.InstallAWS(ctx, d.images.AWSFake)
	return err
}

func (d *demo) prepareAccount(ctx context.Context) error {
	if _, err := d.aws.EnsureRole(ctx, roleName, provider); err != nil {
		return err
	}
	if err := d.aws.EnsureBucket(ctx, bucket); err != nil {
		return err
	}
	_, err := d.aws.EnsurePolicy(ctx, boundary, boundaryDocument)
	return err
}

func (d *demo) install(ctx context.Context) error {
	bounds := awsiam.RolesBounds{PathPrefixes: []string{"/reports/"}, PermissionsBoundary: harness.PolicyARN(boundary)}
	if err := d.aws.AllowOperatorRoles(ctx, provider, bounds); err != nil {
		return err
	}
	return d.cluster.InstallAttache(ctx, d.aws, d.images.Attache)
}

func (d *demo) apply(ctx context.Context) error {
	for _, file := range []string{"namespace.yaml", "samlprovider.yaml", "rolemapping.yaml", "rolemapping-managed.yaml"} {
		manifest, err := os.ReadFile(filepath.Join(harness.Root(), "config", "samples", file))
		if err != nil {
			return err
		}
		if err := d.cluster.Apply(ctx, manifest, pointAtStandIn); err != nil {
			return err
		}
	}
	return nil
}

// pointAtStandIn gives the sample's account the address of the stand-in: the one thing in which the
// demo's provider differs from one for the real AWS.
func pointAtStandIn(u *unstructured.Unstructured) {
	if u.GetKind() != "SAMLProvider" {
		return
	}
	accounts, _, _ := unstructured.NestedSlice(u.Object, "spec", "accounts")
	accounts[0].(map[string]any)["endpoints"] = map[string]any{"iam": harness.AWSEndpoint, "sts": harness.AWSEndpoint}
	_ = unstructured.SetNestedSlice(u.Object, accounts, "spec", "accounts")
}

func (d *demo) awaitReady(ctx context.Context) error {
	// After a restart of the cluster the stand-in has forgotten all, and Ready is that of the time before.
	if err := d.aws.AwaitProvider(ctx, provider, readiness); err != nil {
		return err
	}
	if err := d.aws.AwaitRole(ctx, namespace+"-"+archive, readiness); err != nil {
		return err
	}
	p := &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: provider}}
	if err := d.cluster.AwaitReady(ctx, p, readiness); err != nil {
		return err
	}
	for _, name := range []string{uploader, archive} {
		m := &v1alpha1.RoleMapping{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := d.cluster.AwaitReady(ctx, m, readiness); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) startUploader(ctx context.Context) (err error) {
	if d.identity, err = d.runPod(ctx, uploader, "[]"); err != nil {
		return err
	}
	want := "arn:aws:sts::" + harness.AccountID + ":assumed-role/" + roleName + "/" + uploader
	if d.identity != want {
		return fmt.Errorf("the pod is %q to AWS, not %q", d.identity, want)
	}
	return nil
}

func (d *demo) startArchiver(ctx context.Context) (err error) {
	d.written, err = d.runPod(ctx, archiver, "[archive, "+bucket+"]")
	return err
}

// runPod runs a pod of that name and service account to its end, and returns what it printed.
func (d *demo) runPod(ctx context.Context, name, arguments string) (string, error) {
	if _, err := d.cluster.CABundle(ctx, namespace); err != nil {
		return "", err
	}
	// The pod of an earlier demo has ended; a pod cannot be started twice.
	pods := d.cluster.Clientset.CoreV1().Pods(namespace)
	now := int64(0)
	if err := pods.Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil && !apierrors.IsNotFound(err) {
		return "", err
	}
	if err := harness.Await(ctx, time.Minute, "the former pod to be gone", func(ctx context.Context) (bool, string, error) {
		_, err := pods.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), "still there", nil
	}); err != nil {
		return "", err
	}
	manifest := strings.NewReplacer("WORKLOAD_IMAGE", d.images.Workload, "SERVICE_ACCOUNT", name, "ARGUMENTS", arguments).Replace(podManifest)
	if err := d.cluster.Apply(ctx, []byte(manifest), nil); err != nil {
		return "", err
	}
	pod, err := d.cluster.AwaitPod(ctx, namespace, name, readiness, corev1.PodSucceeded, corev1.PodFailed)
	if err != nil {
		return "", err
	}
	printed, err := d.cluster.Logs(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	if pod.Status.Phase != corev1.PodSucceeded {
		return "", fmt.Errorf("the pod failed: %s", printed)
	}
	return strings.TrimSpace(printed), nil
}
