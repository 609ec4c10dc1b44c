package samlprovider

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/metadata"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
)

// observeProvider looks whether somebody has published what this provider signs with, and writes
// nothing to IAM.
func (r *Reconciler) observeProvider(ctx context.Context, s *scope) status.Finding {
	held, err := r.IAM(s.account).Providers().Get(ctx, s.arn)
	if err != nil && awsiam.KindOf(err) == awsiam.NotFound {
		return s.awaitPublication(r.Clock(), "create IAM SAML provider "+s.arn, v1alpha1.Difference{Field: "providerARN", Wanted: s.arn})
	}
	if err != nil {
		return s.syncFailed(ctx, err)
	}
	found, err := metadata.Parse(held.Metadata)
	differ := s.wanted().Differences(found) // with everything, if it could not be read
	if err != nil || found.EntityID != s.provider.Spec.Issuer || !found.Trusts(s.activeKey()) {
		return s.awaitPublication(r.Clock(), fmt.Sprintf("replace the metadata of IAM SAML provider %s (%s)", s.arn, status.Describe(differ)), differ...)
	}
	return s.markPublished(held.Metadata, differ, r.Clock())
}

// wanted is what the published metadata must say.
func (s *scope) wanted() metadata.Document {
	d := metadata.Document{EntityID: s.provider.Spec.Issuer}
	for _, k := range s.keys {
		d.Keys = append(d.Keys, k.ID)
	}
	slices.Sort(d.Keys)
	return d
}

// awaitPublication says what a person or Terraform has to do. IAM does not trust the active key, so
// the ledger names none.
func (s *scope) awaitPublication(now time.Time, todo string, differ ...v1alpha1.Difference) status.Finding {
	if s.ledger == nil {
		s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn}
	}
	s.markDrift(now, differ)
	s.ledger.State, s.ledger.ActiveKey = v1alpha1.AccountAwaitingPublication, ""
	return s.found(awaitingPublication, fmt.Sprintf("Account %s is Observed, so nothing is written there: %s with the metadata that %s serves",
		s.account.ID, todo, deploy.MetadataURL(s.provider.Name, s.namespace)))
}

// markPublished writes down that IAM trusts the active key. What else IAM holds that the spec does
// not want, such as the key of somebody else, is told and left to those who manage the account.
func (s *scope) markPublished(held string, differ []v1alpha1.Difference, now time.Time) status.Finding {
	seen := metav1.NewTime(now)
	entry := &v1alpha1.AccountStatus{
		ID:           s.account.ID,
		ProviderARN:  s.arn,
		State:        v1alpha1.AccountSynced,
		ActiveKey:    s.activeKey(),
		MetadataHash: hashOf(held),
		LastSyncTime: &seen,
	}
	if s.ledger != nil {
		entry.Drift = s.ledger.Drift
	}
	s.ledger = entry
	s.markDrift(now, differ)
	if len(differ) > 0 {
		return s.found(drifted, fmt.Sprintf("IAM SAML provider %s trusts the active key and differs otherwise, which is left to those who manage account %s: %s",
			s.arn, s.account.ID, status.Describe(differ)))
	}
	return s.found(synced, "IAM holds the metadata of "+s.arn)
}
