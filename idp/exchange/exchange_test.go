package exchange_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/exchange"
)

func TestSTSIsAskedWithWhatTheGrantSays(t *testing.T) {
	g := NewWithT(t)
	var asked *http.Request
	e := newExchanger(t, exchange.Options{HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
		asked = r
		return success(time.Now().Add(time.Hour)), r.ParseForm()
	}).client()})

	c, cached, err := e.Credentials(t.Context(), grant(), subject(), asserting)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cached).To(BeFalse())
	g.Expect(c.Expiration).To(BeTemporally("~", time.Now().Add(time.Hour), 10*time.Second))
	c.Expiration = time.Time{}
	g.Expect(c).To(Equal(idp.Credentials{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token",
		AssumedRoleID:  "AROAEXAMPLE:uploader-7d9f",
		AssumedRoleARN: "arn:aws:sts::111122223333:assumed-role/reports-uploader/uploader-7d9f",
		Subject:        "system:serviceaccount:reports:uploader", SubjectType: "persistent",
		Issuer: "https://login.corp.example/saml/metadata", Audience: "https://signin.aws.amazon.com/saml",
		NameQualifier: "qualifier=", RequestID: "req-1",
	}))
	g.Expect(asked.URL.String()).To(Equal("https://sts.eu-west-1.amazonaws.com/"))
	g.Expect(asked.Header).NotTo(HaveKey("Authorization"))
	g.Expect(asked.PostForm.Get("Action")).To(Equal("AssumeRoleWithSAML"))
	g.Expect(asked.PostForm.Get("RoleArn")).To(Equal(grant().RoleARN))
	g.Expect(asked.PostForm.Get("PrincipalArn")).To(Equal(grant().ProviderARN))
	g.Expect(asked.PostForm.Get("SAMLAssertion")).To(Equal(encoded))
	g.Expect(asked.PostForm.Get("DurationSeconds")).To(Equal("3600"))
}

func TestTheEndpointIsTheRegionsUnlessTheGrantNamesOne(t *testing.T) {
	tests := []struct{ name, region, endpoint, want string }{
		{"a commercial region", "eu-west-1", "", "https://sts.eu-west-1.amazonaws.com/"},
		{"the oldest region, which has no global exception", "us-east-1", "", "https://sts.us-east-1.amazonaws.com/"},
		{"GovCloud", "us-gov-west-1", "", "https://sts.us-gov-west-1.amazonaws.com/"},
		{"China", "cn-north-1", "", "https://sts.cn-north-1.amazonaws.com.cn/"},
		{"an endpoint of one's own", "eu-west-1", "https://vpce-1.sts.example:8443", "https://vpce-1.sts.example:8443/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			var asked string
			e := newExchanger(t, exchange.Options{HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return success(time.Now().Add(time.Hour)), nil
			}).client()})
			wanted := grant()
			wanted.Region, wanted.STSEndpoint = tt.region, tt.endpoint
			_, _, err := e.Credentials(t.Context(), wanted, subject(), asserting)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(asked).To(Equal(tt.want))
		})
	}
}

func TestAnAnswerIsRememberedForHalfOfItsLifetime(t *testing.T) {
	tests := []struct {
		name string
		// offered is how long the credentials last by the clock of the IdP.
		offered, want time.Duration
	}{
		{"an hour", time.Hour, 30 * time.Minute},
		{"less than was asked", 20 * time.Minute, 10 * time.Minute},
		{"more than was asked, because our clock is behind", 3 * time.Hour, 30 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			calls := 0
			var passed atomic.Int64 // the cache reads the clock in the background
			clock := func() time.Time { return now.Add(time.Duration(passed.Load())) }
			e := newExchanger(t, exchange.Options{
				Clock: clock,
				HTTPClient: transport(func(*http.Request) (*http.Response, error) {
					calls++
					return success(clock().Add(tt.offered)), nil
				}).client(),
			})
			ask := func() bool {
				_, cached, err := e.Credentials(t.Context(), grant(), subject(), asserting)
				g.Expect(err).NotTo(HaveOccurred())
				return cached
			}
			g.Expect(ask()).To(BeFalse())
			passed.Store(int64(tt.want - time.Second))
			g.Expect(ask()).To(BeTrue())
			passed.Store(int64(tt.want + time.Second))
			g.Expect(ask()).To(BeFalse())
			g.Expect(calls).To(Equal(2))
		})
	}
}

func TestCredentialsThatAreOverAreNotRemembered(t *testing.T) {
	g := NewWithT(t)
	calls := 0
	e := newExchanger(t, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
		calls++
		return success(time.Now().Add(-time.Hour)), nil
	}).client()})
	for range 2 {
		_, cached, err := e.Credentials(t.Context(), grant(), subject(), asserting)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(cached).To(BeFalse())
	}
	g.Expect(calls).To(Equal(2))
}

func TestAnotherGrantGetsItsOwnAnswer(t *testing.T) {
	g := NewWithT(t)
	calls := 0
	e := newExchanger(t, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
		calls++
		return success(time.Now().Add(time.Hour)), nil
	}).client()})
	other := grant()
	other.SessionName = "uploader-other"
	for _, wanted := range []idp.Grant{grant(), other, grant(), other} {
		_, _, err := e.Credentials(t.Context(), wanted, subject(), asserting)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(calls).To(Equal(2))
}

func TestAHundredCallersCauseOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		var calls, asserted, missed, coalesced atomic.Int32
		answer := make(chan struct{})
		e := newExchanger(t, exchange.Options{
			HTTPClient: transport(func(*http.Request) (*http.Response, error) {
				calls.Add(1)
				<-answer
				return success(time.Now().Add(time.Hour)), nil
			}).client(),
			Observe: exchange.Observer{Answered: func(s exchange.Source) {
				switch s {
				case exchange.Miss:
					missed.Add(1)
				case exchange.Coalesced:
					coalesced.Add(1)
				}
			}},
		})
		errs := make(chan error, 100)
		for range 100 {
			go func() {
				_, cached, err := e.Credentials(t.Context(), grant(), subject(), func(context.Context) (string, error) {
					asserted.Add(1)
					return encoded, nil
				})
				if cached {
					err = errors.Join(err, errors.New("said to be remembered"))
				}
				errs <- err
			}()
		}
		synctest.Wait() // all of them wait for the one call
		close(answer)
		for range 100 {
			g.Expect(<-errs).NotTo(HaveOccurred())
		}
		g.Expect(calls.Load()).To(BeEquivalentTo(1))
		g.Expect(asserted.Load()).To(BeEquivalentTo(1))
		g.Expect(missed.Load()).To(BeEquivalentTo(1))
		g.Expect(coalesced.Load()).To(BeEquivalentTo(99))
	})
}

func TestACallerThatGoesAwayDoesNotTakeTheAnswerFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		calls := 0
		answer := make(chan struct{})
		e := newExchanger(t, exchange.Options{HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
			calls++
			select {
			case <-answer:
				return success(time.Now().Add(time.Hour)), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}).client()})

		first, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, _, err := e.Credentials(first, grant(), subject(), asserting)
			gone <- err
		}()
		synctest.Wait()
		stayed := make(chan error, 1)
		go func() {
			_, _, err := e.Credentials(t.Context(), grant(), subject(), asserting)
			stayed <- err
		}()
		synctest.Wait()

		leave()
		refusal := refusalIn(g, <-gone)
		g.Expect(refusal.Kind).To(Equal(idp.Unavailable))
		g.Expect(refusal.Reason).To(Equal(exchange.ReasonCallerGone))
		g.Expect(refusal).To(MatchError(context.Canceled))
		close(answer)
		g.Expect(<-stayed).NotTo(HaveOccurred())
		g.Expect(calls).To(Equal(1))

		_, cached, err := e.Credentials(t.Context(), grant(), subject(), asserting)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(cached).To(BeTrue())
	})
}

func TestASilentSTSIsGivenUpAfterTwoAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		calls := 0
		e := newExchanger(t, exchange.Options{HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
			calls++
			<-r.Context().Done()
			return nil, r.Context().Err()
		}).client()})
		start := time.Now()
		_, _, err := e.Credentials(t.Context(), grant(), subject(), asserting)
		refusal := refusalIn(g, err)
		g.Expect(refusal.Kind).To(Equal(idp.Unavailable))
		g.Expect(refusal.Reason).To(Equal(exchange.ReasonSTSUnavailable))
		g.Expect(refusal.RetryAfter).To(BeNumerically(">", 0))
		g.Expect(calls).To(Equal(2))
		g.Expect(time.Since(start)).To(BeNumerically("~", 20*time.Second, 250*time.Millisecond))
	})
}

func TestAFailureIsNotRememberedButThrottlingBacksOff(t *testing.T) {
	tests := []struct {
		name    string
		failure func() *http.Response
		// again is how many calls a second question costs at once, and later after 5 seconds.
		calls, again, later int
	}{
		{"denied", func() *http.Response { return failure(403, "AccessDenied", "no") }, 1, 1, 1},
		{"throttled", func() *http.Response { return failure(400, "Throttling", "Rate exceeded") }, 1, 0, 1},
		{"down", func() *http.Response { return failure(503, "ServiceUnavailable", "down") }, 2, 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewWithT(t)
				calls := 0
				e := newExchanger(t, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
					calls++
					return tt.failure(), nil
				}).client()})
				ask := func() int {
					calls = 0
					_, _, err := e.Credentials(t.Context(), grant(), subject(), asserting)
					g.Expect(refusalIn(g, err).Reason).NotTo(BeEmpty())
					return calls
				}
				g.Expect(ask()).To(Equal(tt.calls))
				g.Expect(ask()).To(Equal(tt.again))
				<-time.After(5 * time.Second)
				g.Expect(ask()).To(Equal(tt.later))
			})
		})
	}
}

func TestASecondAttemptCanSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		answers := []*http.Response{failure(500, "InternalFailure", "oops"), success(time.Now().Add(time.Hour))}
		e := newExchanger(t, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
			next := answers[0]
			answers = answers[1:]
			return next, nil
		}).client()})
		_, _, err := e.Credentials(t.Context(), grant(), subject(), asserting)
		g.Expect(err).NotTo(HaveOccurred())
	})
}

func TestWithoutAnAssertionSTSIsNotAsked(t *testing.T) {
	refused := &idp.Refusal{Kind: idp.Denied, Reason: "InvalidStatement", Message: "no"}
	broken := errors.New("no entropy")
	tests := []struct {
		name   string
		assert func(context.Context) (string, error)
		check  func(Gomega, *idp.Refusal)
	}{
		{"a refusal goes on to the caller", func(context.Context) (string, error) { return "", refused },
			func(g Gomega, r *idp.Refusal) { g.Expect(r).To(BeIdenticalTo(refused)) }},
		{"an error is for the log", func(context.Context) (string, error) { return "", broken }, func(g Gomega, r *idp.Refusal) {
			g.Expect(r.Reason).To(Equal(exchange.ReasonAssertionFailed))
			g.Expect(r.Message).NotTo(ContainSubstring("entropy"))
			g.Expect(r).To(MatchError(broken))
		}},
		{"a panic ends neither the process nor the wait", func(context.Context) (string, error) { panic("bug") }, func(g Gomega, r *idp.Refusal) {
			g.Expect(r.Reason).To(Equal(exchange.ReasonAssertionFailed))
			g.Expect(r.Err).To(MatchError(ContainSubstring("panic: bug")))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			e := newExchanger(t, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
				t.Error("STS was asked")
				return failure(400, "x", "x"), nil
			}).client()})
			_, _, err := e.Credentials(t.Context(), grant(), subject(), tt.assert)
			tt.check(g, refusalIn(g, err))
		})
	}
}

func TestTheObserverIsTold(t *testing.T) {
	g := NewWithT(t)
	clock := now
	var sources []exchange.Source
	var outcomes []string
	var took []time.Duration
	answers := []*http.Response{failure(403, "AccessDenied", "no"), success(now.Add(time.Hour))}
	e := newExchanger(t, exchange.Options{
		Clock: func() time.Time { return clock },
		HTTPClient: transport(func(*http.Request) (*http.Response, error) {
			clock = clock.Add(300 * time.Millisecond)
			next := answers[0]
			answers = answers[1:]
			return next, nil
		}).client(),
		Observe: exchange.Observer{
			Answered: func(s exchange.Source) { sources = append(sources, s) },
			Called:   func(outcome string, d time.Duration) { outcomes, took = append(outcomes, outcome), append(took, d) },
		},
	})
	for range 3 {
		_, _, _ = e.Credentials(t.Context(), grant(), subject(), asserting)
	}
	g.Expect(sources).To(Equal([]exchange.Source{exchange.Miss, exchange.Miss, exchange.Hit}))
	g.Expect(outcomes).To(Equal([]string{exchange.ReasonAssumeRoleDenied, "Success"}))
	g.Expect(took).To(Equal(slices.Repeat([]time.Duration{300 * time.Millisecond}, 2)))
}

func TestNewRefusesNegativeOptions(t *testing.T) {
	g := NewWithT(t)
	_, err := exchange.New(exchange.Options{Timeout: -1})
	g.Expect(err).To(HaveOccurred())
	_, err = exchange.New(exchange.Options{MaxEntries: -1})
	g.Expect(err).To(HaveOccurred())
}

func BenchmarkCachedAnswer(b *testing.B) {
	e := newExchanger(b, exchange.Options{HTTPClient: transport(func(*http.Request) (*http.Response, error) {
		return success(time.Now().Add(12 * time.Hour)), nil
	}).client()})
	wanted := grant()
	wanted.Duration = 12 * time.Hour
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := e.Credentials(b.Context(), wanted, subject(), asserting); err != nil {
			b.Fatal(err)
		}
	}
}
