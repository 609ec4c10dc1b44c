package samlprovider

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/keys"
)

// deleteProvider settles what stands in IAM: it takes out what the ledger names, or leaves IAM alone
// where the spec says so. The entry goes when IAM confirms.
func (r *Reconciler) deleteProvider(ctx context.Context, s *scope) (status.Finding, error) {
	if s.recorded != nil {
		s.arn = s.recorded.ProviderARN
	}
	users, err := r.users(ctx, s.provider.Name)
	switch {
	case err != nil:
		return status.Finding{}, err
	case len(users) > 0:
		return s.found(inUse, inUseMessage(users)), nil
	case s.retains():
		return s.retain(), nil
	case s.recorded == nil:
		return r.deleteUnrecorded(ctx, s)
	case s.recorded.State != v1alpha1.AccountDeleting:
		return s.noteDeletion(), nil
	}
	return r.attempts.Do(s.provider.UID, s.attempt("delete"), r.Clock, func() status.Finding { return r.delete(ctx, s) }), nil
}

// retains tells, from what was recorded, whether IAM is left as it is.
func (s *scope) retains() bool {
	return s.account.Observed() || s.provider.Retains(s.recorded != nil && s.recorded.Adopted)
}

// retain lets the object go without a call to IAM. It is told before it is done, because nobody
// reads the status of an object that is gone.
func (s *scope) retain() status.Finding {
	if told := meta.FindStatusCondition(s.provider.Status.Conditions, v1alpha1.ConditionProvidersSynced); told == nil || told.Reason != v1alpha1.ReasonRetained {
		return s.found(retained, s.retainedMessage())
	}
	return s.settle(s.retainedMessage())
}

func (s *scope) retainedMessage() string {
	switch {
	case s.account.Observed():
		return fmt.Sprintf("Account %s is Observed, so IAM SAML provider %s is left to those who manage it", s.account.ID, s.arn)
	case s.provider.Spec.DeletionPolicy == v1alpha1.DeletionRetain:
		return fmt.Sprintf("spec.deletionPolicy is Retain, so IAM SAML provider %s is left as it is", s.arn)
	}
	return fmt.Sprintf("IAM SAML provider %s was adopted, so it is left as it is", s.arn)
}

// deleteUnrecorded looks for a provider that IAM holds although the ledger has no entry, as after a
// restore of the object without its status. The key Secret is older than any call to IAM, so that
// without it nothing was ever begun, and no access to AWS is needed to say so.
func (r *Reconciler) deleteUnrecorded(ctx context.Context, s *scope) (status.Finding, error) {
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: keys.SecretName(s.provider.Name)}, &corev1.Secret{})
	if apierrors.IsNotFound(err) {
		return s.settle("Nothing of this object was ever asked of IAM"), nil
	}
	if err != nil {
		return status.Finding{}, fmt.Errorf("look for the key Secret: %w", err)
	}
	return r.attempts.Do(s.provider.UID, s.attempt("look up"), r.Clock, func() status.Finding {
		held, err := r.IAM(s.account).Providers().Get(ctx, s.arn)
		switch {
		case err != nil && awsiam.KindOf(err) != awsiam.NotFound:
			return s.deletionFailed(ctx, err)
		case err != nil || !s.owner.Owns(held.Tags):
			return s.settle("IAM holds nothing of this object")
		case s.provider.Retains(adoptedBy(held.Tags)):
			return s.retain()
		}
		return s.noteDeletion()
	}), nil
}

// noteDeletion has the ledger say so before IAM is asked.
func (s *scope) noteDeletion() status.Finding {
	if s.ledger == nil {
		s.ledger = &v1alpha1.AccountStatus{ID: s.account.ID, ProviderARN: s.arn, MetadataHash: foundByTags}
	}
	s.ledger.State = v1alpha1.AccountDeleting
	return s.found(deletionNoted, "Deleting IAM SAML provider "+s.arn)
}

// foundByTags stands for the hash in an entry that was rebuilt from tags, whose metadata was not
// looked at.
const foundByTags = "unknown"

func (r *Reconciler) delete(ctx context.Context, s *scope) status.Finding {
	iam := r.IAM(s.account).Providers()
	held, err := iam.Get(ctx, s.arn)
	switch {
	case err != nil && awsiam.KindOf(err) == awsiam.NotFound:
		return s.gone()
	case err != nil:
		return s.deletionFailed(ctx, err)
	case !s.owner.Owns(held.Tags) && s.recorded.MetadataHash == "":
		// The entry never got beyond Creating, and IAM creates with tags in one step: this one was
		// made by somebody else.
		return s.gone()
	case !s.owner.Owns(held.Tags):
		return s.found(notOwned, notOwnedMessage(s)+orRetain)
	case s.provider.Retains(adoptedBy(held.Tags)):
		return s.retain() // the ledger was lost before it could say that it was adopted
	}
	ctrl.LoggerFrom(ctx).Info("Deleting IAM SAML provider", "arn", s.arn)
	if err := iam.Delete(ctx, s.arn); err != nil && awsiam.KindOf(err) != awsiam.NotFound {
		return s.deletionFailed(ctx, err)
	}
	return s.gone()
}

// orRetain is the way out of a deletion that cannot reach IAM.
const orRetain = ". To let this object go and leave IAM as it is, set spec.deletionPolicy to Retain"

func (s *scope) deletionFailed(ctx context.Context, err error) status.Finding {
	f := s.failed(ctx, err)
	f.Message += orRetain
	return f
}

func (s *scope) gone() status.Finding {
	return s.settle("IAM confirmed that " + s.arn + " is gone")
}

// settle lets the keys and the object go as far as IAM is concerned.
func (s *scope) settle(message string) status.Finding {
	s.ledger, s.settled = nil, true
	return s.found(providerGone, message)
}
