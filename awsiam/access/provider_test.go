package access

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// signedIn are credentials of that serial number which last an hour.
func signedIn(serial string, now time.Time) aws.Credentials {
	return aws.Credentials{AccessKeyID: serial, SecretAccessKey: "s", CanExpire: true, Expires: now.Add(time.Hour)}
}

// world is a provider whose source gives the next credentials each time, or fails.
type world struct {
	*provider
	now      time.Time
	asked    int
	failure  *awsiam.Error
	outcomes []string
}

func newProviderWorld() *world {
	w := &world{now: start}
	w.provider = &provider{
		timeout: time.Minute,
		clock:   func() time.Time { return w.now },
		observe: func(outcome string) { w.outcomes = append(w.outcomes, outcome) },
		source: func(context.Context) (aws.Credentials, *awsiam.Error) {
			w.asked++
			if w.failure != nil {
				return aws.Credentials{}, w.failure
			}
			return signedIn(string(rune('0'+w.asked)), w.now), nil
		},
	}
	return w
}

func TestCredentialsAreRememberedAndRenewedAheadOfTheirEnd(t *testing.T) {
	g := NewWithT(t)
	w := newProviderWorld()
	for _, row := range []struct {
		at   time.Duration
		want string
	}{{0, "1"}, {time.Minute, "1"}, {39 * time.Minute, "1"}, {51 * time.Minute, "2"}, {90 * time.Minute, "2"}, {3 * time.Hour, "3"}} {
		w.now = start.Add(row.at)
		c, err := w.Retrieve(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.AccessKeyID).To(Equal(row.want), row.at.String())
	}
	g.Expect(w.outcomes).To(Equal([]string{"Success", "Success", "Success"}))
}

func TestOldCredentialsAreGivenWhileRenewalFails(t *testing.T) {
	g := NewWithT(t)
	w := newProviderWorld()
	_, err := w.Retrieve(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	w.failure = unavailable("STS is down", nil)

	w.now = start.Add(55 * time.Minute)
	for range 3 {
		c, err := w.Retrieve(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(c.AccessKeyID).To(Equal("1"))
	}
	g.Expect(w.asked).To(Equal(2), "a failure is remembered")
	g.Expect(w.outcomes).To(Equal([]string{"Success", "Unavailable"}), "those who watch hear of it")

	w.now = start.Add(time.Hour)
	_, err = w.Retrieve(t.Context())
	g.Expect(err).To(MatchError("SignIn: STS is down"))
	w.failure, w.now = nil, start.Add(time.Hour+keepFailure)
	c, err := w.Retrieve(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.AccessKeyID).To(Equal("4"))
}

func TestAFailureIsRememberedForAMoment(t *testing.T) {
	g := NewWithT(t)
	w := newProviderWorld()
	w.failure = noCredentials("no role")
	for _, row := range []struct {
		at    time.Duration
		asked int
	}{{0, 1}, {keepFailure - 1, 1}, {keepFailure, 2}} {
		w.now = start.Add(row.at)
		_, err := w.Retrieve(t.Context())
		g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
		g.Expect(w.asked).To(Equal(row.asked))
	}
}

func TestCallersAtTheSameTimeShareOneAttempt(t *testing.T) {
	g := NewWithT(t)
	release := make(chan struct{})
	var mu sync.Mutex
	asked := 0
	p := &provider{timeout: time.Minute, clock: func() time.Time { return start }, observe: func(string) {}, source: func(context.Context) (aws.Credentials, *awsiam.Error) {
		mu.Lock()
		asked++
		mu.Unlock()
		<-release
		return signedIn("1", start), nil
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Retrieve(gone)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Unavailable))
	g.Expect(err).To(MatchError(context.Canceled))

	var callers sync.WaitGroup
	given := make([]aws.Credentials, 20)
	for i := range given {
		callers.Go(func() { given[i], _ = p.Retrieve(t.Context()) })
	}
	close(release)
	callers.Wait()
	g.Expect(given).To(HaveEach(HaveField("AccessKeyID", "1")))
	g.Expect(asked).To(Equal(1), "also for those who have gone away")
}

func TestWhenCredentialsAreRenewed(t *testing.T) {
	lasting := func(d time.Duration) aws.Credentials { return aws.Credentials{CanExpire: true, Expires: start.Add(d)} }
	for _, row := range []struct {
		name        string
		credentials aws.Credentials
		unit        float64
		want        time.Time
	}{
		{"those without an end never", aws.Credentials{}, 0, time.Time{}},
		{"of an hour ten minutes ahead", lasting(time.Hour), 0, start.Add(50 * time.Minute)},
		{"of an hour twenty minutes ahead at most", lasting(time.Hour), 1, start.Add(40 * time.Minute)},
		{"of a minute and a bit no sooner than in a minute", lasting(65 * time.Second), 1, start.Add(time.Minute)},
		{"of seconds when they end", lasting(5 * time.Second), 0, start.Add(5 * time.Second)},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(renewAt(row.credentials, start, row.unit)).To(Equal(row.want))
		})
	}
}

func TestCredentialsThatHaveEndedAlreadyAreNone(t *testing.T) {
	g := NewWithT(t)
	p := &provider{timeout: time.Minute, clock: func() time.Time { return start }, observe: func(string) {}, source: func(context.Context) (aws.Credentials, *awsiam.Error) {
		return signedIn("1", start.Add(-2*time.Hour)), nil
	}}
	_, err := p.Retrieve(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("set the clock of the operator's node")))
}

func TestWhoseCredentialsAre(t *testing.T) {
	account := Account{ID: "111122223333", Region: "eu-west-1"}
	g := NewWithT(t)
	g.Expect(checkIdentity(account, Ambient{}, "111122223333", "arn:aws:iam::111122223333:user/attache")).To(BeNil())
	g.Expect(checkIdentity(account, Ambient{}, "444455556666", "arn:aws:iam::444455556666:user/attache")).To(MatchError(
		"SignIn: the credentials for account 111122223333 are those of arn:aws:iam::444455556666:user/attache in account 444455556666, so nothing was done with them: " +
			"give the operator's pod credentials of account 111122223333, or write another access.mode for it"))
	g.Expect(checkIdentity(account, Ambient{}, "", "")).To(HaveField("Kind", awsiam.Unavailable))
}

func TestSessionName(t *testing.T) {
	for cluster, want := range map[string]string{
		"production":                           "attache-operator@production",
		"Büro 7/blau":                          "attache-operator@B-ro-7-blau",
		"":                                     "attache-operator@",
		"6d6cbdf1-5d1f-4c61-a3a5-6d0c6f9a0b3e": "attache-operator@6d6cbdf1-5d1f-4c61-a3a5-6d0c6f9a0b3e",
		"a-cluster-whose-name-is-longer-than-what-fits-into-64-characters": "attache-operator@a-cluster-whose-name-is-longer-than-what-fits-i",
	} {
		got := SessionName(cluster)
		NewWithT(t).Expect(got).To(Equal(want))
		NewWithT(t).Expect(got).To(MatchRegexp(`^[\w+=,.@-]{2,64}$`))
	}
}
