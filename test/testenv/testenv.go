// Package testenv gives tests a real etcd and kube-apiserver with Attaché's CRDs installed.
package testenv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"attache.dev/attache/api/v1alpha1"
)

// Scheme knows Kubernetes' own kinds and Attaché's.
var Scheme = apiruntime.NewScheme()

func init() {
	utilruntime.Must(clientgoscheme.AddToScheme(Scheme))
	utilruntime.Must(v1alpha1.AddToScheme(Scheme))
}

// Env is a running control plane.
type Env struct {
	// Config reaches it as cluster administrator.
	Config *rest.Config
	// Client reads and writes without a cache.
	Client client.Client
}

// Run starts a control plane, hands it to setup, runs the package's tests and ends it. It is for
// TestMain, and exits the process:
//
//	func TestMain(m *testing.M) { testenv.Run(m, func(e *testenv.Env) { env = e }) }
//
// KUBEBUILDER_ASSETS must name a folder with etcd and kube-apiserver; `make test` sets it.
func Run(m *testing.M, setup func(*Env)) {
	os.Exit(run(m, setup))
}

func run(m *testing.M, setup func(*Env)) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		println("KUBEBUILDER_ASSETS is not set: run `make test`, or `export KUBEBUILDER_ASSETS=$(make -s envtest-assets)`")
		return 1
	}
	e, stop, err := start()
	if err != nil {
		println("start the test control plane:", err.Error())
		return 1
	}
	defer func() {
		if err := stop(); err != nil {
			println("stop the test control plane:", err.Error())
		}
	}()
	setup(e)
	return m.Run()
}

// Another starts one more control plane, which ends with the test: another cluster.
func Another(t *testing.T) *Env {
	t.Helper()
	e, stop, err := start()
	if err != nil {
		t.Fatalf("start another control plane: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop the other control plane: %v", err)
		}
	})
	return e
}

func start() (e *Env, stop func() error, err error) {
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{crdDirectory()},
		ErrorIfCRDPathMissing: true,
		Scheme:                Scheme,
	}
	// The defaults name an address of the machine, which is different at each start.
	env.ControlPlane.GetAPIServer().Configure().
		Set("service-account-issuer", "https://kubernetes.default.svc").
		Set("service-account-jwks-uri", "https://kubernetes.default.svc/openid/v1/jwks").
		Set("service-account-extend-token-expiration", "false")
	config, err := env.Start()
	if err != nil {
		return nil, nil, err
	}
	c, err := client.New(config, client.Options{Scheme: Scheme})
	if err != nil {
		return nil, nil, errors.Join(err, env.Stop())
	}
	return &Env{Config: config, Client: c}, env.Stop, nil
}

// Namespace creates a namespace whose name starts with prefix and deletes it when the test ends.
func (e *Env) Namespace(t *testing.T, prefix string) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: strings.ToLower(prefix) + "-"}}
	if err := e.Client.Create(t.Context(), ns); err != nil {
		t.Fatalf("create a namespace: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Client.Delete(context.WithoutCancel(t.Context()), ns); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}

func crdDirectory() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "config", "crd", "bases")
}
