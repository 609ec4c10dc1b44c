package samlprovider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
)

// inEachAccount does something in all accounts at once, and sums up how they were left. It waits for
// none that is slow to answer: see late.
func (r *Reconciler) inEachAccount(ctx context.Context, s *scope, do doInAccount) (status.Finding, error) {
	s.unchanging = s.provider.DeepCopy()
	var all sync.WaitGroup
	for _, a := range s.accounts {
		all.Go(func() { r.late.inTime(ctx, r, a, do) })
	}
	all.Wait()
	var failures []error
	for _, a := range s.accounts {
		r.countDrift(a)
		s.changes = append(s.changes, a.changes...)
		failures = append(failures, a.err)
		if a.former && a.settled {
			r.attempts.Forget(a.key())
		}
	}
	if err := errors.Join(failures...); err != nil {
		return status.Finding{}, err
	}
	return s.summary(), nil
}

// maxNamed is how much a message names: accounts, or RoleMappings.
const maxNamed = 5

// maxSummed is as much of an account's message as the summary has.
const maxSummed = 512

// summary is the finding of all accounts: the worst one's reason, and in words those that are not
// synced, the worst first.
func (s *scope) summary() status.Finding {
	var told []*account
	for _, a := range s.accounts {
		if !a.former || !a.settled || !s.provider.DeletionTimestamp.IsZero() {
			told = append(told, a)
		}
	}
	worstFirst := slices.SortedStableFunc(slices.Values(told), func(a, b *account) int {
		if by := status.CompareSeverity(a.finding.Progress, b.finding.Progress); by != 0 {
			return by
		}
		return compareSynced(a, b)
	})
	f := worstFirst[0].finding
	if len(told) > 1 {
		f.Message = summaryMessage(worstFirst)
	}
	f.RequeueAfter = status.Soonest(findingsOf(s.accounts))
	return f
}

// compareSynced has accounts of which there is nothing to say come last.
func compareSynced(a, b *account) int {
	switch {
	case a.isSynced() == b.isSynced():
		return 0
	case a.isSynced():
		return 1
	default:
		return -1
	}
}

func (a *account) isSynced() bool { return a.finding.Reason == v1alpha1.ReasonSynced }

func summaryMessage(worstFirst []*account) string {
	open := worstFirst
	if i := slices.IndexFunc(worstFirst, (*account).isSynced); i >= 0 {
		open = worstFirst[:i]
	}
	if len(open) == 0 {
		return fmt.Sprintf("IAM holds the metadata in all %d accounts", len(worstFirst))
	}
	named, more := open, ""
	if n := len(open) - maxNamed; n > 0 {
		named, more = open[:maxNamed], fmt.Sprintf("; and %d more, see status.accounts", n)
	}
	words := make([]string, len(named))
	for i, a := range named {
		words[i] = fmt.Sprintf("%s: %s: %s", a.spec, a.finding.Reason, status.Shorten(a.finding.Message, maxSummed))
	}
	return fmt.Sprintf("%d of %d accounts are not synced: %s%s", len(open), len(worstFirst), strings.Join(words, "; "), more)
}

func findingsOf(accounts []*account) []status.Finding {
	all := make([]status.Finding, len(accounts))
	for i, a := range accounts {
		all[i] = a.finding
	}
	return all
}
