package harness

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

const (
	// Namespace is where the operator and the identity providers run.
	Namespace = "attache-system"
	// operatorSecret holds the operator's AWS credentials, as the chart's
	// aws.credentialsSecretName expects.
	operatorSecret = "attache-aws"
)

// Images are the references under which `make images` built the images.
type Images struct{ Attache, AWSFake, Workload string }

// BuiltImages reads what `make images` left in dist/images.env.
func BuiltImages() (Images, error) {
	b, err := os.ReadFile(filepath.Join(Root(), "dist", "images.env"))
	if err != nil {
		return Images{}, fmt.Errorf("no images are built: run `make images`: %w", err)
	}
	found := map[string]string{}
	for scanner := bufio.NewScanner(bytes.NewReader(b)); scanner.Scan(); {
		if name, reference, ok := strings.Cut(scanner.Text(), "="); ok {
			found[name] = reference
		}
	}
	images := Images{Attache: found["ATTACHE"], AWSFake: found["AWSFAKE"], Workload: found["WORKLOAD"]}
	if images.Attache == "" || images.AWSFake == "" || images.Workload == "" {
		return Images{}, fmt.Errorf("dist/images.env is incomplete: run `make images`")
	}
	return images, nil
}

// Root is the folder of the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// InstallAttache gives the operator AWS credentials and installs the chart, as its documentation
// tells a user to, with further values such as "replicas=2". An installation that is there already
// is brought up to date.
func (c *Cluster) InstallAttache(ctx context.Context, a *AWS, image string, values ...string) error {
	if err := c.Apply(ctx, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+Namespace+"}\n"), nil); err != nil {
		return err
	}
	keyID, err := c.ensureOperatorCredentials(ctx, a)
	if err != nil {
		return err
	}
	repository, tag, _ := strings.Cut(image, ":")
	// A changed key reaches the pods only through a rollout: it is in their environment.
	sum := sha256.Sum256([]byte(keyID))
	args := []string{
		"upgrade", "--install", release, chart(),
		"--namespace", Namespace, "--wait", "--timeout", "3m",
		"--set", "image.repository=" + repository, "--set-string", "image.tag=" + tag,
		"--set", "aws.credentialsSecretName=" + operatorSecret,
		"--set-string", fmt.Sprintf("podAnnotations.checksum/aws-credentials=%x", sum[:8]),
	}
	for _, value := range values {
		args = append(args, "--set", value)
	}
	_, err = Helm(ctx, args...)
	return err
}

// ensureOperatorCredentials keeps a key that still works, and else makes one. It returns the key's
// ID.
func (c *Cluster) ensureOperatorCredentials(ctx context.Context, a *AWS) (string, error) {
	secrets := c.Clientset.CoreV1().Secrets(Namespace)
	found, err := secrets.Get(ctx, operatorSecret, getOptions)
	switch {
	case err == nil:
		id := string(found.Data["AWS_ACCESS_KEY_ID"])
		if _, err := a.CallerIdentity(ctx, id, string(found.Data["AWS_SECRET_ACCESS_KEY"]), ""); err == nil {
			return id, nil
		}
		if err := secrets.Delete(ctx, operatorSecret, metav1.DeleteOptions{}); err != nil {
			return "", err
		}
	case !apierrors.IsNotFound(err):
		return "", err
	}
	id, secret, err := a.operatorKey(ctx)
	if err != nil {
		return "", err
	}
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: operatorSecret},
		StringData: map[string]string{"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret},
	}, metav1.CreateOptions{})
	return id, err
}

// RestartOperator ends the operator's pods and waits until others are ready.
func (c *Cluster) RestartOperator(ctx context.Context) error {
	pods := c.Clientset.CoreV1().Pods(Namespace)
	err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=attache,app.kubernetes.io/component=operator"})
	if err != nil {
		return err
	}
	return c.AwaitDeployment(ctx, Namespace, "attache-operator", deployTimeout)
}

// AwaitReady waits until the object's Ready condition is True for its current generation.
func (c *Cluster) AwaitReady(ctx context.Context, obj client.Object, timeout time.Duration) error {
	return c.AwaitCondition(ctx, obj, v1alpha1.ConditionReady, metav1.ConditionTrue, "", timeout)
}

// AwaitCondition waits until a condition of a SAMLProvider or RoleMapping has the status and, where
// it is not empty, the reason. obj is left as last seen.
func (c *Cluster) AwaitCondition(ctx context.Context, obj client.Object, conditionType string, status metav1.ConditionStatus, reason string, timeout time.Duration) error {
	key := client.ObjectKeyFromObject(obj)
	return Await(ctx, timeout, fmt.Sprintf("%T %s to have %s=%s %s", obj, key, conditionType, status, reason), func(ctx context.Context) (bool, string, error) {
		if err := c.Client.Get(ctx, key, obj); err != nil {
			return false, err.Error(), nil
		}
		found := meta.FindStatusCondition(Conditions(obj), conditionType)
		if found == nil {
			return false, "no such condition yet", nil
		}
		ok := found.Status == status && (reason == "" || found.Reason == reason) && found.ObservedGeneration == obj.GetGeneration()
		return ok, fmt.Sprintf("%s %s: %s", found.Status, found.Reason, found.Message), nil
	})
}

// Conditions returns the conditions of a SAMLProvider or RoleMapping.
func Conditions(obj client.Object) []metav1.Condition {
	switch o := obj.(type) {
	case *v1alpha1.SAMLProvider:
		return o.Status.Conditions
	case *v1alpha1.RoleMapping:
		return o.Status.Conditions
	}
	return nil
}

// CABundle waits for the ConfigMap with which a namespace gets to know the identity providers'
// certificate authority.
func (c *Cluster) CABundle(ctx context.Context, namespace string) ([]byte, error) {
	var bundle []byte
	err := Await(ctx, time.Minute, "ConfigMap "+namespace+"/attache-ca", func(ctx context.Context) (bool, string, error) {
		cm, err := c.Clientset.CoreV1().ConfigMaps(namespace).Get(ctx, "attache-ca", getOptions)
		if err != nil {
			return false, err.Error(), nil
		}
		bundle = []byte(cm.Data["ca.crt"])
		return len(bundle) > 0, "empty", nil
	})
	return bundle, err
}
