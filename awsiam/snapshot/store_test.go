package snapshot_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/snapshot"
)

const (
	account = "111122223333"
	ours    = "arn:aws:iam::111122223333:role/attache/reports/uploader"
	foreign = "arn:aws:iam::111122223333:role/foreign"
)

// world is a store under a clock that the test moves.
type world struct {
	*WithT
	t     *testing.T
	now   time.Time
	store *snapshot.Store
}

func newWorld(t *testing.T) *world {
	w := &world{WithT: NewWithT(t), t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	w.store = &snapshot.Store{Clock: func() time.Time { return w.now }}
	return w
}

func held() awsiam.Snapshot {
	return awsiam.Snapshot{Calls: 2, Roles: map[string]role.Role{ours: {ARN: ours, Description: "d"}, foreign: {ARN: foreign}}}
}

func (w *world) take(read func(context.Context) (awsiam.Snapshot, error)) error {
	_, err := w.store.Take(w.t.Context(), account, read, func(r role.Role) bool { return r.ARN == ours })
	return err
}

func (w *world) takeHeld() {
	w.t.Helper()
	w.Expect(w.take(func(context.Context) (awsiam.Snapshot, error) { return held(), nil })).To(Succeed())
}

func TestWhatASnapshotTells(t *testing.T) {
	w := newWorld(t)
	w.takeHeld()
	for _, row := range []struct {
		name, key, arn string
		found, known   bool
	}{
		{"a role that was kept", account, ours, true, true},
		{"a role that exists and was not kept", account, foreign, true, false},
		{"a role that does not exist", account, ours + "2", false, true},
		{"a role under another path", account, "arn:aws:iam::111122223333:role/uploader", false, true},
		{"another account", "999988887777", ours, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			r, found, known := w.store.Role(row.key, row.arn, time.Minute)
			g.Expect(found).To(Equal(row.found))
			g.Expect(known).To(Equal(row.known))
			if found && known {
				g.Expect(r).To(Equal(held().Roles[row.arn]))
			}
		})
	}
}

func TestHowLongASnapshotTellsSomething(t *testing.T) {
	for _, row := range []struct {
		name  string
		after func(*world)
		known bool
	}{
		{"as long as it is not too old", func(w *world) { w.now = w.now.Add(time.Minute) }, true},
		{"not when it is too old", func(w *world) { w.now = w.now.Add(time.Minute + 1) }, false},
		{"not about a role that was written since", func(w *world) { w.now = w.now.Add(time.Second); w.store.Touch(account, ours) }, false},
		{"not about a role that was written at the same time", func(w *world) { w.store.Touch(account, ours) }, false},
		{"about roles beside the one that was written", func(w *world) { w.store.Touch(account, foreign) }, true},
		{"about a role that was written in another account", func(w *world) { w.store.Touch("999988887777", ours) }, true},
		{"again when it was taken after the write", func(w *world) {
			w.store.Touch(account, ours)
			w.now = w.now.Add(time.Second)
			w.takeHeld()
		}, true},
		{"not if the write came while it was taken", func(w *world) {
			w.Expect(w.take(func(context.Context) (awsiam.Snapshot, error) {
				w.now = w.now.Add(time.Second)
				w.store.Touch(account, ours)
				return held(), nil
			})).To(Succeed())
		}, false},
		{"what it told before, if the next one fails", func(w *world) {
			w.Expect(w.take(func(context.Context) (awsiam.Snapshot, error) { return awsiam.Snapshot{}, errors.New("denied") })).To(MatchError("denied"))
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.takeHeld()
			began := w.now
			row.after(w)
			_, _, known := w.store.Role(account, ours, time.Minute)
			w.Expect(known).To(Equal(row.known))
			w.Expect(w.store.TakenAt(account)).To(BeTemporally(">=", began))
		})
	}
}

func TestTakesOfOneAccountAtATimeAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reads, release := 0, make(chan struct{})
		for range 4 {
			go func() {
				w.Expect(w.take(func(context.Context) (awsiam.Snapshot, error) {
					reads++
					<-release
					return held(), nil
				})).To(Succeed())
			}()
		}
		synctest.Wait()
		_, err := w.store.Take(t.Context(), "999988887777", func(context.Context) (awsiam.Snapshot, error) { return awsiam.Snapshot{}, nil }, nil)
		w.Expect(err).NotTo(HaveOccurred(), "another account does not wait")
		close(release)
		synctest.Wait()
		w.Expect(reads).To(Equal(1))
	})
}

func TestPathPrefix(t *testing.T) {
	const of = "arn:aws:iam::111122223333:role"
	for _, row := range []struct {
		name string
		arns []string
		want string
	}{
		{"of nothing", nil, "/"},
		{"of one", []string{of + "/attache/reports/a"}, "/attache/reports/"},
		{"of two in the same path", []string{of + "/attache/reports/a", of + "/attache/reports/b"}, "/attache/reports/"},
		{"of two in two paths", []string{of + "/attache/reports/a", of + "/attache/sales/b"}, "/attache/"},
		{"of paths that begin alike", []string{of + "/attache/reports/a", of + "/attache/reports2/b"}, "/attache/"},
		{"of a path and one below", []string{of + "/attache/a", of + "/attache/reports/b"}, "/attache/"},
		{"of one without a path", []string{of + "/attache/a", of + "/b"}, "/"},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(snapshot.PathPrefix(row.arns...)).To(Equal(row.want))
		})
	}
}
