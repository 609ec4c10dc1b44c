package awsfake_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

// listRoles calls IAM n times and returns how many calls were answered; the others
// must have been throttled.
func listRoles(t *testing.T, client *iam.Client, n int) (answered int) {
	t.Helper()
	g := NewWithT(t)
	for range n {
		_, err := client.ListRoles(t.Context(), nil)
		if err == nil {
			answered++
			continue
		}
		expectRefusal(g, err, "Throttling", "Rate exceeded")
		g.Expect(statusOf(g, err)).To(Equal(http.StatusBadRequest))
	}
	return answered
}

func TestIAMThrottlesAboveItsRate(t *testing.T) {
	for name, row := range map[string]struct {
		rates map[string]awsfake.Rate
		want  []int // answers to 10 calls: at once, at once again, a second later
	}{
		"without a rate every call is answered":     {nil, []int{10, 10, 10}},
		"a burst is answered, then a rate":          {map[string]awsfake.Rate{account: {PerSecond: 2, Burst: 4}}, []int{4, 0, 2}},
		"a rate below one a second waits":           {map[string]awsfake.Rate{account: {PerSecond: 0.5, Burst: 4}}, []int{4, 0, 0}},
		"a bucket holds no more than its burst":     {map[string]awsfake.Rate{account: {PerSecond: 100, Burst: 3}}, []int{3, 0, 3}},
		"any account has the rate of any":           {map[string]awsfake.Rate{awsfake.AnyAccount: {PerSecond: 1, Burst: 5}}, []int{5, 0, 1}},
		"a rate of its own comes before that":       {map[string]awsfake.Rate{account: {PerSecond: 1, Burst: 7}, awsfake.AnyAccount: {PerSecond: 1, Burst: 5}}, []int{7, 0, 1}},
		"the rate of another account is no concern": {map[string]awsfake.Rate{other: {PerSecond: 1, Burst: 1}}, []int{10, 10, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				g.Expect(control.Configure(t.Context(), awsfake.Settings{IAMRate: row.rates})).To(Succeed())
				got := []int{listRoles(t, f.iam, 10), listRoles(t, f.iam, 10)}
				f.advance(time.Second)
				g.Expect(append(got, listRoles(t, f.iam, 10))).To(Equal(row.want))
			})
		})
	}
}

func TestARateIsOfOneAccountAndOfIAMAlone(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	second := f.in(t, other)
	limit := map[string]awsfake.Rate{awsfake.AnyAccount: {PerSecond: 1, Burst: 2}}
	g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{IAMRate: limit})).To(Succeed())
	g.Expect(listRoles(t, f.iam, 5)).To(Equal(2))
	_, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred(), "STS has no rate")
	_, err = f.sts.GetCallerIdentity(t.Context(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listRoles(t, second.iam, 5)).To(Equal(2), "each account has a bucket of its own")
}

func TestAWrongSignatureUsesUpNoRate(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	limit := map[string]awsfake.Rate{account: {PerSecond: 1, Burst: 2}}
	g.Expect(f.fake.Control().Configure(t.Context(), awsfake.Settings{IAMRate: limit})).To(Succeed())
	for range 3 {
		_, err := f.iamAs(adminKey, "guessed", "").ListRoles(t.Context(), nil)
		g.Expect(codeOf(g, err)).To(Equal("SignatureDoesNotMatch"))
	}
	g.Expect(listRoles(t, f.iam, 5)).To(Equal(2))
}

func TestARateThatIsSetAgainGoesOn(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	settings := awsfake.Settings{IAMRate: map[string]awsfake.Rate{account: {PerSecond: 1, Burst: 2}}}
	g.Expect(f.fake.Control().Configure(t.Context(), settings)).To(Succeed())
	g.Expect(listRoles(t, f.iam, 5)).To(Equal(2))
	settings.PageSize = 10
	g.Expect(f.fake.Control().Configure(t.Context(), settings)).To(Succeed())
	g.Expect(listRoles(t, f.iam, 5)).To(BeZero(), "the same rate keeps its bucket")
	settings.IAMRate = map[string]awsfake.Rate{account: {PerSecond: 1, Burst: 3}}
	g.Expect(f.fake.Control().Configure(t.Context(), settings)).To(Succeed())
	g.Expect(listRoles(t, f.iam, 5)).To(Equal(3), "another one begins anew")
}

func TestThrottledCallsAreCounted(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		second := f.in(t, other)
		limit := map[string]awsfake.Rate{other: {PerSecond: 1, Burst: 2}}
		g.Expect(control.Configure(t.Context(), awsfake.Settings{IAMRate: limit})).To(Succeed())
		g.Expect(control.ClearCalls(t.Context())).To(Succeed())
		g.Expect(control.CallCounts(t.Context())).To(BeEmpty())
		g.Expect(listRoles(t, f.iam, 3)).To(Equal(3))
		g.Expect(listRoles(t, second.iam, 5)).To(Equal(2))
		g.Expect(control.AddFault(t.Context(), awsfake.Fault{Operation: "ListRoles", Kind: awsfake.FaultThrottle, Account: account})).To(Succeed())
		g.Expect(listRoles(t, f.iam, 1)).To(BeZero())
		_, err := f.assume(t, nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(control.CallCounts(t.Context())).To(Equal([]awsfake.CallCount{
			{Account: account, Operation: "AssumeRoleWithSAML", Count: 1},
			{Account: account, Operation: "ListRoles", Count: 3},
			{Account: account, Operation: "ListRoles", Code: "Throttling", Fault: awsfake.FaultThrottle, Count: 1},
			{Account: other, Operation: "ListRoles", Count: 2},
			{Account: other, Operation: "ListRoles", Code: "Throttling", Count: 3},
		}))
		calls, err := control.Calls(t.Context(), "ListRoles")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(calls).To(HaveLen(9))
		throttled := calls[5]
		g.Expect([]string{throttled.Account, throttled.Code, throttled.Principal}).To(Equal([]string{other, "Throttling", "arn:aws:iam::" + other + ":root"}))
	})
}
