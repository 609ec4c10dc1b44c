package metadata_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/metadata"
)

const issuer = "https://login.corp.example/saml/metadata"

// The ids of the certificates "one" and "two", whose contents nobody looks at.
const (
	one = "7692c3ad3540bb80"
	two = "3fc4ccfe745870e2"
)

func key(use, certificate string) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	return fmt.Sprintf(`<md:KeyDescriptor%s><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
		use, base64.StdEncoding.EncodeToString([]byte(certificate)))
}

func document(entityID string, keys ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="` + entityID + `">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + strings.Join(keys, "") + `
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.corp.example/login"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
}

func TestParse(t *testing.T) {
	for _, row := range []struct {
		name, document string
		want           metadata.Document
		fails          string
	}{
		{"one key", document(issuer, key("signing", "one")), metadata.Document{EntityID: issuer, Keys: []string{one}}, ""},
		{"keys in any order, each once", document(issuer, key("signing", "one"), key("signing", "two"), key("signing", "one")), metadata.Document{EntityID: issuer, Keys: []string{two, one}}, ""},
		{"a key without a use signs too", document(issuer, key("", "one")), metadata.Document{EntityID: issuer, Keys: []string{one}}, ""},
		{"a key for encryption signs nothing", document(issuer, key("encryption", "one")), metadata.Document{EntityID: issuer}, ""},
		{"a certificate that is broken into lines", strings.Replace(document(issuer, key("signing", "one")), "b25l", "\n\tb2\n 5l ", 1), metadata.Document{EntityID: issuer, Keys: []string{one}}, ""},
		{"no document", "", metadata.Document{}, "read the metadata"},
		{"no XML", "{}", metadata.Document{}, "read the metadata"},
		{"another element", `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`, metadata.Document{}, "EntityDescriptor"},
		{"another namespace", `<EntityDescriptor xmlns="urn:other" entityID="x"/>`, metadata.Document{}, "name space"},
		{"no issuer", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`, metadata.Document{}, "no entityID"},
		{"a certificate that is none", strings.Replace(document(issuer, key("signing", "one")), "b25l", "!", 1), metadata.Document{}, "certificate"},
		{"an entity that would have to be fetched", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + document("&e;"), metadata.Document{}, "entity"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := metadata.Parse(row.document)
			if row.fails != "" {
				g.Expect(err).To(MatchError(ContainSubstring(row.fails)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(row.want))
			g.Expect(got.Trusts(one)).To(Equal(len(row.want.Keys) > 0))
		})
	}
}

func TestDifferences(t *testing.T) {
	wanted := document(issuer, key("signing", "one"))
	long := strings.Repeat("é", 2000)
	for _, row := range []struct {
		name, held string
		want       []v1alpha1.Difference
	}{
		{"the very same text", wanted, nil},
		{"a key too many", document(issuer, key("signing", "one"), key("signing", "two")), []v1alpha1.Difference{{Field: "keys[" + two + "]", Found: "trusted"}}},
		{"a key too few", document(issuer), []v1alpha1.Difference{{Field: "keys[" + one + "]", Wanted: "trusted"}}},
		{"another issuer", document("urn:x:other", key("signing", "one")), []v1alpha1.Difference{{Field: "issuer", Wanted: issuer, Found: "urn:x:other"}}},
		{"everything", document("urn:x:other", key("signing", "two")), []v1alpha1.Difference{
			{Field: "issuer", Wanted: issuer, Found: "urn:x:other"},
			{Field: "keys[" + one + "]", Wanted: "trusted"},
			{Field: "keys[" + two + "]", Found: "trusted"},
		}},
		{"an issuer without an end", document("urn:"+long, key("signing", "one")), []v1alpha1.Difference{{Field: "issuer", Wanted: issuer, Found: "urn:" + strings.Repeat("é", 505) + "..."}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(metadata.Differences(wanted, row.held)).To(Equal(row.want))
		})
	}
	t.Run("what AWS does not go by is told by its digest", func(t *testing.T) {
		g := NewWithT(t)
		got := metadata.Differences(wanted, wanted+"\n")
		g.Expect(got).To(ConsistOf(And(HaveField("Field", "metadata"), HaveField("Wanted", HavePrefix("SHA-256 ")), HaveField("Found", HavePrefix("SHA-256 ")))))
		g.Expect(got[0].Wanted).NotTo(Equal(got[0].Found))
	})
	t.Run("what is no metadata is told as such", func(t *testing.T) {
		NewWithT(t).Expect(metadata.Differences(wanted, "gone")).To(ConsistOf(And(HaveField("Field", "metadata"), HaveField("Found", HavePrefix("read the metadata")))))
	})
}

// FuzzDifferences holds that whatever IAM answers leads to differences that fit into the API.
func FuzzDifferences(f *testing.F) {
	wanted := document(issuer, key("signing", "one"))
	for _, held := range []string{"", wanted, document("urn:x:other", key("", "two")), "<!DOCTYPE x>", strings.Repeat("<a>", 100), "\xff"} {
		f.Add(held)
	}
	f.Fuzz(func(t *testing.T, held string) {
		differences := metadata.Differences(wanted, held)
		if (len(differences) == 0) != (held == wanted) {
			t.Fatalf("%d differences", len(differences))
		}
		for _, d := range differences {
			if n := utf8.RuneCountInString(d.Field); n == 0 || n > 256 {
				t.Errorf("field has %d characters", n)
			}
			for _, value := range []string{d.Wanted, d.Found} {
				if utf8.RuneCountInString(value) > 512 || !utf8.ValidString(value) {
					t.Errorf("value %q does not fit", value)
				}
			}
			if d.Wanted == d.Found {
				t.Errorf("%v is no difference", d)
			}
		}
	})
}
