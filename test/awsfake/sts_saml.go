package awsfake

import (
	"crypto/sha1" // AWS defines NameQualifier by SHA-1
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/saml"
)

// Limits of AssumeRoleWithSAML (STS API Reference).
const (
	minSessionSeconds     = 900
	maxSessionSeconds     = 43200
	defaultSessionSeconds = 3600
)

var (
	arnRule       = rule{min: 20, max: 2048}
	assertionRule = rule{min: 4, max: 100000, sensitive: true}
)

type assumeRoleWithSAMLResult struct {
	Credentials     credentialsView     `xml:"Credentials"`
	AssumedRoleUser assumedRoleUserView `xml:"AssumedRoleUser"`

	Subject        string  `xml:"Subject"`
	SubjectType    string  `xml:"SubjectType"`
	Issuer         string  `xml:"Issuer"`
	Audience       string  `xml:"Audience"`
	NameQualifier  string  `xml:"NameQualifier"`
	SourceIdentity *string `xml:"SourceIdentity"`
}

// samlRequest is a call of AssumeRoleWithSAML with its parameters checked.
type samlRequest struct {
	roleARN, providerARN, assertion string
	// seconds is the session's length as asked for or by default.
	seconds  int
	policies sessionPolicies
}

// samlProviderView is the provider at the time of the call.
type samlProviderView struct {
	accountID, name string
	metadata        saml.Metadata
	encryption      samlEncryption
}

// assumeRoleWithSAML verifies the assertion without the state's lock: signatures
// take most of the time of a call.
func assumeRoleWithSAML(c *call) (any, error) {
	request, err := c.readSAMLRequest()
	if err != nil {
		return nil, err
	}
	provider, err := c.viewProvider(request.providerARN)
	if err != nil {
		return nil, err
	}
	assertion, err := verifyResponse(request.assertion, provider, c.now)
	if err != nil {
		return nil, err
	}
	granted, err := readAttributes(assertion, request.roleARN, request.providerARN)
	if err != nil {
		return nil, err
	}
	identity := samlIdentity{assertion: assertion, provider: provider}
	return c.openSession(request, identity, granted)
}

func (c *call) readSAMLRequest() (samlRequest, error) {
	var r samlRequest
	var err error
	if r.roleARN, err = c.required("RoleArn", arnRule); err != nil {
		return r, err
	}
	if r.providerARN, err = c.required("PrincipalArn", arnRule); err != nil {
		return r, err
	}
	if r.assertion, err = c.required("SAMLAssertion", assertionRule); err != nil {
		return r, err
	}
	seconds, given, err := c.integer("DurationSeconds", minSessionSeconds, maxSessionSeconds)
	if err != nil {
		return r, err
	}
	if r.seconds = defaultSessionSeconds; given {
		r.seconds = seconds
	}
	r.policies, err = c.readSessionPolicies()
	return r, err
}

func (c *call) viewProvider(arn string) (samlProviderView, error) {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	accountID, name, ok := accountOf(arn, c.state.partition, "saml-provider")
	if !ok {
		return samlProviderView{}, validationError("Request ARN is invalid")
	}
	p := c.honouredProvider(accountID, name)
	if p == nil {
		return samlProviderView{}, invalidIdentityToken("Specified provider doesn't exist")
	}
	return samlProviderView{accountID: accountID, name: name, metadata: p.metadata, encryption: p.encryption}, nil
}

func invalidIdentityToken(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

func expiredToken(message string) *apiError {
	return errorf(http.StatusBadRequest, "ExpiredTokenException", "%s", message)
}

// verifyResponse says in STS's words what is wrong with a response.
func verifyResponse(encoded string, provider samlProviderView, now time.Time) (*saml.Assertion, error) {
	response, err := saml.ParseResponse(encoded, provider.encryption.privateKeys()...)
	if err != nil {
		return nil, samlError(err)
	}
	if provider.encryption.mode == encryptMust && !response.Encrypted {
		return nil, samlError(saml.ErrMalformed)
	}
	assertion, err := response.Verify(provider.metadata)
	if err != nil {
		return nil, samlError(err)
	}
	if err := assertion.CheckTime(now); err != nil {
		return nil, samlError(err)
	}
	return assertion, nil
}

// samlError words the saml package's errors. STS passes on the message of the
// service behind it, request ID included.
func samlError(err error) *apiError {
	behind := " (Service: AWSOpenIdDiscoveryService; Status Code: 400; " +
		"Error Code: AuthSamlInvalidSamlResponseException; Request ID: " + newRequestID() + "; Proxy: null)"
	switch {
	case errors.Is(err, saml.ErrMissingSignature):
		return invalidIdentityToken("Response (with optional signature) must contain an assertion with a mandatory signature%s", behind)
	case errors.Is(err, saml.ErrIssuer):
		return invalidIdentityToken("Issuer not present in specified provider%s", behind)
	case errors.Is(err, saml.ErrSignature):
		return invalidIdentityToken("Response signature invalid")
	case errors.Is(err, saml.ErrExpired):
		return expiredToken("Response has expired")
	case errors.Is(err, saml.ErrTooOld):
		return expiredToken("Token must be redeemed within 5 minutes of issuance")
	default:
		return invalidIdentityToken("Invalid base64 SAMLResponse%s", behind)
	}
}

// samlIdentity is a verified assertion with the provider that vouches for it.
type samlIdentity struct {
	assertion *saml.Assertion
	provider  samlProviderView
}

// subjectType drops the prefix of SAML 2.0's own formats only.
func (i samlIdentity) subjectType() string {
	return strings.TrimPrefix(i.assertion.NameIDFormat, "urn:oasis:names:tc:SAML:2.0:nameid-format:")
}

// nameQualifier is base64(SHA-1(issuer + account + "/" + provider)) (STS API
// Reference, AssumeRoleWithSAML).
func (i samlIdentity) nameQualifier() string {
	sum := sha1.Sum([]byte(i.assertion.Issuer + i.provider.accountID + "/" + i.provider.name))
	return base64.StdEncoding.EncodeToString(sum[:])
}
