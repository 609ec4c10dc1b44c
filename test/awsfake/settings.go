package awsfake

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// MaxPropagation bounds every propagation time: older versions are forgotten.
const MaxPropagation = 10 * time.Minute

// Settings are what tests make awsfake do beside its faults; the zero value is an
// AWS that is quick and consistent.
type Settings struct {
	// PageSize is the most items that a page of a list has, whatever the call asks;
	// 0 is no limit.
	PageSize int `json:"pageSize,omitempty"`
	// EmptyFirstPage makes the first page of every list empty, with a marker.
	EmptyFirstPage bool `json:"emptyFirstPage,omitempty"`
	// MaxExpiration ends credentials of sessions no later than this after they were
	// issued, even if the call asked for more; 0 is no limit.
	MaxExpiration Duration `json:"maxExpiration,omitempty"`
	// IAMPropagation passes until IAM's own reads tell what was written. Writes see it
	// at once: a name that cannot be read yet is taken.
	IAMPropagation Duration `json:"iamPropagation,omitempty"`
	// IAMRate is by account ID, of all of IAM's operations together; AnyAccount is each
	// account that is not named. An account without one is never throttled.
	IAMRate map[string]Rate `json:"iamRate,omitempty"`
	// STSEndpoints are by the host of the URL that callers use, with or without its
	// port; AnyEndpoint is all others.
	STSEndpoints map[string]STSEndpoint `json:"stsEndpoints,omitempty"`
}

// AnyEndpoint stands for the STS endpoints that Settings do not name.
const AnyEndpoint = "*"

// STSEndpoint is how one of STS's endpoints behaves.
type STSEndpoint struct {
	// Region that the endpoint's calls are signed for; the server's own if empty.
	Region string `json:"region,omitempty"`
	// ProviderPropagation passes until the endpoint honours a SAML provider that was
	// made, changed or deleted.
	ProviderPropagation Duration `json:"providerPropagation,omitempty"`
	// RolePropagation passes until it honours a role that was made, changed or
	// deleted; its trust policy is part of it.
	RolePropagation Duration `json:"rolePropagation,omitempty"`
	// Random answers by the old or the new version by chance until then.
	Random bool `json:"random,omitempty"`
}

func (s Settings) validate() error {
	if s.PageSize < 0 || s.MaxExpiration < 0 {
		return fmt.Errorf("pageSize and maxExpiration must not be negative")
	}
	for accountID, limit := range s.IAMRate {
		if accountID != AnyAccount && !accountIDPattern.MatchString(accountID) {
			return fmt.Errorf("iamRate of %q is of no account: write 12 digits, or *", accountID)
		}
		if err := limit.validate(); err != nil {
			return fmt.Errorf("iamRate of %s: %w", accountID, err)
		}
	}
	return s.validateTimes()
}

func (s Settings) validateTimes() error {
	times := []Duration{s.IAMPropagation}
	for _, endpoint := range s.STSEndpoints {
		times = append(times, endpoint.ProviderPropagation, endpoint.RolePropagation)
	}
	for _, d := range times {
		if d < 0 || time.Duration(d) > MaxPropagation {
			return fmt.Errorf("propagation time %s is not from 0s to %s", time.Duration(d), MaxPropagation)
		}
	}
	return nil
}

// shorten returns the end of credentials that are issued now.
func (s Settings) shorten(end, now time.Time) time.Time {
	if limit := now.Add(time.Duration(s.MaxExpiration)); s.MaxExpiration > 0 && limit.Before(end) {
		return limit
	}
	return end
}

// settingsBox hands every call the settings of its beginning.
type settingsBox struct{ value atomic.Pointer[Settings] }

func (b *settingsBox) set(s Settings) error {
	if err := s.validate(); err != nil {
		return err
	}
	b.value.Store(&s)
	return nil
}

func (b *settingsBox) get() Settings {
	if s := b.value.Load(); s != nil {
		return *s
	}
	return Settings{}
}

// iamRate returns an account's rate, if it has one.
func (s Settings) iamRate(accountID string) (Rate, bool) {
	if r, named := s.IAMRate[accountID]; named {
		return r, true
	}
	r, given := s.IAMRate[AnyAccount]
	return r, given
}

// endpoint returns how the STS endpoint that a Host header names behaves.
func (s Settings) endpoint(host string) STSEndpoint {
	if e, named := s.STSEndpoints[host]; named {
		return e
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		if e, named := s.STSEndpoints[name]; named {
			return e
		}
	}
	return s.STSEndpoints[AnyEndpoint]
}
