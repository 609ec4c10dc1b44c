package limit_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

const region = "eu-west-1"

// account is one on awsfake with a role, and a client of it within a limit.
type account struct {
	*testaws.Account
	api     awsiam.API
	limiter *limit.Limiter
	clock   *clock
	rates   []float64
}

func newAccount(t *testing.T, o limit.Options) *account {
	t.Helper()
	a := &account{Account: testaws.Start(t, accountID, region), clock: newClock()}
	o.Clock = a.clock.Now
	o.Observe.Rate = func(_ string, rate float64) { a.rates = append(a.rates, rate) }
	a.limiter = newLimits(t, o).Account(accountID)
	a.api = a.API(a.limiter.Apply(a.Root))
	if err := a.API(a.Root).Roles().Create(t.Context(), reports()); err != nil {
		t.Fatal(err)
	}
	if err := a.Control.ClearCalls(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func reports() role.Role {
	return role.Role{
		ARN: "arn:aws:iam::111122223333:role/attache/reports", MaxSessionDuration: time.Hour,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`,
	}
}

func (a *account) calls(t *testing.T) int {
	t.Helper()
	calls, err := a.Control.Calls(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return len(calls)
}

func TestEveryCallCountsAndNoneIsMadeBeyondTheLimit(t *testing.T) {
	g := NewWithT(t)
	a := newAccount(t, limit.Options{Burst: 4, InteractiveShare: 0.5})
	_, err := a.api.Roles().Get(t.Context(), "reports")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Throttled))
	g.Expect(err).To(MatchError(ContainSubstring("ListRolePolicies: Throttling: the operator holds back calls")))
	wait, held := limit.RetryAfter(err)
	g.Expect(held).To(BeTrue())
	g.Expect(wait).To(BeNumerically(">", 0))
	g.Expect(a.calls(t)).To(Equal(2), "the third of three calls was not made")

	_, err = a.api.Roles().Get(limit.Work(t.Context(), limit.Interactive), "reports")
	g.Expect(err).NotTo(HaveOccurred(), "work that begins is finished")
}

func TestPagesOfAListCountEach(t *testing.T) {
	g := NewWithT(t)
	a := newAccount(t, limit.Options{Burst: 20, InteractiveShare: 0.5})
	g.Expect(a.Control.Seed(t.Context(), awsfake.Seed{Roles: 7})).To(Succeed())
	g.Expect(a.Control.Configure(t.Context(), awsfake.Settings{PageSize: 2})).To(Succeed())
	g.Expect(a.Control.ClearCalls(t.Context())).To(Succeed())
	snapshot, err := a.api.Snapshot(t.Context(), "/")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(snapshot.Calls).To(Equal(8))
	through, _ := reserve(a.limiter, limit.Background, 100)
	g.Expect(through).To(Equal(10 - snapshot.Calls))
}

func TestTheLimitIsLearntFromWhatAWSAnswers(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault awsfake.Fault
		want  []float64
	}{
		{"AWS throttles", awsfake.Fault{Operation: "*", Kind: awsfake.FaultThrottle}, []float64{10, 5}},
		{"AWS says that there were too many requests", awsfake.Fault{Operation: "*", Kind: awsfake.FaultFail, Status: 429, Code: "Unknown", Message: "slow down"}, []float64{10, 5}},
		{"AWS refuses", awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny}, []float64{10}},
		{"AWS fails", awsfake.Fault{Operation: "*", Kind: awsfake.FaultUnavailable}, []float64{10}},
		{"nobody answers", awsfake.Fault{Operation: "*", Kind: awsfake.FaultReset}, []float64{10}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			a := newAccount(t, limit.Options{})
			g.Expect(a.Control.AddFault(t.Context(), row.fault)).To(Succeed())
			for range 3 {
				_, err := a.api.Roles().GetTrust(limit.Work(t.Context(), limit.Interactive), "reports")
				g.Expect(err).To(HaveOccurred())
			}
			g.Expect(a.rates).To(Equal(row.want))
		})
	}
}

func TestARateThatFellRisesWithAnswersOnly(t *testing.T) {
	g := NewWithT(t)
	a := newAccount(t, limit.Options{})
	a.limiter.Throttled()
	a.clock.pass(time.Minute)
	g.Expect(a.Control.AddFault(t.Context(), awsfake.Fault{Operation: "*", Kind: awsfake.FaultUnavailable, Count: 1})).To(Succeed())
	_, err := a.api.Roles().GetTrust(t.Context(), "reports")
	g.Expect(err).To(HaveOccurred())
	g.Expect(a.rates).To(Equal([]float64{10, 5}))
	_, err = a.api.Roles().GetTrust(t.Context(), "nobody")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
	g.Expect(a.rates).To(Equal([]float64{10, 5, 5.5}))
}

func TestHeldBackCallsAreObservedAsThrottled(t *testing.T) {
	g := NewWithT(t)
	a := newAccount(t, limit.Options{Burst: 2})
	outcomes := map[string]int{}
	api := a.API(a.limiter.Apply(awsiam.Observe(a.Root, func(_, outcome string) { outcomes[outcome]++ })))
	for range 3 {
		_, _ = api.Roles().GetTrust(t.Context(), "reports")
	}
	g.Expect(outcomes).To(Equal(map[string]int{awsiam.Success: 1, string(awsiam.Throttled): 2}))
}

func TestTheConfigurationGivenStaysAsItWas(t *testing.T) {
	g := NewWithT(t)
	limiter := newLimits(t, limit.Options{Burst: 2}).Account(accountID)
	cfg := aws.Config{}
	limiter.Apply(cfg)
	g.Expect(cfg.APIOptions).To(BeEmpty())
}
