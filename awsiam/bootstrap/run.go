package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"attache.dev/attache/awsiam"
)

const (
	// attempts outlast IAM's eventual consistency: with the waits between them about half a minute.
	attempts = 6
	maxWait  = 16 * time.Second
)

// Runner carries plans out.
type Runner struct {
	// API signs as an administrator of the account.
	API awsiam.API
	// Tell is told of each step before it is taken; nil for nobody.
	Tell func(Step)
	// Wait passes time between attempts; nil for real time.
	Wait func(context.Context, time.Duration) error
}

// Observe returns what the account holds.
func (r Runner) Observe(ctx context.Context, c Config) (Held, error) {
	p := c.partition()
	provider, err := optional(r.API.Providers().Get(ctx, ProviderARN(p, c.AccountID)))
	if err != nil {
		return Held{}, err
	}
	operator, err := optional(r.API.Roles().Get(ctx, Name))
	if err != nil {
		return Held{}, err
	}
	probe, err := optional(r.API.Roles().Get(ctx, ProbeName))
	if err != nil {
		return Held{}, err
	}
	return Held{Provider: provider, Operator: operator, Probe: probe}, nil
}

func optional[T any](found T, err error) (*T, error) {
	switch {
	case err == nil:
		return &found, nil
	case awsiam.KindOf(err) == awsiam.NotFound:
		return nil, nil
	default:
		return nil, err
	}
}

// Bring looks at the account, decides and carries out what the mode asks for, and returns the last
// plan: what it had left to do, and what differs and stays. What fails for a moment, or because IAM
// does not tell yet what was written, is decided anew.
func (r Runner) Bring(ctx context.Context, c Config, mode Mode) (Plan, error) {
	backoff := retry.NewExponentialJitterBackoff(maxWait)
	for attempt := 0; ; attempt++ {
		plan, err := r.try(ctx, c, mode)
		if err == nil || attempt == attempts-1 || !passes(err) {
			return plan, err
		}
		delay, delayErr := backoff.BackoffDelay(attempt, err)
		if delayErr != nil {
			return plan, fmt.Errorf("choose how long to wait: %w", delayErr)
		}
		if waitErr := r.wait(ctx, delay); waitErr != nil {
			return plan, fmt.Errorf("given up while waiting to try again: %w", err)
		}
	}
}

func (r Runner) try(ctx context.Context, c Config, mode Mode) (Plan, error) {
	// What is wrong in the Config is told without a call.
	if _, err := Decide(c, Held{}, mode); err != nil {
		return Plan{}, err
	}
	held, err := r.Observe(ctx, c)
	if err != nil {
		return Plan{}, fmt.Errorf("look at what account %s holds: %w", c.AccountID, err)
	}
	plan, err := Decide(c, held, mode)
	if err != nil {
		return plan, err
	}
	for _, step := range plan.Steps {
		if r.Tell != nil {
			r.Tell(step)
		}
		if err := r.do(ctx, step); err != nil {
			return plan, fmt.Errorf("%s: %w", step.ARN, err)
		}
	}
	return plan, nil
}

func (r Runner) do(ctx context.Context, s Step) error {
	switch s.Operation {
	case createProvider:
		return r.API.Providers().Create(ctx, s.ARN, s.Metadata, s.Tags)
	case updateProvider:
		return r.API.Providers().Update(ctx, s.ARN, s.Metadata)
	case tagProvider:
		return r.API.Providers().AddTags(ctx, s.ARN, s.Tags)
	case deleteProvider:
		return r.API.Providers().Delete(ctx, s.ARN)
	case createRole:
		return r.API.Roles().Create(ctx, s.Role)
	default:
		return r.API.Roles().Do(ctx, s.ARN, s.Change)
	}
}

// passes tells what goes away of itself. Something that is there although it was not seen, or the
// other way round, is IAM's eventual consistency or somebody who does the same.
func passes(err error) bool {
	var ofIAM *awsiam.Error
	if !errors.As(err, &ofIAM) {
		return false
	}
	switch ofIAM.Kind {
	case awsiam.Throttled, awsiam.Conflict, awsiam.Unavailable, awsiam.AlreadyExists, awsiam.NotFound:
		return true
	default:
		return false
	}
}

func (r Runner) wait(ctx context.Context, d time.Duration) error {
	if r.Wait != nil {
		return r.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
