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
func (r *Reconciler) observeProvider(ctx context.Context, a *account) status.Finding {
	held, err := r.IAM(a.spec).Providers().Get(ctx, a.arn)
	if err != nil && awsiam.KindOf(err) == awsiam.NotFound {
		return a.awaitPublication(r.Clock(), "create IAM SAML provider "+a.arn, v1alpha1.Difference{Field: "providerARN", Wanted: a.arn})
	}
	if err != nil {
		return a.syncFailed(ctx, err)
	}
	found, err := metadata.Parse(held.Metadata)
	differ := a.wanted().Differences(found) // with everything, if it could not be read
	if err != nil || found.EntityID != a.provider.Spec.Issuer || !found.Trusts(a.activeKey()) {
		return a.awaitPublication(r.Clock(), fmt.Sprintf("replace the metadata of IAM SAML provider %s (%s)", a.arn, status.Describe(differ)), differ...)
	}
	return a.markPublished(held.Metadata, differ, r.Clock())
}

// wanted is what the published metadata must say.
func (a *account) wanted() metadata.Document {
	d := metadata.Document{EntityID: a.provider.Spec.Issuer}
	for _, k := range a.keys {
		d.Keys = append(d.Keys, k.ID)
	}
	slices.Sort(d.Keys)
	return d
}

// awaitPublication says what a person or Terraform has to do. IAM does not trust the active key, so
// the ledger names none.
func (a *account) awaitPublication(now time.Time, todo string, differ ...v1alpha1.Difference) status.Finding {
	if a.ledger == nil {
		a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn}
	}
	a.markDrift(now, differ)
	a.ledger.State, a.ledger.ActiveKey = v1alpha1.AccountAwaitingPublication, ""
	return a.found(awaitingPublication, fmt.Sprintf("Account %s is Observed, so nothing is written there: %s with the metadata that %s serves",
		a.spec.ID, todo, deploy.MetadataURL(a.provider.Name, a.namespace)))
}

// markPublished writes down that IAM trusts the active key. What else IAM holds that the spec does
// not want, such as the key of somebody else, is told and left to those who manage the account.
func (a *account) markPublished(held string, differ []v1alpha1.Difference, now time.Time) status.Finding {
	seen := metav1.NewTime(now)
	entry := &v1alpha1.AccountStatus{
		ID:           a.spec.ID,
		ProviderARN:  a.arn,
		State:        v1alpha1.AccountSynced,
		ActiveKey:    a.activeKey(),
		MetadataHash: hashOf(held),
		LastSyncTime: &seen,
	}
	if a.ledger != nil {
		entry.Drift = a.ledger.Drift
	}
	a.ledger = entry
	a.markDrift(now, differ)
	if len(differ) > 0 {
		return a.found(drifted, fmt.Sprintf("IAM SAML provider %s trusts the active key and differs otherwise, which is left to those who manage account %s: %s",
			a.arn, a.spec.ID, status.Describe(differ)))
	}
	return a.found(synced, "IAM holds the metadata of "+a.arn)
}
