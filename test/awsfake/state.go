package awsfake

import (
	"strings"
	"sync"
	"time"

	"attache.dev/attache/test/awsfake/policy"
	"attache.dev/attache/test/awsfake/saml"
)

// state is everything that AWS would remember; mu guards all of it.
type state struct {
	mu        sync.Mutex
	partition string
	accounts  map[string]*account
	keys      map[string]*accessKey
	history   *history
	// awsPolicies are the managed policies of AWS itself, by ARN.
	awsPolicies map[string]*managedPolicy
}

// account holds one account's IAM. Names of roles, users, policies and instance
// profiles are unique without regard to case, so their maps are keyed in lower case.
type account struct {
	id            string
	samlProviders map[string]*samlProvider
	roles         map[string]*role
	users         map[string]*user
	policies      map[string]*managedPolicy
	profiles      map[string]*instanceProfile
}

type samlProvider struct {
	name, arn, uuid string
	document        string
	metadata        saml.Metadata
	encryption      samlEncryption
	created         time.Time
	validUntil      time.Time
	tags            tagSet
}

type role struct {
	name, path, arn, id string
	description         string
	trustDocument       string
	trust               *policy.Document
	trusted             trustedIDs
	maxSessionDuration  int
	created             time.Time
	tags                tagSet
	policies            inlinePolicies
	attached            attachedPolicies
	// boundary is nil if the role has none.
	boundary *managedPolicy
}

type user struct {
	name, path, arn, id string
	created             time.Time
	policies            inlinePolicies
	attached            attachedPolicies
}

// accessKey is a key that this server issued or was started with. Exactly one of
// root, user and session says whose it is.
type accessKey struct {
	id, secret string
	accountID  string
	created    time.Time
	root       bool
	user       *user
	session    *session
}

// session is what STS granted. It ends with its role, which is here
// as the STS endpoint honoured it.
type session struct {
	token    string
	role     *role
	name     string
	expires  time.Time
	policies []*policy.Document
	// granted is what a session that this one opens may inherit.
	granted attributes
	context policy.Context
}

func newState(partition string) *state {
	return &state{
		partition: partition, accounts: map[string]*account{}, keys: map[string]*accessKey{}, history: newHistory(),
		awsPolicies: newAWSPolicies(partition),
	}
}

// openAccount makes the account if there is none of that ID.
func (s *state) openAccount(id string) {
	if s.accounts[id] != nil {
		return
	}
	s.accounts[id] = &account{
		id:            id,
		samlProviders: map[string]*samlProvider{},
		roles:         map[string]*role{},
		users:         map[string]*user{},
		policies:      map[string]*managedPolicy{},
		profiles:      map[string]*instanceProfile{},
	}
}

func (a *account) role(name string) *role { return a.roles[strings.ToLower(name)] }
func (a *account) user(name string) *user { return a.users[strings.ToLower(name)] }
