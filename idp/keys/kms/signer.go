package kms

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"               //nolint:depguard // See store.go.
	"github.com/aws/aws-sdk-go-v2/service/kms"       //nolint:depguard // See store.go.
	"github.com/aws/aws-sdk-go-v2/service/kms/types" //nolint:depguard // See store.go.
)

// algorithm is RSASSA-PKCS1-v1_5 over SHA-256, the rsa-sha256 of XML Signature (RFC 9231, section 2.3.2).
const algorithm = types.SigningAlgorithmSpecRsassaPkcs1V15Sha256

// signer is a crypto.Signer whose private key is in KMS.
type signer struct {
	client  *kms.Client
	id      string
	public  *rsa.PublicKey
	timeout time.Duration
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign implements crypto.Signer for SHA-256 and PKCS #1 v1.5. It needs no randomness of ours. The
// signature is verified: one that is wrong would be refused by STS as if IAM did not know the key.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss || opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("a KMS key signs SHA-256 digests with PKCS #1 v1.5 only")
	}
	// crypto.Signer knows no context.
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	out, err := s.client.Sign(ctx, &kms.SignInput{
		KeyId:            aws.String(s.id),
		Message:          digest,
		MessageType:      types.MessageTypeDigest,
		SigningAlgorithm: algorithm,
	})
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", s.id, err)
	}
	if err := rsa.VerifyPKCS1v15(s.public, crypto.SHA256, digest, out.Signature); err != nil {
		return nil, fmt.Errorf("the signature of %s does not verify with its own public key: %w", s.id, err)
	}
	return out.Signature, nil
}
