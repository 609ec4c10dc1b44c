// Package snapshot remembers what whole accounts held when they were last read, so that many
// objects can be compared with IAM at the price of one listing.
package snapshot

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
)

// Store holds the newest snapshot of each account. An account is named by a key that the caller
// chooses: the account's ID, and the endpoint where there is one. The zero value but for Clock is
// ready for use.
type Store struct {
	// Clock tells the time.
	Clock func() time.Time

	flights  singleflight.Group
	mu       sync.Mutex
	accounts map[string]*account
}

type account struct {
	takenAt time.Time
	// roles by ARN. Those that nobody asks for are nil: they exist, and that is all.
	roles map[string]*role.Role
	// touched is when roles were last written by this operator.
	touched map[string]time.Time
}

// Take reads the account by means of read, and keeps the roles that keep chooses: an account may
// have thousands that concern nobody here. Takes of the same account at the same time are one. It
// returns the whole snapshot. If read fails, the former snapshot stays.
func (s *Store) Take(ctx context.Context, key string, read func(context.Context) (awsiam.Snapshot, error), keep func(role.Role) bool) (awsiam.Snapshot, error) {
	taken, err, _ := s.flights.Do(key, func() (any, error) {
		began := s.Clock()
		whole, err := read(ctx)
		if err != nil {
			return awsiam.Snapshot{}, err
		}
		s.put(key, began, whole, keep)
		return whole, nil
	})
	return taken.(awsiam.Snapshot), err
}

func (s *Store) put(key string, began time.Time, whole awsiam.Snapshot, keep func(role.Role) bool) {
	roles := make(map[string]*role.Role, len(whole.Roles))
	for arn, r := range whole.Roles {
		roles[arn] = nil
		if keep(r) {
			roles[arn] = &r
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(key)
	a.takenAt, a.roles = began, roles
	for arn, at := range a.touched {
		if at.Before(began) {
			delete(a.touched, arn)
		}
	}
}

// Touch notes that this operator has just written to a role, or tried to: snapshots that began
// before tell nothing about it any more.
func (s *Store) Touch(key, arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(key).touched[arn] = s.Clock()
}

// Role returns what the account's newest snapshot tells about a role. It tells nothing (known is
// false) if it is older than maxAge or than the last Touch of the role, or did not keep the role;
// then IAM must be asked. A role that is known and not found does not exist.
func (s *Store) Role(key, arn string, maxAge time.Duration) (r role.Role, found, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(key)
	touched, wasTouched := a.touched[arn]
	if a.roles == nil || s.Clock().Sub(a.takenAt) > maxAge || wasTouched && !a.takenAt.After(touched) {
		return role.Role{}, false, false
	}
	held, exists := a.roles[arn]
	if !exists {
		return role.Role{}, false, true
	}
	if held == nil {
		return role.Role{}, true, false
	}
	return *held, true, true
}

// Forget lets go of what is known of an account.
func (s *Store) Forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, key)
}

// TakenAt returns when the account's newest snapshot began, zero if there is none.
func (s *Store) TakenAt(key string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account(key).takenAt
}

func (s *Store) account(key string) *account {
	if s.accounts == nil {
		s.accounts = map[string]*account{}
	}
	if s.accounts[key] == nil {
		s.accounts[key] = &account{touched: map[string]time.Time{}}
	}
	return s.accounts[key]
}

// PathPrefix returns the longest path that all roles of these ARNs are below, / if there are none:
// what a snapshot must know everything about.
func PathPrefix(arns ...string) string {
	if len(arns) == 0 {
		return "/"
	}
	prefix := role.Path(arns[0])
	for _, arn := range arns[1:] {
		for !strings.HasPrefix(role.Path(arn), prefix) {
			prefix = prefix[:strings.LastIndex(strings.TrimSuffix(prefix, "/"), "/")+1]
		}
	}
	return prefix
}
