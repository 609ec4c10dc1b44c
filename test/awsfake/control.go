package awsfake

import (
	"context"
	"fmt"
)

// Control sets faults and settings, opens and fills accounts and reads the call log,
// in process (Server.Control) or over HTTP (NewControlClient).
type Control interface {
	// AddAccount opens an account, or gives one that exists another root key; the
	// error says what to write instead.
	AddAccount(ctx context.Context, a Account) error
	// Accounts returns the IDs of the accounts that exist, in order.
	Accounts(ctx context.Context) ([]string, error)
	// AddFault adds a fault; the error says what to write instead.
	AddFault(ctx context.Context, f Fault) error
	// Faults returns the faults still to come, counts as they are now.
	Faults(ctx context.Context) ([]Fault, error)
	// ClearFaults takes all faults away.
	ClearFaults(ctx context.Context) error
	// Calls returns the log, of one operation or, with "", of all.
	Calls(ctx context.Context, operation string) ([]Call, error)
	// CallCounts returns how many calls there were since the log was emptied.
	CallCounts(ctx context.Context) ([]CallCount, error)
	// ClearCalls empties the log and the counts.
	ClearCalls(ctx context.Context) error
	// Settings returns the settings as they are.
	Settings(ctx context.Context) (Settings, error)
	// Configure replaces all settings; the error says what to write instead.
	Configure(ctx context.Context, s Settings) error
	// Seed makes what a shared account is full of.
	Seed(ctx context.Context, s Seed) error
	// Inventory tells what exists in the accounts named, or in all.
	Inventory(ctx context.Context, accountIDs ...string) (Inventory, error)
}

// Control returns the server's own Control.
func (s *Server) Control() Control { return s.control }

// localControl is the state behind Control.
type localControl struct {
	server   *Server
	faults   faultQueue
	calls    callLog
	settings settingsBox
	iamCalls callBuckets
}

func (l *localControl) AddAccount(_ context.Context, a Account) error { return l.server.addAccount(a) }

func (l *localControl) Accounts(context.Context) ([]string, error) {
	return l.server.state.accountIDs(), nil
}

func (l *localControl) AddFault(_ context.Context, f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	if f.Account != "" {
		if err := l.server.state.checkExists(f.Account); err != nil {
			return err
		}
	}
	l.faults.add(f)
	return nil
}

func (l *localControl) Faults(context.Context) ([]Fault, error) { return l.faults.list(), nil }

func (l *localControl) ClearFaults(context.Context) error {
	l.faults.clear()
	return nil
}

func (l *localControl) Calls(_ context.Context, operation string) ([]Call, error) {
	return l.calls.of(operation), nil
}

func (l *localControl) CallCounts(context.Context) ([]CallCount, error) {
	return l.calls.counted(), nil
}

func (l *localControl) ClearCalls(context.Context) error {
	l.calls.clear()
	return nil
}

func (l *localControl) Settings(context.Context) (Settings, error) { return l.settings.get(), nil }

func (l *localControl) Configure(_ context.Context, s Settings) error {
	for host, endpoint := range s.STSEndpoints {
		partition := l.server.state.partition
		if endpoint.Region != "" && partitionOf(endpoint.Region) != partition {
			return fmt.Errorf("region %s of %s is not of the partition %s: serve it by a server of its own", endpoint.Region, host, partition)
		}
	}
	return l.settings.set(s)
}

func (l *localControl) Seed(_ context.Context, s Seed) error { return l.server.seed(s) }

func (l *localControl) Inventory(_ context.Context, accountIDs ...string) (Inventory, error) {
	return l.server.inventory(accountIDs)
}
