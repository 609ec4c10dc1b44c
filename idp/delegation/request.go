package delegation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/mapping"
)

const (
	// maxBody is the size of a request in bytes. A token has at most 16 KiB.
	maxBody = 64 << 10
	// maxParameter is the length of each parameter but the token, in bytes. It is the longest ARN
	// that STS takes (STS API reference, AssumeRoleWithSAML).
	maxParameter = 2048

	// grantType of an assertion grant with a JSON Web Token (RFC 7523 section 2.1).
	grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	// apiType of AWS in Auth0's delegation endpoint.
	apiType = "aws"

	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// parameters of a request that mean something here, by name.
type parameters map[string]string

// known are the parameters that are read. All others are ignored.
var known = map[string]bool{
	"client_id": true, "grant_type": true, "id_token": true, "target": true, "api_type": true,
	"role": true, "principal": true, "region": true, "scope": true,
}

// request is a well-formed request to the provider.
type request struct {
	idToken string
	want    mapping.Want
}

// readRequest reads the request's parameters. The error is always an *idp.Refusal.
func readRequest(w http.ResponseWriter, r *http.Request) (parameters, error) {
	if r.Method != http.MethodPost {
		return nil, malformed(reasonMethodNotAllowed, fmt.Sprintf("method %s is not allowed: send POST", r.Method))
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != typeJSON && mediaType != typeForm {
		return nil, malformed(reasonContentType, "Content-Type must be "+typeJSON+" or "+typeForm)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, malformed(reasonBodyTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody))
	}
	if err != nil {
		refusal := malformed(reasonInvalidRequest, "the body ended too early")
		refusal.Err = err
		return nil, refusal
	}
	parse := parseForm
	if mediaType == typeJSON {
		parse = parseJSON
	}
	p, err := parse(body)
	if err != nil {
		return nil, malformed(reasonInvalidRequest, err.Error())
	}
	return p, nil
}

func parseForm(body []byte) (parameters, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		// The error quotes the body, which holds a token.
		return nil, errors.New("the body is not a form: encode it as " + typeForm)
	}
	p := parameters{}
	for name, v := range values {
		if len(v) > 1 {
			return nil, sentTwice(name)
		}
		if known[name] {
			p[name] = v[0]
		}
	}
	return p, p.checkLength()
}

// parseJSON reads an object token by token, because json.Unmarshal takes names in any case and the
// last of several values.
func parseJSON(body []byte) (parameters, error) {
	notAnObject := errors.New("the body is not a JSON object")
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, notAnObject
	}
	p, seen := parameters{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, notAnObject
		}
		name := token.(string) // inside an object, the decoder returns names as strings or fails
		if seen[name] {
			return nil, sentTwice(name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, notAnObject
		}
		if !known[name] {
			continue
		}
		var value string // stays empty for null
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fmt.Errorf("%s must be a string", name)
		}
		p[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body has more than one JSON object")
	}
	return p, p.checkLength()
}

func sentTwice(name string) error {
	return fmt.Errorf("parameter %.64q is sent more than once", name)
}

func (p parameters) checkLength() error {
	for name, value := range p {
		if name != "id_token" && len(value) > maxParameter {
			return fmt.Errorf("%s has more than %d bytes", name, maxParameter)
		}
	}
	return nil
}

// forProvider checks that the parameters ask for what this door gives. Target is the client that
// Auth0 delegates to; here it can only be the provider itself. The error is always an *idp.Refusal.
func (p parameters) forProvider(provider string) (request, error) {
	switch {
	case p["client_id"] == "":
		return request{}, malformed(reasonInvalidRequest, fmt.Sprintf("client_id is missing: send %q, the name of the SAMLProvider", provider))
	case p["client_id"] != provider:
		return request{}, malformed(reasonUnknownClient, fmt.Sprintf("client_id %q is unknown here: send %q, the name of the SAMLProvider", p["client_id"], provider))
	case p["grant_type"] == "":
		return request{}, malformed(reasonInvalidRequest, "grant_type is missing: send "+grantType)
	case p["grant_type"] != grantType:
		return request{}, malformed(reasonUnsupportedGrantType, fmt.Sprintf("grant_type %q is not supported: send %s", p["grant_type"], grantType))
	case p["api_type"] == "":
		return request{}, malformed(reasonInvalidRequest, "api_type is missing: send "+apiType)
	case p["api_type"] != apiType:
		return request{}, malformed(reasonUnsupportedAPIType, fmt.Sprintf("api_type %q is not supported: send %s", p["api_type"], apiType))
	case p["target"] != "" && p["target"] != provider:
		return request{}, malformed(reasonUnknownTarget, fmt.Sprintf("target %q is unknown here: send %q, or leave target out", p["target"], provider))
	}
	return request{
		idToken: p["id_token"],
		want:    mapping.Want{RoleARN: p["role"], PrincipalARN: p["principal"], Region: p["region"]},
	}, nil
}

func malformed(reason, message string) *idp.Refusal {
	return &idp.Refusal{Kind: idp.Malformed, Reason: reason, Message: message}
}
