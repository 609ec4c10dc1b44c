package samlprovider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/assertion"
)

// reconcileProvider goes through all accounts: those of the spec, and those that it no longer lists.
func (r *Reconciler) reconcileProvider(ctx context.Context, s *scope) (status.Finding, error) {
	users, err := r.usersOfFormerAccounts(ctx, s)
	if err != nil {
		return status.Finding{}, err
	}
	return r.inEachAccount(ctx, s, func(ctx context.Context, a *account) (status.Finding, error) {
		if a.former {
			return r.leaveAccount(ctx, a, users[a.spec.ID]), nil
		}
		return r.reconcileAccount(ctx, a), nil
	})
}

// reconcileAccount compares what IAM holds under this object's name with the current metadata: in a
// Managed account it puts IAM right, in an Observed one it tells what is missing.
func (r *Reconciler) reconcileAccount(ctx context.Context, a *account) status.Finding {
	if len(a.keys) == 0 {
		return a.found(keyAwaited, "Waiting for the signing key")
	}
	if a.recorded != nil && a.recorded.ProviderARN != a.arn {
		return a.found(invalid, otherARNMessage(a))
	}
	document, err := assertion.Metadata(a.provider.Spec.Issuer, a.certificates())
	if err != nil {
		return a.found(invalid, err.Error())
	}
	metadata := string(document)
	what := a.attempt("sync " + hashOf(metadata))
	// An operator that has just started looks for itself once: what changed in IAM while nobody
	// watched is put right by a restart, not an interval later.
	if _, succeeded := r.attempts.Succeeded(a.key()); succeeded == what {
		if f, holds := lastWord(a, hashOf(metadata), r.Clock()); holds {
			return f
		}
	}
	return r.attempts.Do(a.key(), what, r.Clock, func() status.Finding {
		if a.spec.Observed() {
			return r.observeProvider(ctx, a)
		}
		return r.syncProvider(ctx, a, metadata)
	})
}

func otherARNMessage(a *account) string {
	if !strings.HasPrefix(a.recorded.ProviderARN, "arn:"+partition.OfRegion(a.spec.Region).ID+":") {
		return fmt.Sprintf("The region of account %s now is in another partition, where the provider would be %s instead of %s: change it back, or create another SAMLProvider", a.spec, a.arn, a.recorded.ProviderARN)
	}
	return fmt.Sprintf("%s of account %s is not deleted yet, which was listed with another providerName before: take the account out of spec.accounts, and add it again when status.accounts no longer lists it", a.recorded.ProviderARN, a.spec)
}

// trustedFor is how long IAM is taken to hold what it was last seen to hold: less than any delay that
// the jittered interval leads to, so that the requeue finds it over.
func trustedFor(interval time.Duration) time.Duration { return interval * 8 / 10 }

// lastWord repeats what was found when IAM was last asked for the same, while that is trusted.
func lastWord(a *account, hash string, now time.Time) (status.Finding, bool) {
	e := a.recorded
	if e == nil || e.State != v1alpha1.AccountSynced || e.ActiveKey != a.activeKey() || e.LastSyncTime == nil ||
		!a.spec.Observed() && e.MetadataHash != hash {
		return status.Finding{}, false
	}
	interval, age := a.provider.Interval(), now.Sub(e.LastSyncTime.Time)
	if age >= trustedFor(interval) {
		return status.Finding{}, false
	}
	f := a.goodWord()
	f.RequeueAfter -= age
	return f, true
}

// goodWord repeats what status tells of an account that is synced.
func (a *account) goodWord() status.Finding {
	if a.recorded.Reason == v1alpha1.ReasonDrifted {
		return a.found(drifted, a.recorded.Message)
	}
	return a.found(synced, a.recorded.Message)
}

// syncProvider has IAM hold the metadata under this object's tags.
func (r *Reconciler) syncProvider(ctx context.Context, a *account, metadata string) status.Finding {
	iam := r.IAM(a.spec).Providers()
	held, err := iam.Get(ctx, a.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return r.createProvider(ctx, a, iam, metadata)
	case err != nil:
		return a.syncFailed(ctx, err)
	case a.owner.Owns(held.Tags):
		return r.repairProvider(ctx, a, iam, held, metadata)
	case a.provider.Spec.Adoption == v1alpha1.AdoptionIfTagged && a.owner.MayAdopt(held.Tags):
		return r.adoptProvider(ctx, a, iam, held, metadata)
	}
	a.markDrift(r.Clock(), tagDifferences(a.owner.Tags(), held.Tags))
	a.markFailed()
	return a.found(notOwned, notOwnedMessage(a))
}

// createProvider creates only what the persisted ledger names: an operator that dies after IAM has
// created finds its own provider again, and a deletion knows what to look for.
func (r *Reconciler) createProvider(ctx context.Context, a *account, iam awsiam.SAMLProviders, metadata string) status.Finding {
	if a.recorded == nil || a.recorded.State != v1alpha1.AccountCreating {
		a.markDrift(r.Clock(), []v1alpha1.Difference{{Field: "providerARN", Wanted: a.arn}})
		a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn, State: v1alpha1.AccountCreating, Drift: a.unrepaired()}
		return a.found(recorded, "Creating IAM SAML provider "+a.arn)
	}
	ctrl.LoggerFrom(ctx).Info("Creating IAM SAML provider", "arn", a.arn)
	if err := iam.Create(ctx, a.arn, metadata, a.owner.Tags()); err != nil {
		if awsiam.KindOf(err) == awsiam.AlreadyExists {
			a.ledger.Drift = nil // nothing was missing: IAM does not show it yet
		}
		return a.syncFailed(ctx, err)
	}
	return a.markSynced(metadata, false, r.Clock())
}

// adoptProvider takes over what was offered. Its tags say so before anything else is written, so
// that neither a lost ledger nor a failure half-way leads to its deletion.
func (r *Reconciler) adoptProvider(ctx context.Context, a *account, iam awsiam.SAMLProviders, held awsiam.SAMLProvider, metadata string) status.Finding {
	ctrl.LoggerFrom(ctx).Info("Adopting IAM SAML provider", "arn", a.arn)
	if err := writeTags(ctx, iam, a.arn, a.tags(true), held.Tags); err != nil {
		return a.syncFailed(ctx, err)
	}
	a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn, State: v1alpha1.AccountFailed, Adopted: true}
	a.tell(v1alpha1.ReasonAdopted, fmt.Sprintf("IAM SAML provider %s existed and was taken over, as its tags offered; it outlives this object unless spec.deletionPolicy is Delete", a.arn))
	if held.Metadata != metadata {
		if err := iam.Update(ctx, a.arn, metadata); err != nil {
			return a.syncFailed(ctx, err)
		}
	}
	return a.markSynced(metadata, true, r.Clock())
}

// repairProvider puts the tags and the metadata of this object's own provider right.
func (r *Reconciler) repairProvider(ctx context.Context, a *account, iam awsiam.SAMLProviders, held awsiam.SAMLProvider, metadata string) status.Finding {
	adopted := adoptedBy(held.Tags) || a.recorded != nil && a.recorded.Adopted
	tags := a.tags(adopted)
	if a.recorded != nil && a.recorded.MetadataHash == hashOf(metadata) {
		a.markDrift(r.Clock(), differences(metadata, tags, held))
	}
	if err := writeTags(ctx, iam, a.arn, tags, held.Tags); err != nil {
		return a.syncFailed(ctx, err)
	}
	if held.Metadata != metadata {
		ctrl.LoggerFrom(ctx).Info("Updating IAM SAML provider", "arn", a.arn)
		if err := iam.Update(ctx, a.arn, metadata); err != nil {
			return a.syncFailed(ctx, err)
		}
	}
	return a.markSynced(metadata, adopted, r.Clock())
}

// markSynced writes down that IAM holds the metadata, and with it the active key. Drift that was
// there is repaired now.
func (a *account) markSynced(metadata string, adopted bool, now time.Time) status.Finding {
	seen := metav1.NewTime(now)
	entry := &v1alpha1.AccountStatus{
		ID:           a.spec.ID,
		ProviderARN:  a.arn,
		State:        v1alpha1.AccountSynced,
		ActiveKey:    a.activeKey(),
		MetadataHash: hashOf(metadata),
		LastSyncTime: &seen,
		Adopted:      adopted,
	}
	if a.ledger != nil {
		entry.Drift = a.ledger.Drift
	}
	a.ledger = entry
	if d := a.unrepaired(); d != nil {
		d.Repaired = true
		a.tell(v1alpha1.ReasonDriftRepaired, fmt.Sprintf("IAM SAML provider %s differed from what it was given and was put right: %s", a.arn, status.Describe(d.Differences)))
	}
	return a.found(synced, "IAM holds the metadata of "+a.arn)
}

// markFailed keeps an entry that says Creating: the provider still may or may not exist.
func (a *account) markFailed() {
	if a.ledger != nil && a.ledger.State != v1alpha1.AccountCreating {
		a.ledger.State = v1alpha1.AccountFailed
	}
}

func (a *account) syncFailed(ctx context.Context, err error) status.Finding {
	f := a.failed(ctx, err)
	if !f.HeldBack {
		a.markFailed()
	}
	return f
}

// failed says in words how a call to IAM failed. The request ID goes to the log alone: it would
// make each condition another one.
func (a *account) failed(ctx context.Context, err error) status.Finding {
	log := ctrl.LoggerFrom(ctx)
	var e *awsiam.Error
	if !errors.As(err, &e) {
		log.Info("Calling IAM failed", "error", err.Error())
		return a.found(unavailable, err.Error())
	}
	if wait, ok := limit.RetryAfter(err); ok {
		return a.heldBack(e.Error(), wait)
	}
	log.Info("Calling IAM failed", "operation", e.Operation, "kind", e.Kind, "code", e.Code, "requestID", e.RequestID)
	message := e.Error()
	if e.Kind == awsiam.Denied {
		message = fmt.Sprintf("The operator's AWS identity lacks %s: allow it in the identity's policy. %s", e.Action, e.Message)
	}
	return a.found(outcomeOfKind[e.Kind], message)
}

// heldBack repeats what was found of the account before, if that was good and of the same spec.
func (a *account) heldBack(message string, wait time.Duration) status.Finding {
	f := a.found(throttled, message)
	if a.provider.Status.ObservedGeneration == a.provider.Generation && a.holdsActiveKey() {
		f = a.goodWord()
	}
	f.RequeueAfter, f.HeldBack = wait, true
	return f
}

// holdsActiveKey tells that IAM was last seen to hold the metadata of the key that signs.
func (a *account) holdsActiveKey() bool {
	return a.recorded != nil && a.recorded.State == v1alpha1.AccountSynced && len(a.keys) > 0 && a.recorded.ActiveKey == a.activeKey()
}

func notOwnedMessage(a *account) string {
	return fmt.Sprintf("IAM SAML provider %s exists and does not carry the tags %s=%s and %s=%s, so it is another's and is left alone: "+
		"delete it in IAM if nobody needs it; or give it the tag %s=%s there and set spec.adoption to IfTagged; or take the account out of spec.accounts, and add it again with another providerName",
		a.arn, awsiam.TagClusterUID, a.owner.ClusterUID, awsiam.TagObjectUID, a.owner.ObjectUID, awsiam.TagAdopt, a.owner)
}

func hashOf(metadata string) string {
	sum := sha256.Sum256([]byte(metadata))
	return hex.EncodeToString(sum[:])
}
