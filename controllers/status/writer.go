package status

import (
	"cmp"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Writer writes status and tells of its changes.
type Writer struct {
	Client   client.Client
	Recorder events.EventRecorder
}

// SAMLProviderReport is what the phases found out about a SAMLProvider.
type SAMLProviderReport struct {
	Findings []Finding
	// Changes made in AWS, in their order.
	Changes []Change
	// Accounts is the ledger, in the order in which people read it.
	Accounts []v1alpha1.AccountStatus
	// Keys are the signing keys, newest first; nil leaves what the status says.
	Keys []v1alpha1.KeyStatus
	// Audience, MetadataURL and DelegationURL are the computed defaults.
	Audience, MetadataURL, DelegationURL string
	// LastHandledReconcileAt is the value of the annotation that was acted upon.
	LastHandledReconcileAt string
}

// SAMLProvider writes the status that follows from a report, if it is another one than before, and
// tells of the changes. An update that meets a newer object fails: the ledger must not be written
// on top of what was not read.
func (w Writer) SAMLProvider(ctx context.Context, p *v1alpha1.SAMLProvider, r SAMLProviderReport) error {
	w.Changed(p, r.Changes)
	before := p.DeepCopy()
	p.Status.ObservedGeneration = summarize(&p.Status.Conditions, p.Generation, p.Status.ObservedGeneration, r.Findings)
	p.Status.Accounts = r.Accounts
	if r.Keys != nil {
		p.Status.Keys = r.Keys
	}
	p.Status.Audience, p.Status.MetadataURL, p.Status.DelegationURL = r.Audience, r.MetadataURL, r.DelegationURL
	p.Status.LastHandledReconcileAt = r.LastHandledReconcileAt
	if equality.Semantic.DeepEqual(before.Status, p.Status) {
		return nil
	}
	return w.write(ctx, before, p, before.Status.Conditions, p.Status.Conditions, r.Findings)
}

// RoleMappingReport is what was found out about a RoleMapping.
type RoleMappingReport struct {
	Findings []Finding
	// Changes made in AWS, in their order.
	Changes []Change
	// RoleARN and ProviderARN of an accepted mapping; empty otherwise.
	RoleARN, ProviderARN string
	// Role is the ledger of the managed role; nil when nothing stands in AWS.
	Role *v1alpha1.RoleStatus
	// Drift that was found last; nil for none.
	Drift *v1alpha1.Drift
	// LastHandledReconcileAt is the value of the annotation that was acted upon.
	LastHandledReconcileAt string
}

// RoleMapping writes the status that follows from a report, if it is another one than before, and
// tells of the changes. Like SAMLProvider it fails when it meets a newer object.
func (w Writer) RoleMapping(ctx context.Context, m *v1alpha1.RoleMapping, r RoleMappingReport) error {
	w.Changed(m, r.Changes)
	before := m.DeepCopy()
	m.Status.ObservedGeneration = summarize(&m.Status.Conditions, m.Generation, m.Status.ObservedGeneration, r.Findings)
	m.Status.RoleARN, m.Status.ProviderARN = r.RoleARN, r.ProviderARN
	m.Status.Role, m.Status.Drift = r.Role, r.Drift
	m.Status.LastHandledReconcileAt = r.LastHandledReconcileAt
	if equality.Semantic.DeepEqual(before.Status, m.Status) {
		return nil
	}
	return w.write(ctx, before, m, before.Status.Conditions, m.Status.Conditions, r.Findings)
}

// Changed tells of changes. The writers of status call it; a controller does for an object whose
// status nobody will read any more.
func (w Writer) Changed(o client.Object, changes []Change) {
	for _, c := range changes {
		w.Recorder.Eventf(o, nil, corev1.EventTypeNormal, c.Reason, cmp.Or(c.Action, action), "%s", Shorten(c.Note, maxNote))
	}
}

func (w Writer) write(ctx context.Context, before, after client.Object, was, is []metav1.Condition, findings []Finding) error {
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := w.Client.Status().Patch(ctx, after, patch); err != nil {
		return fmt.Errorf("write the status: %w", err)
	}
	for _, e := range eventsOf(was, is, findings) {
		w.Recorder.Eventf(after, nil, e.kind, e.reason, action, "%s", e.note)
	}
	return nil
}

// Soonest returns when to reconcile again for all of the findings; zero leaves it to the watches.
func Soonest(findings []Finding) time.Duration {
	var soonest time.Duration
	for _, f := range findings {
		if f.RequeueAfter > 0 && (soonest == 0 || f.RequeueAfter < soonest) {
			soonest = f.RequeueAfter
		}
	}
	return soonest
}
