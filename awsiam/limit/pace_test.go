package limit

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestPace(t *testing.T) {
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	throttled, answered := pace.throttled, pace.answered
	type event struct {
		after time.Duration
		what  func(pace, time.Time) pace
	}
	for _, row := range []struct {
		name   string
		events []event
		want   float64
	}{
		{"stays at the highest rate while all is well", []event{{time.Hour, answered}}, 10},
		{"halves when AWS throttles", []event{{0, throttled}}, 5},
		{"halves once for a burst of refusals", []event{{0, throttled}, {time.Second, throttled}, {1999 * time.Millisecond, throttled}}, 5},
		{"halves again when throttling goes on", []event{{0, throttled}, {2 * time.Second, throttled}}, 2.5},
		{"never falls below the lowest rate", []event{{0, throttled}, {2 * time.Second, throttled}, {4 * time.Second, throttled}, {6 * time.Second, throttled}, {8 * time.Second, throttled}}, 1},
		{"does not rise before it has held", []event{{0, throttled}, {9 * time.Second, answered}}, 5},
		{"rises by a step once it has held", []event{{0, throttled}, {10 * time.Second, answered}}, 5.5},
		{"rises once in that time", []event{{0, throttled}, {10 * time.Second, answered}, {11 * time.Second, answered}}, 5.5},
		{"never rises above the highest rate", []event{{0, throttled}, {10 * time.Second, answered}, {20 * time.Second, answered}, {30 * time.Second, answered},
			{40 * time.Second, answered}, {50 * time.Second, answered}, {60 * time.Second, answered}, {70 * time.Second, answered}, {80 * time.Second, answered},
			{90 * time.Second, answered}, {100 * time.Second, answered}, {110 * time.Second, answered}}, 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := pace{rate: 10, lowest: 1, highest: 10}
			for _, e := range row.events {
				p = e.what(p, start.Add(e.after))
			}
			NewWithT(t).Expect(p.rate).To(BeNumerically("~", row.want, 1e-9))
		})
	}
}
