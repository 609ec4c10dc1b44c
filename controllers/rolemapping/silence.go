package rolemapping

import (
	"sync"
	"time"

	"attache.dev/attache/controllers/status"
)

// slow is how long IAM takes to say nothing: an answer comes within a second, and what is refused or
// cut off is so at once.
const slow = 2 * time.Second

// silenceRetry is when an account that did not answer is asked again, by one mapping.
var silenceRetry = status.BackOff(30*time.Second, 5*time.Minute)

// silence remembers accounts whose IAM did not answer in time. Each call there holds a worker until
// its time is over, and an account may have a thousand mappings: while one of them asks again the
// others go without, so that the workers are there for the other accounts. Its zero value is ready.
type silence struct {
	mu       sync.Mutex
	accounts map[string]*silentAccount
}

type silentAccount struct {
	// message of the call that was not answered.
	message string
	// until is when one mapping may ask again, asking that it does.
	until  time.Time
	asking bool
	// times in a row.
	times int
}

// enter tells whether IAM of an account may be asked, and if not, how it last did not answer.
func (s *silence) enter(account string, now time.Time) (message string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[account]
	if a == nil {
		return "", true
	}
	if a.asking || now.Before(a.until) {
		return a.message, false
	}
	a.asking = true
	return "", true
}

// leave says how the call ended: silent or answered, well or not.
func (s *silence) leave(account string, now time.Time, silent bool, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[account]
	switch {
	case !silent:
		delete(s.accounts, account)
		return
	case a == nil:
		a = &silentAccount{}
		if s.accounts == nil {
			s.accounts = map[string]*silentAccount{}
		}
		s.accounts[account] = a
	case !a.asking:
		return // it was under way when another found out
	}
	a.asking, a.message = false, message
	a.until = now.Add(silenceRetry.After(a.times, status.Jitter()))
	a.times++
}

// ask does something in the account of the role, unless IAM there is known to be silent: then it ends
// as the outcome says.
func (r *Reconciler) ask(s *scope, silent outcome, try func() status.Finding) status.Finding {
	account, began := SnapshotKey(s.provider, s.account), r.Clock()
	if message, ok := r.silence.enter(account, began); !ok {
		return s.found(silent, message)
	}
	var f status.Finding
	defer func() {
		ended := r.Clock()
		r.silence.leave(account, ended, f.Reason == outcomes[silent].Reason && ended.Sub(began) >= slow, f.Message)
	}()
	f = try()
	return f
}
