package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Ring is all the Stores that keys of one provider may be in. The first one makes new keys, so that a
// provider changes its Store by a rotation.
type Ring []Store

// Read returns the keys that a key Secret names, newest first; none if there are none. One bad pair
// fails the whole: an IdP that quietly signed with another key would be refused by AWS. Entries that
// belong to no Store and are no .crt are left alone. The error names the entry and holds no key material.
func (r Ring) Read(ctx context.Context, data map[string][]byte) ([]Key, error) {
	ids := make(map[string]struct{}, len(data)/2)
	for entry := range data {
		for _, suffix := range append(r.suffixes(), certificateSuffix) {
			if id, ok := strings.CutSuffix(entry, suffix); ok {
				ids[id] = struct{}{}
			}
		}
	}
	ks := make([]Key, 0, len(ids))
	var errs []error
	for id := range ids {
		k, err := r.pair(ctx, id, data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ks = append(ks, k)
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(ks, func(a, b Key) int {
		return cmp.Or(b.Certificate.NotBefore.Compare(a.Certificate.NotBefore), strings.Compare(a.ID, b.ID))
	})
	return ks, nil
}

// Generate makes a key of that many bits in the first Store, with a self-signed certificate for that
// common name that is valid for ten years from notBefore. It returns the key and the entries to add to
// the key Secret. Who cannot add them calls Destroy with them.
func (r Ring) Generate(ctx context.Context, bits int, commonName string, notBefore time.Time) (Key, map[string][]byte, error) {
	if len(r) == 0 {
		return Key{}, nil, errors.New("a ring without a store makes no keys")
	}
	signer, entry, err := r[0].Generate(ctx, bits)
	if err != nil {
		return Key{}, nil, err
	}
	k, err := certify(rand.Reader, signer, commonName, notBefore)
	if err == nil {
		err = k.check()
	}
	if err != nil {
		return Key{}, nil, errors.Join(err, r[0].Destroy(ctx, entry))
	}
	return k, map[string][]byte{
		k.ID + r[0].Suffix():     entry,
		k.ID + certificateSuffix: pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: k.Certificate.Raw}),
	}, nil
}

// Remove returns the data of a key Secret without the entries of a key, and those entries. Once the
// Secret has been written without them, they are for Destroy: a Secret that names a key that is gone
// could not be read.
func (r Ring) Remove(data map[string][]byte, id string) (rest, removed map[string][]byte) {
	rest, removed = maps.Clone(data), map[string][]byte{}
	for _, suffix := range append(r.suffixes(), certificateSuffix) {
		if text, ok := rest[id+suffix]; ok {
			removed[id+suffix] = text
			delete(rest, id+suffix)
		}
	}
	return rest, removed
}

// Destroy makes the private keys of entries useless.
func (r Ring) Destroy(ctx context.Context, entries map[string][]byte) error {
	var errs []error
	for name, text := range entries {
		for _, s := range r {
			if id, ok := strings.CutSuffix(name, s.Suffix()); ok {
				if err := s.Destroy(ctx, text); err != nil {
					errs = append(errs, fmt.Errorf("destroying the private half of key %s: %w", id, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func (r Ring) suffixes() []string {
	suffixes := make([]string, 0, len(r)+1)
	for _, s := range r {
		suffixes = append(suffixes, s.Suffix())
	}
	return suffixes
}

// pair reads and checks one key and its certificate.
func (r Ring) pair(ctx context.Context, id string, data map[string][]byte) (Key, error) {
	store, err := r.storeOf(id, data)
	if err != nil {
		return Key{}, err
	}
	name := id + store.Suffix()
	certificatePEM, ok := data[id+certificateSuffix]
	if !ok {
		return Key{}, fmt.Errorf("key Secret has %q but no %q: half a pair signs nothing", name, id+certificateSuffix)
	}
	certificate, err := parseCertificate(certificatePEM)
	if err != nil {
		return Key{}, fmt.Errorf("key Secret entry %q: %w", id+certificateSuffix, err)
	}
	signer, err := store.Open(ctx, bytes.TrimSpace(data[name]))
	if err != nil {
		return Key{}, fmt.Errorf("key Secret entry %q: %w", name, err)
	}
	k := Key{ID: id, Signer: signer, Certificate: certificate}
	if err := k.check(); err != nil {
		return Key{}, fmt.Errorf("key Secret entries %q and %q: %w", name, id+certificateSuffix, err)
	}
	return k, nil
}

// storeOf returns the Store that has an entry for the key.
func (r Ring) storeOf(id string, data map[string][]byte) (Store, error) {
	var found []Store
	for _, s := range r {
		if _, ok := data[id+s.Suffix()]; ok {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("key Secret has %q but no %q: half a pair signs nothing", id+certificateSuffix, id+strings.Join(r.suffixes(), " or "+id))
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("key Secret has both %q and %q: remove the one that is not true", id+found[0].Suffix(), id+found[1].Suffix())
	}
}
