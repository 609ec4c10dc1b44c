// Package samples tests that a real kube-apiserver takes the samples as they are.
package samples

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/mapping"
	"attache.dev/attache/test/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Run(m, func(e *testenv.Env) { env = e }) }

func TestTheAPIServerTakesEverySample(t *testing.T) {
	for _, file := range listed(t) {
		for _, object := range read(t, file) {
			t.Run(object.GetKind()+" "+object.GetName(), func(t *testing.T) {
				g := NewWithT(t)
				// Strict: a field that the API server would drop without a word is a mistake in a sample.
				strict := client.WithFieldValidation(env.Client, "Strict")
				g.Expect(strict.Create(t.Context(), object)).To(Succeed())
			})
		}
	}
}

func TestEverySampleIsInTheKustomization(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob("*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(append(listed(t), "kustomization.yaml")).To(ConsistOf(files))
}

func TestTheSampleProviderAllowsTheSampleMapping(t *testing.T) {
	g := NewWithT(t)
	var provider v1alpha1.SAMLProvider
	var roleMapping v1alpha1.RoleMapping
	for file, into := range map[string]any{"samlprovider.yaml": &provider, "rolemapping.yaml": &roleMapping} {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(yaml.UnmarshalStrict(content, into)).To(Succeed())
	}
	finding, refused := mapping.Refuse(&provider, &roleMapping, mapping.FactsOf(&roleMapping, nil, nil))
	g.Expect(refused).To(BeFalse(), finding.Message)
}

// listed returns the files that `kubectl apply -k` takes, in its order.
func listed(t *testing.T) []string {
	t.Helper()
	g := NewWithT(t)
	content, err := os.ReadFile("kustomization.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	g.Expect(yaml.Unmarshal(content, &kustomization)).To(Succeed())
	g.Expect(kustomization.Resources).NotTo(BeEmpty())
	return kustomization.Resources
}

func read(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	g := NewWithT(t)
	content, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	var objects []*unstructured.Unstructured
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content)); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		g.Expect(err).NotTo(HaveOccurred())
		objects = append(objects, object)
	}
}
