package awsfake

import (
	"math/rand/v2"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestATimelineTellsWhatWasThere(t *testing.T) {
	first, second := &role{id: "first"}, &role{id: "second"}
	line := timeline[role]{{value: first}, {epoch, second}, {epoch.Add(time.Minute), nil}}
	for name, row := range map[string]struct {
		line   timeline[role]
		at     time.Time
		want   *role
		newest bool
	}{
		"before it was changed":           {line, epoch.Add(-time.Nanosecond), first, false},
		"when it was changed":             {line, epoch, second, false},
		"until it was deleted":            {line, epoch.Add(time.Minute - 1), second, false},
		"after it was deleted":            {line, epoch.Add(time.Hour), nil, true},
		"of two changes at once the last": {timeline[role]{{value: nil}, {epoch, first}, {epoch, second}}, epoch, second, true},
		"before anything is known":        {timeline[role]{{epoch, first}}, epoch.Add(-1), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			value, newest := row.line.at(row.at)
			g.Expect(value).To(Equal(row.want))
			g.Expect(newest).To(Equal(row.newest))
		})
	}
}

func TestHistoryForgetsWhatNobodyCanAskFor(t *testing.T) {
	g := NewWithT(t)
	h := newHistory()
	old, other := entityKey{"1", "old"}, entityKey{"1", "other"}
	h.roles.add(old, nil, &role{id: "a"}, epoch)
	h.roles.add(old, nil, &role{id: "b"}, epoch.Add(time.Minute))
	h.providers.add(other, nil, &samlProvider{}, epoch)
	g.Expect(h.roles[old]).To(HaveLen(3), "not there, made, changed")
	h.sweep(epoch.Add(MaxPropagation))
	g.Expect(h.roles[old]).To(HaveLen(2), "that it was not there is over")
	g.Expect(h.providers).To(BeEmpty())
	h.sweep(epoch.Add(MaxPropagation + sweepInterval - 1))
	g.Expect(h.roles).To(HaveKey(old), "swept a moment ago")
	h.roles.add(other, nil, &role{}, epoch.Add(MaxPropagation+time.Minute))
	h.sweep(epoch.Add(MaxPropagation + time.Minute))
	g.Expect(h.roles).NotTo(HaveKey(old))
	g.Expect(h.roles[other]).To(HaveLen(2))
}

func TestAReaderThatLagsSeesTheOldVersion(t *testing.T) {
	before, after := &role{id: "before"}, &role{id: "after"}
	line := timeline[role]{{value: before}, {epoch, after}}
	for name, row := range map[string]struct {
		line timeline[role]
		lag  time.Duration
		now  time.Time
		want *role
	}{
		"at once without a lag":         {line, 0, epoch, after},
		"the old one with a lag":        {line, time.Minute, epoch.Add(time.Second), before},
		"the new one after the lag":     {line, time.Minute, epoch.Add(time.Minute), after},
		"what has never been changed":   {nil, time.Minute, epoch, after},
		"what was not there with a lag": {timeline[role]{{value: nil}, {epoch, after}}, time.Minute, epoch, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory()
			h.random = rand.New(rand.NewPCG(1, 1))
			NewWithT(t).Expect(seen(h, row.line, after, row.now, Duration(row.lag), false)).To(BeIdenticalTo(row.want))
		})
	}
}
