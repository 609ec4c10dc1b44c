// Package metadata reads the SAML metadata documents that IAM holds and tells in words how two of
// them differ. Whoever may write to IAM may have written them.
package metadata

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"attache.dev/attache/api/v1alpha1"
)

// Document is what of a metadata document decides whom AWS believes.
type Document struct {
	// EntityID is the issuer whose assertions are believed.
	EntityID string
	// Keys are the ids of the certificates that assertions may be signed with, sorted, each once: the
	// first 16 hexadecimal digits of the SHA-256 of the certificate's DER form, as in status.keys.
	Keys []string
}

// descriptor is the part of an EntityDescriptor that is read (SAML 2.0 Metadata, section 2.3.2).
type descriptor struct {
	XMLName  xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID string   `xml:"entityID,attr"`
	IdPs     []struct {
		Keys []struct {
			Use          string   `xml:"use,attr"`
			Certificates []string `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"KeyDescriptor"`
	} `xml:"IDPSSODescriptor"`
}

// Parse reads the metadata document of one identity provider.
func Parse(document string) (Document, error) {
	var read descriptor
	if err := xml.Unmarshal([]byte(document), &read); err != nil {
		return Document{}, fmt.Errorf("read the metadata: %w", err)
	}
	if read.EntityID == "" {
		return Document{}, errors.New("the metadata has no entityID")
	}
	out := Document{EntityID: read.EntityID}
	for _, idp := range read.IdPs {
		for _, key := range idp.Keys {
			// A key without a use is for every use (SAML 2.0 Metadata, section 2.4.1.1).
			if key.Use != "" && key.Use != "signing" {
				continue
			}
			for _, text := range key.Certificates {
				id, err := keyID(text)
				if err != nil {
					return Document{}, err
				}
				out.Keys = append(out.Keys, id)
			}
		}
	}
	slices.Sort(out.Keys)
	out.Keys = slices.Compact(out.Keys)
	return out, nil
}

// Trusts tells whether assertions may be signed with the key of that id.
func (d Document) Trusts(key string) bool {
	_, found := slices.BinarySearch(d.Keys, key)
	return found
}

// Differences returns, field by field, how the document that AWS holds differs from this one. What
// AWS does not go by, such as white space and addresses, is no difference.
func (d Document) Differences(held Document) []v1alpha1.Difference {
	var all []v1alpha1.Difference
	if d.EntityID != held.EntityID {
		all = append(all, v1alpha1.Difference{Field: "issuer", Wanted: clip(d.EntityID), Found: clip(held.EntityID)})
	}
	for _, key := range d.Keys {
		if !held.Trusts(key) {
			all = append(all, v1alpha1.Difference{Field: keyField(key), Wanted: trusted})
		}
	}
	for _, key := range held.Keys {
		if !d.Trusts(key) {
			all = append(all, v1alpha1.Difference{Field: keyField(key), Found: trusted})
		}
	}
	return all
}

// Differences returns how the text that AWS holds differs from the wanted one, in terms of what AWS
// goes by as far as possible; nothing for the very same text.
func Differences(wanted, held string) []v1alpha1.Difference {
	if wanted == held {
		return nil
	}
	other := v1alpha1.Difference{Field: "metadata", Wanted: digest(wanted), Found: digest(held)}
	want, err := Parse(wanted)
	if err != nil {
		return []v1alpha1.Difference{other}
	}
	have, err := Parse(held)
	if err != nil {
		other.Found = clip(err.Error())
		return []v1alpha1.Difference{other}
	}
	if all := want.Differences(have); len(all) > 0 {
		return all
	}
	return []v1alpha1.Difference{other}
}

// trusted is the value of a key's field.
const trusted = "trusted"

func keyField(id string) string { return "keys[" + id + "]" }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "SHA-256 " + hex.EncodeToString(sum[:])
}

// keyID reads a certificate's text, in which white space means nothing (XML Signature, section 4.5.4).
func keyID(text string) (string, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return "", fmt.Errorf("read a certificate of the metadata: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8]), nil
}

// maxValue is the bound of a Difference's values in the API, in characters.
const maxValue = 512

func clip(s string) string {
	s = strings.ToValidUTF8(s, "")
	if runes := []rune(s); len(runes) > maxValue {
		const ellipsis = "..."
		return string(runes[:maxValue-len(ellipsis)]) + ellipsis
	}
	return s
}
