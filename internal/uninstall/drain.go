package uninstall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Drain deletes an Inventory and waits until it is empty.
type Drain struct {
	Client client.Client
	// Retain leaves AWS as it is.
	Retain bool
	Order  Order
	// Every is the time between two looks.
	Every time.Duration
	// Idle says why nobody works on the deletions, or "", and whether that may pass without anybody
	// doing something about it. It may be nil.
	Idle func(context.Context) (why string, mayPass bool, err error)
	// Out gets a line for each thing that happens.
	Out io.Writer

	// deleted has the UID under which an object was deleted, by its Name.
	deleted map[string]types.UID
	// waits has what each object that is being deleted waits for, by its Name.
	waits map[string]string
	idle  string
}

// errIdle is why waiting ends where it is pointless.
var errIdle = errors.New("nobody works on it")

// UnfinishedError tells that the time was over, or that waiting was pointless, before all was gone.
type UnfinishedError struct {
	// Waits has what each object that is left waits for.
	Waits map[string]string
	// Idle says why nobody worked on the deletions; empty if somebody did.
	Idle string
	// Err is why the waiting ended.
	Err error
}

func (e *UnfinishedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "not finished (%v); what was begun goes on, and the same command waits again. Left:", e.Err)
	for _, name := range slices.Sorted(maps.Keys(e.Waits)) {
		fmt.Fprintf(&b, "\n  %s: %s", name, e.Waits[name])
	}
	if e.Idle != "" {
		fmt.Fprintf(&b, "\nNo operator: %s", e.Idle)
	}
	return b.String()
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

// Begin takes the first step: with AllAtOnce, everything is being deleted afterwards.
func (d *Drain) Begin(ctx context.Context) error {
	_, err := d.step(ctx)
	return err
}

// Run returns when nothing is left, or with an UnfinishedError when the context ends before.
func (d *Drain) Run(ctx context.Context) error {
	tick := time.NewTicker(d.Every)
	defer tick.Stop()
	endless, cancel := withoutDeadline(ctx)
	defer cancel()
	for {
		left, err := d.step(endless)
		switch {
		case ctx.Err() != nil:
			return d.unfinished(context.Cause(ctx))
		case errors.Is(err, errIdle):
			return d.unfinished(err)
		case err != nil || left.Empty():
			return err
		}
		select {
		case <-ctx.Done():
			return d.unfinished(context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// withoutDeadline ends with ctx and does not say when. A client that has to wait for its turn gives up at
// once, with an error of its own, where it sees that the turn comes after the deadline.
func withoutDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	endless, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return endless, func() {
		stop()
		cancel()
	}
}

func (d *Drain) unfinished(why error) error {
	return &UnfinishedError{Waits: d.waits, Idle: d.idle, Err: why}
}

// step looks, acts and tells, and returns what it found.
func (d *Drain) step(ctx context.Context) (Inventory, error) {
	found, err := Read(ctx, d.Client)
	if err != nil {
		return Inventory{}, err
	}
	d.tellGone(found)
	todo := found.Next(d.Retain, d.Order)
	for _, o := range todo.Retain {
		if err := d.retain(ctx, o); err != nil {
			return Inventory{}, err
		}
	}
	for _, o := range todo.Delete {
		if err := d.delete(ctx, o); err != nil {
			return Inventory{}, err
		}
	}
	d.tell(todo.Await)
	return found, d.tellIdle(ctx, todo.Await)
}

// retainPatch names the one field alone, so that what others change meanwhile is kept.
var retainPatch = client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"deletionPolicy":%q}}`, v1alpha1.DeletionRetain))

func (d *Drain) retain(ctx context.Context, o client.Object) error {
	if err := d.Client.Patch(ctx, o, retainPatch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("set deletionPolicy of %s to %s: %w", Name(o), v1alpha1.DeletionRetain, err)
	}
	return nil
}

func (d *Drain) delete(ctx context.Context, o client.Object) error {
	name, uid := Name(o), o.GetUID()
	if before, known := d.deleted[name]; known && before != uid {
		fmt.Fprintf(d.Out, "%s was made again: pause what makes it\n", name)
	}
	err := d.Client.Delete(ctx, o, client.Preconditions{UID: &uid})
	if apierrors.IsConflict(err) {
		return nil // another one has the name since: it is looked at first
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	if d.deleted == nil {
		d.deleted = map[string]types.UID{}
	}
	d.deleted[name] = uid
	fmt.Fprintf(d.Out, "Deleting %s\n", name)
	return nil
}

func (d *Drain) tellGone(found Inventory) {
	there := map[string]bool{}
	for _, o := range found.Objects() {
		there[Name(o)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(d.waits)) {
		if !there[name] {
			fmt.Fprintf(d.Out, "Gone: %s\n", name)
		}
	}
}

// tell prints what waits for something else than at the last look.
func (d *Drain) tell(await []client.Object) {
	now := map[string]string{}
	for _, o := range await {
		now[Name(o)] = WaitsFor(o)
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name] != "" && now[name] != d.waits[name] {
			fmt.Fprintf(d.Out, "Waiting for %s: %s\n", name, now[name])
		}
	}
	d.waits = now
}

func (d *Drain) tellIdle(ctx context.Context, await []client.Object) error {
	if d.Idle == nil || len(await) == 0 {
		return nil
	}
	why, mayPass, err := d.Idle(ctx)
	if err != nil {
		return err
	}
	if why != "" && why != d.idle {
		fmt.Fprintf(d.Out, "No operator: %s\n", why)
	}
	d.idle = why
	if why != "" && !mayPass {
		return errIdle
	}
	return nil
}
