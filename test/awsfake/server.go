package awsfake

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// Options say what a Server is at its start.
type Options struct {
	// AccountID is the first account, 12 digits: what Seed fills unless it says
	// otherwise.
	AccountID string
	// Accounts exist beside it from the start; Control.AddAccount adds others.
	Accounts []Account
	// Region that calls to STS and S3 are signed for; it also decides the partition.
	Region string
	// Clock tells the time to everything but the delay of a fault; time.Now if nil.
	Clock func() time.Time
	// Random decides what an STS endpoint of Settings with Random answers; seeded by
	// chance if nil.
	Random rand.Source
	// AdminAccessKeyID and AdminSecretAccessKey are the key of the root user of
	// AccountID. The secret also opens the ControlHandler.
	AdminAccessKeyID, AdminSecretAccessKey string
	// Logger gets one line per call; none if nil.
	Logger *slog.Logger
}

// Server answers IAM's, STS's and S3's calls. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	accountID string
	region    string
	secret    string
	clock     func() time.Time
	logger    *slog.Logger
	state     *state
	buckets   *buckets
	control   *localControl
}

// New returns a Server with its accounts and the keys of their root users. It
// panics on one of Options.Accounts that makes no sense.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		accountID: o.AccountID,
		region:    o.Region,
		secret:    o.AdminSecretAccessKey,
		clock:     o.Clock,
		logger:    o.Logger,
		state:     newState(partitionOf(o.Region)),
		buckets:   newBuckets(),
		control:   &localControl{},
	}
	s.control.server = s
	s.state.history.random = rand.New(o.Random)
	s.state.openAccount(o.AccountID)
	if o.AdminAccessKeyID != "" && o.AdminSecretAccessKey != "" {
		s.state.keys[o.AdminAccessKeyID] = &accessKey{
			id: o.AdminAccessKeyID, secret: o.AdminSecretAccessKey, accountID: o.AccountID, root: true,
		}
	}
	for _, account := range o.Accounts {
		if err := s.addAccount(account); err != nil {
			panic(fmt.Sprintf("awsfake.New: %v", err))
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
	// accounts are those that the call is about, the caller's first.
	accounts  []string
	now       time.Time
	requestID string
	// host is the Host header: it tells STS's endpoints apart.
	host     string
	settings Settings
	// fault is the kind of the fault that met the call, if one did.
	fault FaultKind
	// denied is set by a deny fault, damage by those that spoil the answer.
	denied bool
	damage FaultKind
}

// answer is what a call gets.
type answer struct {
	status int
	// code is the error code, empty for success.
	code   string
	header http.Header
	body   []byte
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	c := &call{Server: s, now: s.clock(), requestID: newRequestID(), host: r.Host, settings: s.control.settings.get()}
	c.paging = paging{size: c.settings.PageSize, emptyFirst: c.settings.EmptyFirstPage}
	var a answer
	if isS3(r) {
		a = c.answerS3(w, r)
	} else {
		a = c.answerQuery(w, r)
	}
	c.spoil(&a)
	c.record(a, time.Since(started))
	c.send(w, r, a)
}

func (c *call) record(a answer, took time.Duration) {
	entry := Call{Time: c.now.UTC(), Status: a.status, Code: a.code, RequestID: c.requestID, Fault: c.fault}
	if c.op != nil {
		entry.Operation = c.op.name
	}
	if len(c.accounts) > 0 {
		entry.Account = c.accounts[0]
	}
	if c.principal != nil {
		entry.Principal = c.principal.arn
	}
	c.control.calls.add(entry)
	c.logger.Info("Answered call", "operation", entry.Operation, "status", entry.Status, "code", entry.Code,
		"account", entry.Account, "principal", entry.Principal, "fault", string(entry.Fault), "requestID", c.requestID, "took", took)
}

// underFault carries a call out as the next fault that meets it says. resources
// are what the call names.
func (c *call) underFault(r *http.Request, resources []string, carryOut func() (any, error)) (any, error) {
	c.accounts = c.touchedAccounts(r)
	fault, met := c.control.faults.take(concern{operation: c.op.name, resources: resources, accounts: c.accounts})
	if !met {
		return carryOut()
	}
	c.fault = fault.Kind
	return fault.act(r.Context(), c, carryOut)
}
