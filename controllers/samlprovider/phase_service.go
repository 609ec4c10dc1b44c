package samlprovider

import (
	"context"

	"attache.dev/attache/controllers/status"
)

// tellService tells of the emergency stop. The identity provider itself reads spec.deny, at once and
// without the operator.
func (r *Reconciler) tellService(_ context.Context, s *scope) (status.Finding, error) {
	if s.provider.Spec.Deny {
		return s.found(stopped, "spec.deny is set, so every delegation is refused: whoever may edit this SAMLProvider lifts it by setting spec.deny to false"), nil
	}
	return s.found(answering, "Delegations are answered"), nil
}
