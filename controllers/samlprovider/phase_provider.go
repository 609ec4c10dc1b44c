package samlprovider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/assertion"
)

// reconcileProvider compares what IAM holds under this object's name with the current metadata: in a
// Managed account it puts IAM right, in an Observed one it tells what is missing.
func (r *Reconciler) reconcileProvider(ctx context.Context, s *scope) (status.Finding, error) {
	if len(s.keys) == 0 {
		return s.found(keyAwaited, "Waiting for the signing key"), nil
	}
	if s.recorded != nil && s.recorded.ProviderARN != s.arn {
		return s.found(invalid, fmt.Sprintf("spec.accounts[0].region now is in another partition, where the provider would be %s instead of %s: change it back, or create another SAMLProvider", s.arn, s.recorded.ProviderARN)), nil
	}
	document, err := assertion.Metadata(s.provider.Spec.Issuer, s.certificates())
	if err != nil {
		return s.found(invalid, err.Error()), nil
	}
	metadata := string(document)
	// An operator that has just started looks for itself once: what changed in IAM while nobody
	// watched is put right by a restart, not an interval later.
	if !r.attempts.Succeeded(s.provider.UID).IsZero() {
		if f, holds := lastWord(s, hashOf(metadata), r.Clock()); holds {
			return f, nil
		}
	}
	return r.attempts.Do(s.provider.UID, s.attempt("sync "+hashOf(metadata)), r.Clock, func() status.Finding {
		defer r.countDrift(s)
		if s.account.Observed() {
			return r.observeProvider(ctx, s)
		}
		return r.syncProvider(ctx, s, metadata)
	}), nil
}

// trustedFor is how long IAM is taken to hold what it was last seen to hold: less than any delay that
// the jittered interval leads to, so that the requeue finds it over.
func trustedFor(interval time.Duration) time.Duration { return interval * 8 / 10 }

// lastWord repeats what was found when IAM was last asked, while that is trusted. It is not when the
// spec has changed since, or somebody asks for a look now.
func lastWord(s *scope, hash string, now time.Time) (status.Finding, bool) {
	told := meta.FindStatusCondition(s.provider.Status.Conditions, v1alpha1.ConditionProvidersSynced)
	if told == nil || told.Status != metav1.ConditionTrue || told.ObservedGeneration != s.provider.Generation {
		return status.Finding{}, false
	}
	if asked := s.requested(); asked != "" && asked != s.provider.Status.LastHandledReconcileAt {
		return status.Finding{}, false
	}
	e := s.recorded
	if e == nil || e.State != v1alpha1.AccountSynced || e.ActiveKey != s.activeKey() || e.LastSyncTime == nil ||
		!s.account.Observed() && e.MetadataHash != hash {
		return status.Finding{}, false
	}
	interval, age := s.provider.Interval(), now.Sub(e.LastSyncTime.Time)
	if age >= trustedFor(interval) {
		return status.Finding{}, false
	}
	f := s.found(synced, told.Message)
	f.Reason = told.Reason
	f.RequeueAfter -= age
	return f, true
}

// syncProvider has IAM hold the metadata under this object's tags.
func (r *Reconciler) syncProvider(ctx context.Context, s *scope, metadata string) status.Finding {
	iam := r.IAM(s.account).Providers()
	held, err := iam.Get(ctx, s.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return r.createProvider(ctx, s, iam, metadata)
	case err != nil:
		return s.syncFailed(ctx, err)
	case s.owner.Owns(held.Tags):
		return r.repairProvider(ctx, s, iam, held, metadata)
	case s.provider.Spec.Adoption == v1alpha1.AdoptionIfTagged && s.owner.MayAdopt(held.Tags):
		return r.adoptProvider(ctx, s, iam, held, metadata)
	}
	s.markDrift(r.Clock(), tagDifferences(s.owner.Tags(), held.Tags))
	s.markFailed()
	return s.found(notOwned, notOwnedMessage(s))
}

// createProvider creates only what the persisted ledger names: an operator that dies after IAM has
// created finds its own provider again, and a deletion knows what to look for.
func (r *Reconciler) createProvider(ctx context.Context, s *scope, iam awsiam.SAMLProviders, metadata string) status.Finding {
	if s.recorded == nil || s.recorded.State != v1alpha1.AccountCreating {
		s.markDrift(r.Clock(), []v1alpha1.Difference{{Field: "providerARN", Wanted: s.arn}})
		s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn, State: v1alpha1.AccountCreating, Drift: s.unrepaired()}
		return s.found(recorded, "Creating IAM SAML provider "+s.arn)
	}
	ctrl.LoggerFrom(ctx).Info("Creating IAM SAML provider", "arn", s.arn)
	if err := iam.Create(ctx, s.arn, metadata, s.owner.Tags()); err != nil {
		if awsiam.KindOf(err) == awsiam.AlreadyExists {
			s.ledger.Drift = nil // nothing was missing: IAM does not show it yet
		}
		return s.syncFailed(ctx, err)
	}
	return s.markSynced(metadata, false, r.Clock())
}

// adoptProvider takes over what was offered. Its tags say so before anything else is written, so
// that neither a lost ledger nor a failure half-way leads to its deletion.
func (r *Reconciler) adoptProvider(ctx context.Context, s *scope, iam awsiam.SAMLProviders, held awsiam.SAMLProvider, metadata string) status.Finding {
	ctrl.LoggerFrom(ctx).Info("Adopting IAM SAML provider", "arn", s.arn)
	if err := writeTags(ctx, iam, s.arn, s.tags(true), held.Tags); err != nil {
		return s.syncFailed(ctx, err)
	}
	s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn, State: v1alpha1.AccountFailed, Adopted: true}
	s.tell(v1alpha1.ReasonAdopted, fmt.Sprintf("IAM SAML provider %s existed and was taken over, as its tags offered; it outlives this object unless spec.deletionPolicy is Delete", s.arn))
	if held.Metadata != metadata {
		if err := iam.Update(ctx, s.arn, metadata); err != nil {
			return s.syncFailed(ctx, err)
		}
	}
	return s.markSynced(metadata, true, r.Clock())
}

// repairProvider puts the tags and the metadata of this object's own provider right.
func (r *Reconciler) repairProvider(ctx context.Context, s *scope, iam awsiam.SAMLProviders, held awsiam.SAMLProvider, metadata string) status.Finding {
	adopted := adoptedBy(held.Tags) || s.recorded != nil && s.recorded.Adopted
	tags := s.tags(adopted)
	if s.recorded != nil && s.recorded.MetadataHash == hashOf(metadata) {
		s.markDrift(r.Clock(), differences(metadata, tags, held))
	}
	if err := writeTags(ctx, iam, s.arn, tags, held.Tags); err != nil {
		return s.syncFailed(ctx, err)
	}
	if held.Metadata != metadata {
		ctrl.LoggerFrom(ctx).Info("Updating IAM SAML provider", "arn", s.arn)
		if err := iam.Update(ctx, s.arn, metadata); err != nil {
			return s.syncFailed(ctx, err)
		}
	}
	return s.markSynced(metadata, adopted, r.Clock())
}

// markSynced writes down that IAM holds the metadata, and with it the active key. Drift that was
// there is repaired now.
func (s *scope) markSynced(metadata string, adopted bool, now time.Time) status.Finding {
	seen := metav1.NewTime(now)
	entry := &v1alpha1.AccountStatus{
		ID:           s.account.ID,
		ProviderARN:  s.arn,
		State:        v1alpha1.AccountSynced,
		ActiveKey:    s.activeKey(),
		MetadataHash: hashOf(metadata),
		LastSyncTime: &seen,
		Adopted:      adopted,
	}
	if s.ledger != nil {
		entry.Drift = s.ledger.Drift
	}
	s.ledger = entry
	if d := s.unrepaired(); d != nil {
		d.Repaired = true
		s.tell(v1alpha1.ReasonDriftRepaired, fmt.Sprintf("IAM SAML provider %s differed from what it was given and was put right: %s", s.arn, status.Describe(d.Differences)))
	}
	return s.found(synced, "IAM holds the metadata of "+s.arn)
}

// markFailed keeps an entry that says Creating: the provider still may or may not exist.
func (s *scope) markFailed() {
	if s.ledger != nil && s.ledger.State != v1alpha1.AccountCreating {
		s.ledger.State = v1alpha1.AccountFailed
	}
}

func (s *scope) syncFailed(ctx context.Context, err error) status.Finding {
	s.markFailed()
	return s.failed(ctx, err)
}

// failed says in words how a call to IAM failed. The request ID goes to the log alone: it would
// make each condition another one.
func (s *scope) failed(ctx context.Context, err error) status.Finding {
	log := ctrl.LoggerFrom(ctx)
	var e *awsiam.Error
	if !errors.As(err, &e) {
		log.Info("Calling IAM failed", "error", err.Error())
		return s.found(unavailable, err.Error())
	}
	log.Info("Calling IAM failed", "operation", e.Operation, "kind", e.Kind, "code", e.Code, "requestID", e.RequestID)
	message := e.Error()
	if e.Kind == awsiam.Denied {
		message = fmt.Sprintf("The operator's AWS identity lacks %s: allow it in the identity's policy. %s", e.Action, e.Message)
	}
	return s.found(outcomeOfKind[e.Kind], message)
}

func notOwnedMessage(s *scope) string {
	return fmt.Sprintf("IAM SAML provider %s exists and does not carry the tags %s=%s and %s=%s, so it is another's and is left alone: "+
		"delete it in IAM if nobody needs it; or give it the tag %s=%s there and set spec.adoption to IfTagged; or set another spec.accounts[0].providerName in a new SAMLProvider",
		s.arn, awsiam.TagClusterUID, s.owner.ClusterUID, awsiam.TagObjectUID, s.owner.ObjectUID, awsiam.TagAdopt, s.owner)
}

func hashOf(metadata string) string {
	sum := sha256.Sum256([]byte(metadata))
	return hex.EncodeToString(sum[:])
}
