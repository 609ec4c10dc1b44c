package uninstall

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/time/rate"
)

func TestAClientThatWaitsForItsTurnLearnsOfTheEndAndNotOfTheDeadline(t *testing.T) {
	g := NewWithT(t)
	limiter := rate.NewLimiter(rate.Every(time.Hour), 1)
	limiter.Allow()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	g.Expect(limiter.Wait(ctx)).NotTo(MatchError(context.DeadlineExceeded), "else nothing need be done about it")
	g.Expect(ctx.Err()).NotTo(HaveOccurred())

	endless, stop := withoutDeadline(ctx)
	defer stop()
	g.Expect(limiter.Wait(endless)).To(MatchError(context.Canceled))
	g.Expect(ctx.Err()).To(MatchError(context.DeadlineExceeded))
}
