package awsfake

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"slices"
	"time"
)

// Limits of private keys (IAM API Reference, UpdateSAMLProvider).
const (
	maxPrivateKeys = 2
	encryptAllowed = "Allowed"
	encryptMust    = "Required"
)

var (
	privateKeyRule     = rule{min: 1, max: 16384, sensitive: true, pattern: regexp.MustCompile(`^[\t\n\r -ÿ]+$`)}
	privateKeyIDRule   = rule{min: 22, max: 64, pattern: regexp.MustCompile(`^[A-Z0-9]+$`)}
	encryptionModeRule = rule{max: 8, pattern: regexp.MustCompile(`^(` + encryptMust + `|` + encryptAllowed + `)$`)}
)

// samlEncryption is how a provider takes encrypted assertions. It is replaced
// whole, never changed in place.
type samlEncryption struct {
	// mode is "", Allowed or Required.
	mode string
	keys []privateKey
}

type privateKey struct {
	id    string
	added time.Time
	key   *rsa.PrivateKey
}

func (e samlEncryption) privateKeys() []*rsa.PrivateKey {
	var keys []*rsa.PrivateKey
	for _, k := range e.keys {
		keys = append(keys, k.key)
	}
	return keys
}

// changedEncryption is what AssertionEncryptionMode, RemovePrivateKey and
// AddPrivateKey make of e, and whether the call carries one of them.
func (c *call) changedEncryption(e samlEncryption) (changed samlEncryption, given bool, err error) {
	mode, hasMode, err := c.optional("AssertionEncryptionMode", encryptionModeRule)
	if err != nil {
		return e, false, err
	}
	removed, removes, err := c.optional("RemovePrivateKey", privateKeyIDRule)
	if err != nil {
		return e, false, err
	}
	text, adds, err := c.optional("AddPrivateKey", privateKeyRule)
	if err != nil {
		return e, false, err
	}
	if hasMode {
		e.mode = mode
	}
	if removes {
		if e, err = e.without(removed); err != nil {
			return e, false, err
		}
	}
	if adds {
		if e, err = e.with(text, c.now); err != nil {
			return e, false, err
		}
	}
	if e.mode == encryptMust && len(e.keys) == 0 {
		return e, false, invalidInput("Failed to set assertion encryption mode to Required because no private key is present.")
	}
	return e, hasMode || removes || adds, nil
}

func (e samlEncryption) without(id string) (samlEncryption, error) {
	kept := slices.DeleteFunc(slices.Clone(e.keys), func(k privateKey) bool { return k.id == id })
	if len(kept) == len(e.keys) {
		return e, noSuchEntity("The private key with id %s cannot be found.", id)
	}
	e.keys = kept
	return e, nil
}

func (e samlEncryption) with(text string, now time.Time) (samlEncryption, error) {
	key := parsePrivateKey(text)
	if key == nil {
		return e, invalidInput("Could not parse private key")
	}
	if len(e.keys) >= maxPrivateKeys {
		return e, errorf(409, "LimitExceeded", "Private key limit of %d is reached.", maxPrivateKeys)
	}
	e.keys = append(slices.Clone(e.keys), privateKey{id: newLongID(), added: now, key: key})
	return e, nil
}

// parsePrivateKey reads an RSA key in PEM, or returns nil.
func parsePrivateKey(text string) *rsa.PrivateKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	key, _ := parsed.(*rsa.PrivateKey)
	return key
}

type privateKeyView struct {
	KeyID     string `xml:"KeyId"`
	Timestamp string `xml:"Timestamp"`
}

func (e samlEncryption) view() (mode *string, keys *members[privateKeyView]) {
	if e.mode != "" {
		mode = &e.mode
	}
	if len(e.keys) == 0 {
		return mode, nil
	}
	views := members[privateKeyView]{}
	for _, k := range e.keys {
		views.Member = append(views.Member, privateKeyView{KeyID: k.id, Timestamp: timestamp(k.added)})
	}
	return mode, &views
}
