package awsfake

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// maxBody bounds a call: 10,000,000 characters of metadata, percent-encoded.
const maxBody = 32 << 20

// answerQuery answers a call of IAM or STS.
func (c *call) answerQuery(w http.ResponseWriter, r *http.Request) answer {
	result, err := c.serve(w, r)
	a := answer{status: http.StatusOK, header: http.Header{}}
	if err == nil {
		a.body, err = renderResult(c.op, result, c.requestID)
	}
	if err != nil {
		e := asAPIError(err)
		a.status, a.code = e.status, e.code
		a.body, err = renderError(c.namespace(), e, c.requestID)
	}
	if err != nil {
		a.status, a.code, a.body = http.StatusInternalServerError, "InternalFailure", nil
	}
	a.header.Set("Content-Type", "text/xml")
	a.header.Set("X-Amzn-Requestid", c.requestID)
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return a
}

func (c *call) namespace() string {
	if c.op == nil {
		return iamService.namespace
	}
	return c.op.service.namespace
}

func (c *call) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := c.readForm(w, r)
	if err != nil {
		return nil, err
	}
	if c.op, err = lookupOperation(c.form.Get("Action"), c.form.Get("Version")); err != nil {
		return nil, err
	}
	return c.underFault(r, c.namedResources(), func() (any, error) {
		if !c.op.unsigned {
			if c.principal, err = c.authenticate(r, body); err != nil {
				return nil, err
			}
			if err := c.withinRate(); err != nil {
				return nil, err
			}
		}
		if name := c.unknown(c.op.params); name != "" {
			return nil, notImplemented("the parameter %s of %s", name, c.op.name)
		}
		return c.op.handle(c)
	})
}

// resourceParams are the parameters that name what a call is about.
var resourceParams = []string{
	"RoleName", "RoleArn", "SAMLProviderArn", "PrincipalArn", "PolicyArn", "PolicyName", "InstanceProfileName", "UserName", "Name",
}

func (c *call) namedResources() []string {
	var names []string
	for _, name := range resourceParams {
		if c.form.Has(name) {
			names = append(names, c.form.Get(name))
		}
	}
	return names
}

// readForm takes the one form of the Query protocol that SDKs send: a POST to /
// with the parameters in the body.
func (c *call) readForm(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.URL.Path != "/" {
		return nil, errorf(http.StatusNotFound, "UnknownOperationException", "No operation at this path")
	}
	if r.Method != http.MethodPost || r.URL.RawQuery != "" {
		return nil, notImplemented("calls other than POST without a query")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, errorf(http.StatusBadRequest, "MalformedInput", "want application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request body too large")
		}
		return nil, errorf(http.StatusBadRequest, "MalformedInput", "the body cannot be read")
	}
	if c.form, err = url.ParseQuery(string(body)); err != nil {
		return nil, errorf(http.StatusBadRequest, "MalformedInput", "the body is not form-encoded")
	}
	return body, nil
}
