package rolemapping

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/test/awsfake"
)

// ways leads to each outcome of the table. Outcomes that AWS decides are brought about by awsfake's
// faults, through the real client.
var ways = map[outcome]struct {
	name     string
	provider *v1alpha1.SAMLProvider
	mapping  *v1alpha1.RoleMapping
	others   []client.Object
	// arrange is what happens before the last reconciliation; nil for the first one.
	arrange func(*world)
	says    string
}{
	accepted: {
		name: "a mapping that is allowed", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.makeRole("/", "reports-uploader", goodTrust, nil) },
		says:    `SAMLProvider "corp" allows this mapping`,
	},
	providerNotFound: {
		name: "a provider that does not exist", mapping: newMapping(),
		says: `SAMLProvider "corp" does not exist: create it`,
	},
	providerDeleting: {
		name: "a provider that goes away", mapping: newMapping(), provider: newProvider(func(p *v1alpha1.SAMLProvider) {
			p.DeletionTimestamp, p.Finalizers = ptr.To(metav1.Now()), []string{"attache.dev/provider"}
		}),
		says: "is being deleted",
	},
	stopped: {
		name: "an emergency stop", provider: newProvider(), mapping: newMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Deny = true }),
		says: "spec.deny",
	},
	notAllowed: {
		name: "a role that no pattern matches", provider: newProvider(), mapping: newMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.ARN = "arn:aws:iam::111122223333:role/admin"
		}),
		says: "arn:aws:iam::111122223333:role/admin",
	},
	accountNotListed: {
		name: "a role of another account", provider: newProvider(), mapping: newMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.ARN = "arn:aws:iam::444455556666:role/reports-x"
		}),
		says: "444455556666",
	},
	partitionMismatch: {
		name: "a role of another partition", provider: newProvider(), mapping: newMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.ARN = "arn:aws-cn:iam::111122223333:role/reports-x"
		}),
		says: "aws-cn",
	},
	tooManyRoles: {
		name: "an older mapping with the only role", mapping: newMapping(managed),
		provider: newProvider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow[0].Managed.MaxRoles = ptr.To[int32](1) }),
		others: []client.Object{newMapping(managed, func(m *v1alpha1.RoleMapping) {
			m.Name, m.UID = "first", "0b0b0b0b-0000-4000-8000-000000000002"
			m.CreationTimestamp.Time = m.CreationTimestamp.Add(-time.Hour)
		})},
		says: "maxRoles",
	},
	providerReady: {
		name: "a mapping with nothing amiss", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.makeRole("/", "reports-uploader", goodTrust, nil) },
		says:    "Everything that the spec asks for is in place",
	},
	providerNotReady: {
		name: "a provider without a ready pod", mapping: newMapping(), provider: newProvider(func(p *v1alpha1.SAMLProvider) {
			setWorkload(p, metav1.ConditionFalse, v1alpha1.ReasonWorkloadUnavailable)
		}),
		arrange: func(w *world) { w.makeRole("/", "reports-uploader", goodTrust, nil) },
		says:    "No pod of SAMLProvider",
	},
	finalizerSet: {
		name: "a managed role that is there", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.settle() },
		says:    "Everything that the spec asks for is in place",
	},

	synced: {
		name: "a managed role that was just made", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.reconcile() },
		says:    "IAM holds " + managedARN,
	},
	recorded: {
		name: "a managed role that is about to be made", provider: newProvider(), mapping: newMapping(managed),
		says: "Creating IAM role " + managedARN,
	},
	invalidPolicy: {
		name: "a policy that is no JSON", provider: newProvider(), mapping: newMapping(managed, func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.Managed.InlinePolicies[0].Document = `{"Version":`
		}),
		says: "inlinePolicies[s3]",
	},
	notOwned: {
		name: "a role of somebody else", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.makeRole("/reports/", managedName, otherTrust, nil); w.reconcile() },
		says:    "is left alone",
	},
	offered: {
		name: "a role of a former mapping of the same name", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) {
			w.makeRole("/reports/", managedName, otherTrust, awsiam.Owner{ClusterUID: clusterUID, ObjectUID: "former", Namespace: "reports", Name: "uploader"}.Tags())
			w.reconcile()
		},
		says: "set spec.adoption: IfTagged to take it over",
	},
	awaitingPublication: {
		name: "an Observed account without the role", provider: newProvider(observed), mapping: newMapping(managed),
		says: "change in IAM: role none -> " + managedARN,
	},
	drifted: {
		name: "an Observed account whose role changed", provider: newProvider(observed), mapping: newMapping(managed, plain),
		arrange: func(w *world) {
			publish(w)
			w.settle()
			_, err := w.root.UpdateRole(w.t.Context(), &iam.UpdateRoleInput{RoleName: aws.String(managedName), Description: aws.String("mine"), MaxSessionDuration: aws.Int32(7200)})
			w.must(err)
			w.now = w.now.Add(time.Hour)
		},
		says: "description mine -> Uploads reports",
	},
	throttled: {
		name: "IAM throttles", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle}), says: "GetRole: Throttling: Rate exceeded",
	},
	conflict: {
		name: "IAM is busy", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultFail, Status: 409, Code: "ConcurrentModification", Message: "busy"}), says: "ConcurrentModification",
	},
	denied: {
		name: "IAM denies a call", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultDeny}), says: "lacks iam:CreateRole",
	},
	invalid: {
		name: "IAM does not take the input", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultFail, Status: 400, Code: "MalformedPolicyDocument", Message: "Syntax errors in policy."}), says: "Syntax errors in policy.",
	},
	missing: {
		name: "a policy that does not exist", provider: newProvider(), mapping: newMapping(managed, func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.Managed.Policies = []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/NoSuchPolicy"}
		}),
		arrange: func(w *world) { w.reconcile() }, says: "NoSuchPolicy",
	},
	quotaExceeded: {
		name: "a quota is used up", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultFail, Status: 409, Code: "LimitExceeded", Message: "Cannot exceed quota for RolesPerAccount: 1000"}), says: "RolesPerAccount",
	},
	unavailable: {
		name: "IAM cannot be reached", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultReset}), says: "could not be reached",
	},
	noCredentials: {
		name: "IAM does not know the credentials", provider: newProvider(), mapping: newMapping(managed),
		arrange: before(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 403, Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."}), says: "security token",
	},

	trustVerified: {
		name: "a trust policy that admits the provider", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.makeRole("/", "reports-uploader", goodTrust, nil) },
		says:    "lets this mapping's subjects in",
	},
	trustInsufficient: {
		name: "a trust policy that does not", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.makeRole("/", "reports-uploader", otherTrust, nil) },
		says:    "no statement admits " + providerARN,
	},
	roleNotFound: {
		name: "an existing role that does not exist", provider: newProvider(), mapping: newMapping(),
		says: "IAM has no role " + existingARN,
	},
	trustNotVerifiable: {
		name: "a role that may not be read", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny}) },
		says:    "lacks iam:GetRole",
	},
	trustThrottled: {
		name: "IAM throttles the look at a role", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle}) },
		says:    "Rate exceeded",
	},
	trustUnavailable: {
		name: "the answer about a role is garbage", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) { w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultGarbage}) },
		says:    "could not be reached",
	},
	trustNoCredentials: {
		name: "nobody may ask for a role", provider: newProvider(), mapping: newMapping(),
		arrange: func(w *world) {
			w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 403, Code: "ExpiredToken", Message: "expired"})
		},
		says: "ExpiredToken",
	},

	deletionNoted: {
		name: "a deletion", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.settle(); w.delete() }, says: "Deleting IAM role " + managedARN,
	},
	absenceDoubted: {
		name: "a deletion right after the creation, which IAM does not show yet", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) {
			w.settle()
			w.delete()
			w.reconcile()
			w.fault(awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 404, Code: "NoSuchEntity", Message: "cannot be found", Count: 1})
		},
		says: "not just about to",
	},
	deletionBlocked: {
		name: "a role in an instance profile", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.settle(); holdInProfile(w); w.delete(); w.reconcile() }, says: "instance profile workers",
	},
	accessLost: {
		name: "a deletion after the provider's", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.settle(); deleteProvider(w); w.delete() }, says: "set spec.deletionPolicy: Retain",
	},
	finalizerKept: {
		name: "a deletion that is not through", provider: newProvider(), mapping: newMapping(managed),
		arrange: func(w *world) { w.settle(); w.delete() }, says: "Deleting IAM role " + managedARN,
	},
}

func observed(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Management = v1alpha1.ManagementObserved }

// plain leaves a managed role with what IAM makes in one call.
func plain(m *v1alpha1.RoleMapping) {
	r := m.Spec.Role.Managed
	r.Policies, r.InlinePolicies, r.PermissionsBoundary = nil, nil, ""
}

// before makes a fault meet the reconciliation that follows the one that writes the ledger.
func before(f awsfake.Fault) func(*world) {
	return func(w *world) { w.reconcile(); w.fault(f) }
}

// publish makes the role of a plain mapping as Terraform would.
func publish(w *world) {
	w.t.Helper()
	s, err := w.reconciler.newScope(w.t.Context(), w.mapping())
	w.must(err)
	s.accept()
	w.must(w.api.Roles().Create(w.t.Context(), s.want))
}

func holdInProfile(w *world) {
	w.t.Helper()
	_, err := w.root.CreateInstanceProfile(w.t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("workers")})
	w.must(err)
	_, err = w.root.AddRoleToInstanceProfile(w.t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("workers"), RoleName: aws.String(managedName)})
	w.must(err)
}

func deleteProvider(w *world) {
	w.t.Helper()
	w.must(w.client.Delete(w.t.Context(), &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: "corp"}}))
}

func TestEveryOutcomeHasItsConditionEventAndRequeue(t *testing.T) {
	for name, row := range outcomes {
		if name == roleGone {
			continue // the object is gone with it: TestAManagedRoleGoesWithItsMapping
		}
		way, ok := ways[name]
		if !ok {
			t.Errorf("no way leads to %s", name)
			continue
		}
		t.Run(string(name)+" is "+way.name, func(t *testing.T) {
			g := NewWithT(t)
			objects := append([]client.Object{way.mapping.DeepCopy()}, way.others...)
			if way.provider != nil {
				objects = append(objects, way.provider.DeepCopy())
			}
			w := newWorld(t, objects...)
			if way.arrange != nil {
				way.arrange(w)
			}
			result := w.reconcile()

			c := w.condition(row.Condition)
			g.Expect(c.Status).To(Equal(stateOf(row.Progress)))
			g.Expect(c.Reason).To(Equal(row.Reason))
			g.Expect(c.Message).To(ContainSubstring(way.says))
			g.Expect(c.ObservedGeneration).To(Equal(w.mapping().Generation))
			expectSummary(g, w, row)

			kind := corev1.EventTypeNormal
			if slices.Contains([]status.Progress{status.Retrying, status.Stalled, status.Halted}, row.Progress) {
				kind = corev1.EventTypeWarning
			}
			g.Expect(w.events()).To(ContainElement(HavePrefix(kind + " " + row.Reason + " ")))

			retry := row.Within(v1alpha1.DefaultInterval).Retry
			if retry == status.Never {
				g.Expect(result.RequeueAfter).To(Or(BeZero(), BeNumerically(">", time.Second/2-time.Second/10)))
				return
			}
			g.Expect(result.RequeueAfter).To(BeNumerically("~", retry.First, retry.First/10+time.Millisecond))
		})
	}
}

func stateOf(p status.Progress) metav1.ConditionStatus {
	switch p {
	case status.Done:
		return metav1.ConditionTrue
	case status.Unknown:
		return metav1.ConditionUnknown
	default:
		return metav1.ConditionFalse
	}
}

// expectSummary holds what kstatus reads against the outcome.
func expectSummary(g *WithT, w *world, row status.Outcome) {
	ready := w.condition(v1alpha1.ConditionReady)
	switch row.Progress {
	case status.Retrying, status.Working:
		g.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		g.Expect(w.condition(v1alpha1.ConditionReconciling).Reason).To(Equal(row.Reason))
	case status.Stalled:
		g.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(row.Reason))
		g.Expect(w.mapping().Status.ObservedGeneration).To(Equal(w.mapping().Generation))
	case status.Halted:
		g.Expect(ready.Reason).To(Equal(row.Reason))
		g.Expect(w.condition(v1alpha1.ConditionStalled)).To(BeZero())
		g.Expect(w.condition(v1alpha1.ConditionReconciling)).To(BeZero())
	case status.Unknown:
		g.Expect(ready.Status).To(Equal(metav1.ConditionTrue), "what cannot be known keeps nothing from being Ready")
	}
}

func TestTheTableIsWhole(t *testing.T) {
	g := NewWithT(t)
	conditions := []string{v1alpha1.ConditionReady, v1alpha1.ConditionAccepted, v1alpha1.ConditionRoleSynced, v1alpha1.ConditionTrustPolicyVerified}
	for name, row := range outcomes {
		g.Expect(row.Meaning).NotTo(BeEmpty(), string(name))
		g.Expect(conditions).To(ContainElement(row.Condition), string(name))
		g.Expect(row.Reason).NotTo(BeEmpty(), string(name))
		if row.Progress == status.Retrying && row.Condition != v1alpha1.ConditionAccepted {
			g.Expect(row.Retry).NotTo(Equal(status.Never), "%s would never be tried again", name)
		}
	}
	for _, kind := range []awsiam.Kind{
		awsiam.Throttled, awsiam.Conflict, awsiam.Denied, awsiam.NotFound, awsiam.AlreadyExists, awsiam.Invalid,
		awsiam.QuotaExceeded, awsiam.DeleteConflict, awsiam.Unavailable, awsiam.NoCredentials,
	} {
		g.Expect(outcomes).To(HaveKey(outcomeOfKind[kind]), string(kind))
		g.Expect(outcomes).To(HaveKey(outcomeOfTrustKind[kind]), string(kind))
		g.Expect(strings.HasPrefix(string(outcomeOfTrustKind[kind]), "Trust") || kind == awsiam.NotFound).To(BeTrue())
	}
}
