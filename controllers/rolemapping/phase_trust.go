package rolemapping

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/controllers/status"
)

// verifyTrust tells whether the trust policy of an existing role lets the mapping's subjects in. A
// snapshot may say that all is well; for bad news the role itself is looked at.
func (r *Reconciler) verifyTrust(ctx context.Context, s *scope) (status.Finding, error) {
	what := fmt.Sprintf("%s for generation %d at %q", s.providerARN, s.mapping.Generation, s.requested())
	last, known := r.lastTrustLook(s, what)
	held, found, fresh := r.peek(s, s.roleARN, last.at)
	switch {
	case s.forced():
	case fresh && found && len(s.lacks(held)) == 0:
		return s.found(trustVerified, trustMessage(s.roleARN)), nil
	case fresh:
	case known:
		good := last.finding.Progress == status.Done
		if good && r.snapshotsFlow(s) || r.Clock().Sub(last.at) < trustFor(last.finding.Retry.First) {
			return last.finding, nil
		}
	}
	f := r.ask(s, trustUnavailable, func() status.Finding { return r.lookAtTrust(ctx, s) })
	r.looks.rememberTrust(s.mapping.UID, trustLook{what: what, finding: f, at: r.Clock()})
	return f, nil
}

// lastTrustLook is the last look that answers the same question. A process that has not looked yet
// takes a good word of the status, so that a restart does not ask for all roles at once.
func (r *Reconciler) lastTrustLook(s *scope, what string) (trustLook, bool) {
	if last, known := r.looks.ofTrust(s.mapping.UID, what); known {
		return last, true
	}
	c := meta.FindStatusCondition(s.mapping.Status.Conditions, v1alpha1.ConditionTrustPolicyVerified)
	if c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != s.mapping.Generation ||
		s.mapping.Status.ProviderARN != s.providerARN || r.looks.anyTrust(s.mapping.UID) {
		return trustLook{}, false
	}
	return trustLook{
		what:    what,
		finding: s.found(trustVerified, trustMessage(s.roleARN)),
		at:      r.looks.firstSeen(s.mapping.UID, r.Clock()),
	}, true
}

func (r *Reconciler) lookAtTrust(ctx context.Context, s *scope) status.Finding {
	held, err := r.IAM(s.account).Roles().GetTrust(ctx, role.Name(s.roleARN))
	switch {
	case isNotFound(err):
		return s.found(roleNotFound, fmt.Sprintf("IAM has no role %s: create it, or write the ARN of a role that exists in spec.role.arn", s.roleARN))
	case err != nil:
		return s.failed(ctx, outcomeOfTrustKind, err)
	case held.ARN != s.roleARN:
		return s.found(roleNotFound, fmt.Sprintf("IAM has no role %s; the one of that name is %s: write that in spec.role.arn", s.roleARN, held.ARN))
	}
	if missing := s.lacks(held); len(missing) > 0 {
		return s.found(trustInsufficient, fmt.Sprintf("The trust policy of %s does not let this mapping in: %s", s.roleARN, strings.Join(missing, "; ")))
	}
	return s.found(trustVerified, trustMessage(s.roleARN))
}

// lacks returns what keeps the role from serving the mapping. Grants of existing roles carry neither
// session tags nor a source identity.
func (s *scope) lacks(held role.Role) []string {
	return trust.Verify(held.TrustPolicy, held.MaxSessionDuration, trust.Need{
		ProviderARN: s.providerARN,
		Recipient:   partition.OfRegion(s.account.Region).ACS,
		Duration:    s.mapping.SessionDuration(),
	})
}

func trustMessage(arn string) string {
	return fmt.Sprintf("The trust policy of %s lets this mapping's subjects in", arn)
}
