package docs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kubernetesTypes are fields whose own fields are Kubernetes' to describe.
var kubernetesTypes = []string{"conditions", "resources", "selector"}

func TestEachFieldIsInThePageOfItsKind(t *testing.T) {
	for page, crd := range map[string]string{
		samlProviderPage: "attache.dev_samlproviders.yaml",
		roleMappingPage:  "attache.dev_rolemappings.yaml",
	} {
		schema := schemaOf(t, crd)
		for part, heading := range map[string]string{"spec": "## Spec", "status": "## Status"} {
			t.Run(page+" "+part, func(t *testing.T) {
				text := section(t, read(t, page), heading)
				var missing []string
				for _, field := range fieldsOf(schema.Properties[part], "") {
					if !strings.Contains(text, "`"+field+"`") {
						missing = append(missing, field)
					}
				}
				NewWithT(t).Expect(missing).To(BeEmpty(), "under %q of docs/%s, each of these must stand in backticks", heading, page)
			})
		}
	}
}

func schemaOf(t *testing.T, file string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	g := NewWithT(t)
	var crd apiextensionsv1.CustomResourceDefinition
	g.Expect(yaml.UnmarshalStrict([]byte(read(t, filepath.Join("..", "config", "crd", "bases", file))), &crd)).To(Succeed())
	g.Expect(crd.Spec.Versions).To(HaveLen(1))
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// fieldsOf returns the fields of an object as a person writes them, such as allow[].namespaces.names.
func fieldsOf(schema apiextensionsv1.JSONSchemaProps, prefix string) []string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		path := prefix + name
		fields = append(fields, path)
		if slices.Contains(kubernetesTypes, name) {
			continue
		}
		if property.Items != nil && property.Items.Schema != nil {
			property, path = *property.Items.Schema, path+"[]"
		}
		fields = append(fields, fieldsOf(property, path+".")...)
	}
	return fields
}
