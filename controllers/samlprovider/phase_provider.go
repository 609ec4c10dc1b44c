package samlprovider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/assertion"
)

// trustFor is how long IAM is taken to hold what it was last seen to hold. It is shorter than any
// delay that Recheck leads to, so that the requeue finds it over.
const trustFor = Recheck * 8 / 10

// reconcileProvider has IAM hold the current metadata under this object's name.
func (r *Reconciler) reconcileProvider(ctx context.Context, s *scope) (status.Finding, error) {
	if len(s.keys) == 0 {
		return found(keyAwaited, "Waiting for the signing key"), nil
	}
	if s.recorded != nil && s.recorded.ProviderARN != s.arn {
		return found(invalid, fmt.Sprintf("spec.accounts[0].region now is in another partition, where the provider would be %s instead of %s: change it back, or create another SAMLProvider", s.arn, s.recorded.ProviderARN)), nil
	}
	document, err := assertion.Metadata(s.provider.Spec.Issuer, s.certificates())
	if err != nil {
		return found(invalid, err.Error()), nil
	}
	metadata := string(document)
	// An operator that has just started looks for itself once: what changed in IAM while nobody
	// watched is put right by a restart, not an hour later.
	if left := trustLeft(s.recorded, s.activeKey(), hashOf(metadata), r.Clock()); left > 0 && r.attempts.hasSucceeded(s.provider.UID) {
		f := found(synced, syncedMessage(s.arn))
		f.RequeueAfter += left - Recheck
		return f, nil
	}
	return r.attempts.do(s, "sync "+hashOf(metadata), r.Clock, func() status.Finding {
		return r.syncProvider(ctx, s, metadata)
	}), nil
}

// trustLeft is how much longer the ledger's word is taken for what IAM holds; zero or less if it
// says something else.
func trustLeft(entry *v1alpha1.AccountStatus, key, hash string, now time.Time) time.Duration {
	if entry == nil || entry.State != v1alpha1.AccountSynced || entry.ActiveKey != key ||
		entry.MetadataHash != hash || entry.LastSyncTime == nil {
		return 0
	}
	if age := now.Sub(entry.LastSyncTime.Time); age < trustFor {
		return Recheck - age
	}
	return 0
}

func (r *Reconciler) syncProvider(ctx context.Context, s *scope, metadata string) status.Finding {
	iam := r.IAM(s.account)
	held, err := iam.Get(ctx, s.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return r.createProvider(ctx, s, iam, metadata)
	case err != nil:
		return r.syncFailed(ctx, s, err)
	case !s.owner.Owns(held.Tags):
		s.markFailed()
		return found(notOwned, notOwnedMessage(s))
	case held.Metadata != metadata:
		ctrl.LoggerFrom(ctx).Info("Updating IAM SAML provider", "arn", s.arn)
		if err := iam.Update(ctx, s.arn, metadata); err != nil {
			return r.syncFailed(ctx, s, err)
		}
	}
	return s.markSynced(metadata, r.Clock())
}

// createProvider creates only what the persisted ledger names: an operator that dies after IAM has
// created finds its own provider again, and a deletion knows what to look for.
func (r *Reconciler) createProvider(ctx context.Context, s *scope, iam awsiam.SAMLProviders, metadata string) status.Finding {
	if s.recorded == nil || s.recorded.State != v1alpha1.AccountCreating {
		s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn, State: v1alpha1.AccountCreating}
		return found(recorded, fmt.Sprintf("Creating IAM SAML provider %s", s.arn))
	}
	ctrl.LoggerFrom(ctx).Info("Creating IAM SAML provider", "arn", s.arn)
	if err := iam.Create(ctx, s.arn, metadata, s.owner.Tags()); err != nil {
		return r.syncFailed(ctx, s, err)
	}
	return s.markSynced(metadata, r.Clock())
}

func (r *Reconciler) syncFailed(ctx context.Context, s *scope, err error) status.Finding {
	s.markFailed()
	return failed(ctx, err)
}

// failed says in words how a call to IAM failed. The request ID goes to the log alone: it would
// make each condition another one.
func failed(ctx context.Context, err error) status.Finding {
	log := ctrl.LoggerFrom(ctx)
	var e *awsiam.Error
	if !errors.As(err, &e) {
		log.Info("Calling IAM failed", "error", err.Error())
		return found(unavailable, err.Error())
	}
	log.Info("Calling IAM failed", "operation", e.Operation, "kind", e.Kind, "code", e.Code, "requestID", e.RequestID)
	message := e.Error()
	if e.Kind == awsiam.Denied {
		message = fmt.Sprintf("The operator's AWS identity lacks %s: allow it in the identity's policy. %s", e.Action, e.Message)
	}
	return found(outcomeOfKind[e.Kind], message)
}

// markSynced writes down that IAM holds the metadata, and with it the active key.
func (s *scope) markSynced(metadata string, now time.Time) status.Finding {
	seen := metav1.NewTime(now)
	s.ledger = &v1alpha1.AccountStatus{
		ID:           s.account.ID,
		ProviderARN:  s.arn,
		State:        v1alpha1.AccountSynced,
		ActiveKey:    s.activeKey(),
		MetadataHash: hashOf(metadata),
		LastSyncTime: &seen,
	}
	return found(synced, syncedMessage(s.arn))
}

// markFailed keeps an entry that says Creating: the provider still may or may not exist.
func (s *scope) markFailed() {
	if s.ledger != nil && s.ledger.State == v1alpha1.AccountSynced {
		s.ledger.State = v1alpha1.AccountFailed
	}
}

func syncedMessage(arn string) string { return fmt.Sprintf("IAM holds the metadata of %s", arn) }

func notOwnedMessage(s *scope) string {
	return fmt.Sprintf("IAM SAML provider %s exists and does not carry the tags %s=%s and %s=%s, so it is another's and is left alone: "+
		"delete it in IAM if nobody needs it, or set another spec.accounts[0].providerName in a new SAMLProvider",
		s.arn, awsiam.TagClusterUID, s.owner.ClusterUID, awsiam.TagObjectUID, s.owner.ObjectUID)
}

func hashOf(metadata string) string {
	sum := sha256.Sum256([]byte(metadata))
	return hex.EncodeToString(sum[:])
}
