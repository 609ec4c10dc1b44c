package awsfake

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxBody bounds a call: 10,000,000 characters of metadata, percent-encoded.
const maxBody = 32 << 20

// Options say what a Server is at its start.
type Options struct {
	// AccountID is the account that exists, 12 digits.
	AccountID string
	// Region that calls to STS are signed for; it also decides the partition.
	Region string
	// Clock tells the time to everything but the delay of a fault; time.Now if nil.
	Clock func() time.Time
	// AdminAccessKeyID and AdminSecretAccessKey are the key of the account's root
	// user, the only key that exists at the start.
	AdminAccessKeyID, AdminSecretAccessKey string
	// Logger gets one line per call; none if nil.
	Logger *slog.Logger
}

// Server answers IAM's and STS's calls. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	region  string
	secret  string
	clock   func() time.Time
	logger  *slog.Logger
	state   *state
	control *localControl
}

// New returns a Server with one account and its root user's key.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		region:  o.Region,
		secret:  o.AdminSecretAccessKey,
		clock:   o.Clock,
		logger:  o.Logger,
		state:   newState(partitionOf(o.Region)),
		control: &localControl{},
	}
	s.state.addAccount(o.AccountID)
	if o.AdminAccessKeyID != "" && o.AdminSecretAccessKey != "" {
		s.state.keys[o.AdminAccessKeyID] = &accessKey{
			id: o.AdminAccessKeyID, secret: o.AdminSecretAccessKey, accountID: o.AccountID, root: true,
		}
	}
	return s
}

// call is one call on its way through the server.
type call struct {
	*Server
	params
	op        *operation
	principal *principal
	now       time.Time
	requestID string
	// denied is set by a deny fault.
	denied bool
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	c := &call{Server: s, now: s.clock(), requestID: newRequestID()}
	result, err := c.serve(w, r)
	status, code := http.StatusOK, ""
	var body []byte
	if err == nil {
		body, err = renderResult(c.op, result, c.requestID)
	}
	if err != nil {
		e := asAPIError(err)
		status, code = e.status, e.code
		body, err = renderError(c.namespace(), e, c.requestID)
	}
	if err != nil {
		status, code, body = http.StatusInternalServerError, "InternalFailure", nil
	}
	header := w.Header()
	header.Set("Content-Type", "text/xml")
	header.Set("Date", c.now.UTC().Format(http.TimeFormat))
	header.Set("X-Amzn-Requestid", c.requestID)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is no concern of the server
	c.record(status, code, time.Since(started))
}

func (c *call) namespace() string {
	if c.op == nil {
		return iamService.namespace
	}
	return c.op.service.namespace
}

func (c *call) record(status int, code string, took time.Duration) {
	entry := Call{Time: c.now.UTC(), Status: status, Code: code, RequestID: c.requestID}
	if c.op != nil {
		entry.Operation = c.op.name
	}
	if c.principal != nil {
		entry.Principal = c.principal.arn
	}
	c.control.record(entry)
	c.logger.Info("Answered call", "operation", entry.Operation, "status", status, "code", code,
		"principal", entry.Principal, "requestID", c.requestID, "took", took)
}

func (c *call) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := c.readForm(w, r)
	if err != nil {
		return nil, err
	}
	if c.op, err = lookupOperation(c.form.Get("Action"), c.form.Get("Version")); err != nil {
		return nil, err
	}
	if c.denied, err = c.control.apply(r.Context(), c.op.name); err != nil {
		return nil, err
	}
	if !c.op.unsigned {
		if c.principal, err = c.authenticate(r, body, c.op.service, c.now); err != nil {
			return nil, err
		}
	}
	if name := c.unknown(c.op.params); name != "" {
		return nil, notImplemented("the parameter %s of %s", name, c.op.name)
	}
	return c.op.handle(c)
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
