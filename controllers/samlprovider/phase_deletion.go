package samlprovider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/keys"
)

// deleteProvider settles what stands in IAM, in each account by itself.
func (r *Reconciler) deleteProvider(ctx context.Context, s *scope) (status.Finding, error) {
	byAccount, err := r.users(ctx, s.provider.Name)
	if err != nil {
		return status.Finding{}, err
	}
	if users := slices.Concat(slices.Collect(maps.Values(byAccount))...); len(users) > 0 {
		slices.Sort(users)
		return s.found(inUse, inUseMessage(users)), nil
	}
	f, err := r.inEachAccount(ctx, s, r.deleteInAccount)
	s.settled = err == nil && !slices.ContainsFunc(s.accounts, func(a *account) bool { return !a.settled })
	if s.settled && len(s.accounts) > 1 {
		f.Message = fmt.Sprintf("Nothing in IAM keeps this object in any of %d accounts", len(s.accounts))
	}
	return f, err
}

// deleteInAccount takes out what the ledger names, or leaves IAM alone where the spec says so. The
// entry says that IAM has confirmed until all accounts are through.
func (r *Reconciler) deleteInAccount(ctx context.Context, a *account) (status.Finding, error) {
	if a.recorded != nil {
		a.arn = a.recorded.ProviderARN
	}
	switch {
	case a.recorded != nil && a.recorded.State == v1alpha1.AccountDeleted:
		return a.settle(a.recorded.Message), nil
	case a.retains():
		return a.retain(), nil
	case a.recorded == nil:
		return r.deleteUnrecorded(ctx, a)
	}
	return r.deleteRecorded(ctx, a), nil
}

func (r *Reconciler) deleteRecorded(ctx context.Context, a *account) status.Finding {
	if a.recorded.State != v1alpha1.AccountDeleting {
		return a.noteDeletion()
	}
	return r.attempts.Do(a.key(), a.attempt("delete"), r.Clock, func() status.Finding { return r.delete(ctx, a) })
}

// leaveAccount takes out what stands in an account that the spec no longer lists. Roles that were made
// there go first, which is for their RoleMappings to do.
func (r *Reconciler) leaveAccount(ctx context.Context, a *account, users []string) status.Finding {
	switch {
	case len(users) > 0:
		return a.found(inUse, accountInUseMessage(a, users))
	case a.retains():
		return a.retain()
	}
	return r.deleteRecorded(ctx, a)
}

// retains tells, from what was recorded, whether IAM is left as it is.
func (a *account) retains() bool {
	return a.spec.Observed() || a.provider.Retains(a.recorded != nil && a.recorded.Adopted)
}

// retain lets the account go without a call to IAM. Where the object goes it is told before it is done,
// because nobody reads the status of an object that is gone.
func (a *account) retain() status.Finding {
	if a.former {
		a.tell(v1alpha1.ReasonRetained, a.retainedMessage())
		return a.settle(a.retainedMessage())
	}
	if a.recorded != nil && a.recorded.State == v1alpha1.AccountRetained {
		a.settled = true
		return a.found(providerGone, a.retainedMessage())
	}
	if a.ledger == nil {
		a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn}
	}
	a.ledger.State = v1alpha1.AccountRetained
	return a.found(retained, a.retainedMessage())
}

func (a *account) retainedMessage() string {
	switch {
	case a.spec.Observed():
		return fmt.Sprintf("Account %s is Observed, so IAM SAML provider %s is left to those who manage it", a.spec.ID, a.arn)
	case a.provider.Spec.DeletionPolicy == v1alpha1.DeletionRetain:
		return fmt.Sprintf("spec.deletionPolicy is Retain, so IAM SAML provider %s is left as it is", a.arn)
	}
	return fmt.Sprintf("IAM SAML provider %s was adopted, so it is left as it is", a.arn)
}

// deleteUnrecorded looks for a provider that IAM holds although the ledger has no entry, as after a
// restore of the object without its status. The key Secret is older than any call to IAM, so that
// without it nothing was ever begun, and no access to AWS is needed to say so.
func (r *Reconciler) deleteUnrecorded(ctx context.Context, a *account) (status.Finding, error) {
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: keys.SecretName(a.provider.Name)}, &corev1.Secret{})
	if apierrors.IsNotFound(err) {
		return a.settle("Nothing of this object was ever asked of IAM"), nil
	}
	if err != nil {
		return status.Finding{}, fmt.Errorf("look for the key Secret: %w", err)
	}
	return r.attempts.Do(a.key(), a.attempt("look up"), r.Clock, func() status.Finding {
		held, err := r.IAM(a.spec).Providers().Get(ctx, a.arn)
		switch {
		case err != nil && awsiam.KindOf(err) != awsiam.NotFound:
			return a.deletionFailed(ctx, err)
		case err != nil || !a.owner.Owns(held.Tags):
			return a.settle("IAM holds nothing of this object")
		}
		f := a.noteDeletion()
		a.ledger.Adopted = adoptedBy(held.Tags)
		return f
	}), nil
}

// noteDeletion has the ledger say so before IAM is asked.
func (a *account) noteDeletion() status.Finding {
	if a.ledger == nil {
		a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn, MetadataHash: foundByTags}
	}
	a.ledger.State = v1alpha1.AccountDeleting
	return a.found(deletionNoted, "Deleting IAM SAML provider "+a.arn)
}

// foundByTags stands for the hash in an entry that was rebuilt from tags, whose metadata was not
// looked at.
const foundByTags = "unknown"

func (r *Reconciler) delete(ctx context.Context, a *account) status.Finding {
	iam := r.IAM(a.spec).Providers()
	held, err := iam.Get(ctx, a.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return a.gone()
	case err != nil:
		return a.deletionFailed(ctx, err)
	case !a.owner.Owns(held.Tags) && a.recorded.MetadataHash == "":
		// The entry never got beyond Creating, and IAM creates with tags in one step: this one was
		// made by somebody else.
		return a.gone()
	case !a.owner.Owns(held.Tags):
		return a.found(notOwned, notOwnedMessage(a)+a.orRetain())
	case a.provider.Retains(adoptedBy(held.Tags)):
		a.ledger.Adopted = true // the ledger was lost before it could say so
		return a.retain()
	}
	ctrl.LoggerFrom(ctx).Info("Deleting IAM SAML provider", "arn", a.arn)
	if err := iam.Delete(ctx, a.arn); err != nil && awsiam.KindOf(err) != awsiam.NotFound {
		return a.deletionFailed(ctx, err)
	}
	if a.former {
		a.tell(v1alpha1.ReasonDeleting, fmt.Sprintf("Deleted IAM SAML provider %s, as spec.accounts no longer lists account %s", a.arn, a.spec))
	}
	return a.gone()
}

// orRetain is the way out of a deletion that cannot reach IAM.
func (a *account) orRetain() string {
	if a.former {
		return fmt.Sprintf(". To leave account %s as it is, set spec.deletionPolicy to Retain until it is let go; or put it back in spec.accounts", a.spec)
	}
	return ". To let this object go and leave IAM as it is, set spec.deletionPolicy to Retain"
}

func (a *account) deletionFailed(ctx context.Context, err error) status.Finding {
	f := a.failed(ctx, err)
	f.Message += a.orRetain()
	return f
}

func (a *account) gone() status.Finding {
	return a.settle("IAM confirmed that " + a.arn + " is gone")
}

// settle lets the object go as far as this account is concerned. The entry of a former account goes;
// where the object goes it stays, and says so to the reconciliations that other accounts need.
func (a *account) settle(message string) status.Finding {
	a.settled = true
	if a.provider.DeletionTimestamp.IsZero() {
		a.ledger = nil
	} else {
		if a.ledger == nil {
			a.ledger = &v1alpha1.AccountStatus{ID: a.spec.ID, ProviderARN: a.arn}
		}
		a.ledger.State, a.ledger.ActiveKey = v1alpha1.AccountDeleted, ""
	}
	return a.found(providerGone, message)
}
