package samlprovider

import (
	"k8s.io/apimachinery/pkg/types"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/controllers/status"
)

// account is one AWS account in a reconciliation. What is done in one is seen by no other, so that
// all can be asked at once.
type account struct {
	*scope
	// spec of the account; of a former one, which spec.accounts no longer lists, what the ledger kept
	// of it.
	spec   v1alpha1.Account
	former bool
	// arn of the IAM provider.
	arn string

	// ledger is the entry that status will have; nil when nothing stands in IAM. It starts as what was
	// persisted, and recorded stays that.
	ledger, recorded *v1alpha1.AccountStatus
	// shown is the persisted entry, also of an account in which nothing was begun.
	shown *v1alpha1.AccountStatus
	// settled is set when nothing in the account keeps the object, or the entry, any more.
	settled bool

	// finding is how the account was left, err the failure of the Kubernetes API that kept it from that.
	finding status.Finding
	err     error
	changes []status.Change
}

// accountKey names an account of an object.
type accountKey struct {
	uid types.UID
	id  string
}

func (a *account) key() accountKey { return accountKey{a.provider.UID, a.spec.ID} }

func newAccount(s *scope, spec v1alpha1.Account, arn string) *account {
	a := &account{scope: s, spec: spec, arn: arn}
	for i := range s.provider.Status.Accounts {
		if e := &s.provider.Status.Accounts[i]; e.ID == spec.ID {
			a.shown = e.DeepCopy()
			if e.ProviderARN != "" {
				a.recorded, a.ledger = e.DeepCopy(), e.DeepCopy()
			}
		}
	}
	if a.comesBack() {
		a.recorded.MetadataHash, a.ledger.MetadataHash = "", ""
	}
	return a
}

// comesBack tells of an account that is listed again while it was about to be left: what the operator
// itself has deleted there has not drifted.
func (a *account) comesBack() bool {
	return a.recorded != nil && a.recorded.State == v1alpha1.AccountDeleting && a.provider.DeletionTimestamp.IsZero()
}

func newFormerAccount(s *scope, spec v1alpha1.Account) *account {
	a := newAccount(s, spec, "")
	a.former, a.arn = true, a.shown.ProviderARN
	a.recorded, a.ledger = a.shown.DeepCopy(), a.shown.DeepCopy()
	return a
}

// tell has an event sent of something done in AWS.
func (a *account) tell(reason, note string) {
	a.changes = append(a.changes, status.Change{Reason: reason, Note: note})
}

// maxAccountMessage is the API's bound on what an entry of the ledger says.
const maxAccountMessage = 1024

// entry is what status says of the account; nil for nothing.
func (a *account) entry() *v1alpha1.AccountStatus {
	if a.finding.Condition == "" {
		return a.shown // nobody asked
	}
	e := a.ledger
	if e == nil {
		if a.settled {
			return nil
		}
		e = &v1alpha1.AccountStatus{ID: a.spec.ID}
		if failed(a.finding) {
			e.State = v1alpha1.AccountFailed
		}
	}
	e.Reason, e.Message = a.finding.Reason, status.Shorten(a.finding.Message, maxAccountMessage)
	if !a.former {
		e.LastSpec = a.spec.LastSpec()
	}
	return e
}

func failed(f status.Finding) bool {
	return f.Progress == status.Retrying || f.Progress == status.Stalled
}
