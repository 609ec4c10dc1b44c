package rotation

import (
	"maps"
	"slices"
	"time"
)

// maxProbeWait bounds how rarely an account is probed that refuses.
const maxProbeWait = 5 * time.Minute

// Memory is what was seen over time. The zero Memory has seen nothing. Losing it, as a restart does,
// makes each wait start anew and is never unsafe; it is not to be stored, because its times are those
// of one process. Nobody changes what it holds.
type Memory struct {
	// quiet since when a key is known not to sign.
	quiet map[place]time.Duration
	// switched since when a key is known to be active beside a previous one.
	switched map[place]time.Duration
	// probes in a row.
	probes map[place]streak
}

// place is a key in an account, or anywhere if account is empty.
type place struct{ account, key string }

// streak is how the last probes went.
type streak struct {
	taken, refused int
	last           time.Duration
	err            string
}

// Probed returns a Memory that knows of one more probe. A nil error means that STS took the signature;
// the words of any other are shown in status and must hold no secret.
func (m Memory) Probed(p Probe, at time.Duration, err error) Memory {
	at1 := place{p.Account, p.Key}
	s := m.probes[at1]
	s.last = at
	if err == nil {
		s.taken, s.refused, s.err = s.taken+1, 0, ""
	} else {
		s.taken, s.refused, s.err = 0, s.refused+1, err.Error()
	}
	m.probes = maps.Clone(m.probes)
	if m.probes == nil {
		m.probes = map[place]streak{}
	}
	m.probes[at1] = s
	return m
}

// wait is the time until the next probe.
func (s streak) wait(every, now time.Duration) time.Duration {
	if s.taken == 0 && s.refused == 0 {
		return 0
	}
	return s.last + min(every<<min(s.refused, 10), max(every, maxProbeWait)) - now
}

// look notes which keys are quiet now and forgets what is no question any more.
func (m Memory) look(s State) Memory {
	next := Memory{quiet: map[place]time.Duration{}, switched: map[place]time.Duration{}, probes: map[place]streak{}}
	note := func(p place) {
		if !s.maySign(p) {
			next.quiet[p] = since(m.quiet, p, s.Uptime)
		}
	}
	for _, a := range s.Accounts {
		if at := (place{a.ID, a.Active}); a.Previous != "" {
			next.switched[at] = since(m.switched, at, s.Uptime)
		}
	}
	for _, k := range s.Keys {
		note(place{key: k.ID})
		for _, a := range s.Accounts {
			if !slices.Contains(a.Published, k.ID) {
				continue // What was probed before it went is no proof of what comes after.
			}
			at := place{a.ID, k.ID}
			note(at)
			if probed, known := m.probes[at]; known {
				next.probes[at] = probed
			}
		}
	}
	return next
}

func since(known map[place]time.Duration, p place, now time.Duration) time.Duration {
	if at, is := known[p]; is {
		return at
	}
	return now
}

// maySign reports whether something may sign with the key there from now on.
func (s State) maySign(p place) bool {
	for _, a := range s.Accounts {
		if (a.Active == p.key || a.Previous == p.key) && (p.account == "" || p.account == a.ID) {
			return true
		}
	}
	for _, r := range s.Replicas {
		if !r.Answered {
			return true
		}
		for account, signs := range r.Signs {
			if (p.account == "" || p.account == account) && slices.Contains(signs, p.key) {
				return true
			}
		}
	}
	return false
}

// undrained is for how long something may still be redeemed that the key signed there; false means
// that this cannot be said, because it may still sign.
func (m Memory) undrained(p place, drain, now time.Duration) (time.Duration, bool) {
	since, quiet := m.quiet[p]
	if !quiet {
		return 0, false
	}
	for at, probed := range m.probes {
		if at.key == p.key && (p.account == "" || p.account == at.account) {
			since = max(since, probed.last)
		}
	}
	return max(0, since+drain-now), true
}
