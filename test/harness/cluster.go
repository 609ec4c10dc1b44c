// Package harness installs Attaché and its stand-in for AWS on a real cluster, the way a user
// would: images, Helm, kubectl apply. The demo and the end-to-end stories share it.
package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// fieldOwner is the name under which the harness applies objects.
const fieldOwner = "attache-harness"

// Scheme knows Kubernetes' own kinds and Attaché's.
var Scheme = runtime.NewScheme()

func init() {
	utilruntime.Must(clientgoscheme.AddToScheme(Scheme))
	utilruntime.Must(v1alpha1.AddToScheme(Scheme))
}

// Cluster is the cluster that KUBECONFIG names.
type Cluster struct {
	Config    *rest.Config
	Client    client.Client
	Clientset *kubernetes.Clientset
}

// Connect reaches the cluster that KUBECONFIG names.
func Connect() (*Cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read KUBECONFIG (source hack/cluster/env.sh, or set it to your own cluster's): %w", err)
	}
	config.QPS, config.Burst = 50, 100
	c, err := client.New(config, client.Options{Scheme: Scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the cluster at %s: %w", config.Host, err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster at %s: %w", config.Host, err)
	}
	return &Cluster{Config: config, Client: c, Clientset: clientset}, nil
}

// Apply applies every object of a YAML stream, like `kubectl apply --server-side`, after edit,
// which may be nil, has had its way with each.
func (c *Cluster) Apply(ctx context.Context, manifest []byte, edit func(*unstructured.Unstructured)) error {
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := decoder.Decode(u); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the manifest: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if edit != nil {
			edit(u)
		}
		if err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(fieldOwner), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
}

// Await polls until done says so, and returns its last answer when the time is over.
func Await(ctx context.Context, timeout time.Duration, what string, done func(context.Context) (bool, string, error)) error {
	var last string
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, timeout, true, func(ctx context.Context) (bool, error) {
		ok, state, err := done(ctx)
		last = state
		return ok, err
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w; last seen: %s", what, err, last)
	}
	return nil
}

// AwaitDeployment waits until every replica of the current generation is available.
func (c *Cluster) AwaitDeployment(ctx context.Context, namespace, name string, timeout time.Duration) error {
	return Await(ctx, timeout, fmt.Sprintf("Deployment %s/%s", namespace, name), func(ctx context.Context) (bool, string, error) {
		d, err := c.Clientset.AppsV1().Deployments(namespace).Get(ctx, name, getOptions)
		if apierrors.IsNotFound(err) {
			return false, "absent", nil
		} else if err != nil {
			return false, err.Error(), nil
		}
		s := d.Status
		state := fmt.Sprintf("%d of %d available, %d updated", s.AvailableReplicas, *d.Spec.Replicas, s.UpdatedReplicas)
		return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == *d.Spec.Replicas && s.AvailableReplicas == *d.Spec.Replicas && s.Replicas == *d.Spec.Replicas, state, nil
	})
}

// AwaitPod waits until the pod reaches one of the phases and returns it.
func (c *Cluster) AwaitPod(ctx context.Context, namespace, name string, timeout time.Duration, phases ...corev1.PodPhase) (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := Await(ctx, timeout, fmt.Sprintf("pod %s/%s to be %v", namespace, name, phases), func(ctx context.Context) (bool, string, error) {
		p, err := c.Clientset.CoreV1().Pods(namespace).Get(ctx, name, getOptions)
		if err != nil {
			return false, err.Error(), nil
		}
		pod = p
		for _, phase := range phases {
			if p.Status.Phase == phase {
				return true, "", nil
			}
		}
		return false, fmt.Sprintf("%s %v", p.Status.Phase, p.Status.ContainerStatuses), nil
	})
	return pod, err
}

// Logs returns what the pod's only container printed.
func (c *Cluster) Logs(ctx context.Context, namespace, pod string) (string, error) {
	b, err := c.Clientset.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{}).DoRaw(ctx)
	return string(b), err
}
