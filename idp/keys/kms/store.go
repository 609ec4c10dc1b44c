// Package kms is the keys.Store whose private keys never leave AWS KMS: the key Secret names each by
// its ARN, and every signature is a call.
package kms

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"               //nolint:depguard // This store is the one way in which signing comes to know an AWS client; nothing else here imports it.
	"github.com/aws/aws-sdk-go-v2/aws/arn"           //nolint:depguard // As above.
	"github.com/aws/aws-sdk-go-v2/service/kms"       //nolint:depguard // As above.
	"github.com/aws/aws-sdk-go-v2/service/kms/types" //nolint:depguard // As above.

	"attache.dev/attache/idp/keys"
)

const (
	suffix = ".kms"
	// defaultTimeout of a signature is what a caller can wait for who gets ten seconds at STS.
	defaultTimeout = 5 * time.Second
	// pendingDays is how long KMS lets a deletion be cancelled: the least that it takes (AWS KMS API
	// Reference, ScheduleKeyDeletion). The key signs nothing meanwhile.
	pendingDays = 7
)

// specs that KMS has for RSA, by the bits of the modulus.
var specs = map[int]types.KeySpec{2048: types.KeySpecRsa2048, 3072: types.KeySpecRsa3072, 4096: types.KeySpecRsa4096}

// Options of a Store.
type Options struct {
	// Client returns a client for a region; required. It needs kms:GetPublicKey and kms:Sign to serve,
	// and kms:CreateKey, kms:TagResource, kms:DescribeKey and kms:ScheduleKeyDeletion to rotate.
	Client func(region string) *kms.Client
	// Region in which new keys are made; required to make some.
	Region string
	// Tags of new keys, by which those are found that nobody uses: CreateKey has no way to be repeated.
	Tags map[string]string
	// Timeout of a signature; 5 s if zero.
	Timeout time.Duration
}

// Store keeps signing keys in AWS KMS. It is safe for concurrent use.
type Store struct{ options Options }

var _ keys.Store = (*Store)(nil)

// New returns a Store. It calls nobody.
func New(o Options) (*Store, error) {
	if o.Client == nil {
		return nil, errors.New("a KMS store needs a client")
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf("a timeout of %s: write one above zero", o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return &Store{o}, nil
}

// Suffix implements keys.Store.
func (s *Store) Suffix() string { return suffix }

// Generate implements keys.Store.
func (s *Store) Generate(ctx context.Context, bits int) (crypto.Signer, []byte, error) {
	spec, ok := specs[bits]
	if !ok {
		return nil, nil, fmt.Errorf("KMS makes no RSA keys of %d bits: write 2048, 3072 or 4096", bits)
	}
	if s.options.Region == "" {
		return nil, nil, errors.New("no region to make a KMS key in")
	}
	input := &kms.CreateKeyInput{
		KeySpec:     spec,
		KeyUsage:    types.KeyUsageTypeSignVerify,
		Description: aws.String("Signs SAML assertions of Attaché"),
	}
	for k, v := range s.options.Tags {
		input.Tags = append(input.Tags, types.Tag{TagKey: aws.String(k), TagValue: aws.String(v)})
	}
	out, err := s.options.Client(s.options.Region).CreateKey(ctx, input)
	if err != nil {
		return nil, nil, fmt.Errorf("creating a KMS key in %s: %w", s.options.Region, err)
	}
	if out.KeyMetadata == nil {
		return nil, nil, errors.New("creating a KMS key: the answer names none")
	}
	entry := []byte(aws.ToString(out.KeyMetadata.Arn))
	signer, err := s.Open(ctx, entry)
	if err != nil {
		return nil, nil, errors.Join(err, s.Destroy(ctx, entry))
	}
	return signer, entry, nil
}

// Open implements keys.Store. It asks for the public key, so that a key that cannot sign is found out
// before it has to.
func (s *Store) Open(ctx context.Context, entry []byte) (crypto.Signer, error) {
	id, client, err := s.clientOf(entry)
	if err != nil {
		return nil, err
	}
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String(id)})
	if err != nil {
		return nil, fmt.Errorf("reading the public half of %s: %w", id, err)
	}
	if out.KeyUsage != types.KeyUsageTypeSignVerify || !slices.Contains(out.SigningAlgorithms, algorithm) {
		return nil, fmt.Errorf("%s does not sign with %s: create a key of usage SIGN_VERIFY and spec RSA_2048", id, algorithm)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("reading the public half of %s: %w", id, err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an RSA key", id)
	}
	return &signer{client: client, id: id, public: public, timeout: s.options.Timeout}, nil
}

// Destroy implements keys.Store: KMS deletes the key after seven days, and lets nobody use it from now on.
func (s *Store) Destroy(ctx context.Context, entry []byte) error {
	id, client, err := s.clientOf(entry)
	if err != nil {
		return err
	}
	_, err = client.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: aws.String(id), PendingWindowInDays: aws.Int32(pendingDays)})
	var (
		gone  *types.NotFoundException
		state *types.KMSInvalidStateException
	)
	switch {
	case errors.As(err, &gone):
		return nil
	case errors.As(err, &state):
		out, described := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
		if described == nil && out.KeyMetadata != nil && out.KeyMetadata.KeyState == types.KeyStatePendingDeletion {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return nil
}

// clientOf reads an entry. An alias is no name for a signing key: it may come to mean another one.
func (s *Store) clientOf(entry []byte) (string, *kms.Client, error) {
	id := strings.TrimSpace(string(entry))
	parsed, err := arn.Parse(id)
	if err != nil || parsed.Service != "kms" || parsed.Region == "" || !strings.HasPrefix(parsed.Resource, "key/") {
		return "", nil, errors.New("is not the ARN of a KMS key; write one such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
	}
	return id, s.options.Client(parsed.Region), nil
}
