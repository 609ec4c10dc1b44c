// Package clock lets a cache of github.com/maypok86/otter/v2 live by the clock that the rest of a
// program is given, so that a test moves both together.
package clock

import "time"

// Otter is an otter.Clock that tells the time of the function.
type Otter func() time.Time

// NowNano returns the nanoseconds since the Unix epoch.
func (o Otter) NowNano() int64 { return o().UnixNano() }

// Tick returns nil: the cache drops what has expired while it is used, and needs no goroutine for it.
func (o Otter) Tick(time.Duration) <-chan time.Time { return nil }
