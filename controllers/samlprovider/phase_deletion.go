package samlprovider

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
)

// deleteProvider takes out of IAM what the ledger names. The entry goes when IAM confirms.
func (r *Reconciler) deleteProvider(ctx context.Context, s *scope) (status.Finding, error) {
	if s.recorded == nil {
		return r.adoptLost(ctx, s), nil
	}
	s.arn = s.recorded.ProviderARN
	if s.recorded.State != v1alpha1.AccountDeleting {
		return s.noteDeletion(), nil
	}
	return r.attempts.do(s, "delete", r.Clock, func() status.Finding { return r.delete(ctx, s) }), nil
}

// adoptLost looks once for a provider that IAM holds although the ledger has no entry, as after a
// restore of the object without its status. Without an entry nothing was ever asked of IAM, so
// that an operator that never reached IAM does not hold up the deletion.
func (r *Reconciler) adoptLost(ctx context.Context, s *scope) status.Finding {
	held, err := r.IAM(s.account).Get(ctx, s.arn)
	if err == nil && s.owner.Owns(held.Tags) {
		return s.noteDeletion()
	}
	return found(providerGone, "Nothing of this object stands in IAM")
}

func (s *scope) noteDeletion() status.Finding {
	if s.ledger == nil {
		s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn, MetadataHash: foundByTags}
	}
	s.ledger.State = v1alpha1.AccountDeleting
	return found(deletionNoted, "Deleting IAM SAML provider "+s.arn)
}

// foundByTags stands for the hash in an entry that was rebuilt from tags, whose metadata was not
// looked at.
const foundByTags = "unknown"

func (r *Reconciler) delete(ctx context.Context, s *scope) status.Finding {
	iam := r.IAM(s.account)
	held, err := iam.Get(ctx, s.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return s.gone()
	case err != nil:
		return failed(ctx, err)
	case !s.owner.Owns(held.Tags) && s.recorded.MetadataHash == "":
		// The entry never got beyond Creating, and IAM creates with tags in one step: this one was
		// made by somebody else.
		return s.gone()
	case !s.owner.Owns(held.Tags):
		return found(notOwned, notOwnedMessage(s))
	}
	ctrl.LoggerFrom(ctx).Info("Deleting IAM SAML provider", "arn", s.arn)
	if err := iam.Delete(ctx, s.arn); err != nil && awsiam.KindOf(err) != awsiam.NotFound {
		return failed(ctx, err)
	}
	return s.gone()
}

func (s *scope) gone() status.Finding {
	s.ledger = nil
	return found(providerGone, "IAM confirmed that "+s.arn+" is gone")
}
