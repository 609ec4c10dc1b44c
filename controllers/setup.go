// Package controllers puts the operator's controllers together: what they share, and the caches
// they read from.
package controllers

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/controllers/cabundle"
	"attache.dev/attache/controllers/drift"
	"attache.dev/attache/controllers/identity"
	"attache.dev/attache/controllers/rolemapping"
	"attache.dev/attache/controllers/samlprovider"
	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
	"attache.dev/attache/internal/metrics"
)

// reporter is the operator's name in events.
const reporter = "attache-operator"

// Options of the controllers.
type Options struct {
	// Namespace of the operator, in which the identity providers run.
	Namespace string
	// Image and ImagePullPolicy of the identity providers' pods.
	Image           string
	ImagePullPolicy corev1.PullPolicy
	// ClusterUID is the UID of the kube-system namespace: the cluster's name in AWS tags.
	ClusterUID string
	// IAM returns the calls for an account.
	IAM func(v1alpha1.Account) awsiam.API
	// Clock tells the time.
	Clock func() time.Time
	// Metrics of the operator's work go to Registry. Both may be nil for none.
	Metrics  *metrics.Operator
	Registry prometheus.Registerer
}

// Setup registers every controller with a manager whose cache was made with Cache.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	writer := status.Writer{Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder(reporter)}
	if err := o.setUpProviders(mgr, writer); err != nil {
		return err
	}
	if err := o.setUpMappings(ctx, mgr, writer); err != nil {
		return err
	}
	if o.Registry != nil {
		if err := o.Registry.Register(metrics.Resources{Count: standing{cache: mgr.GetClient(), elected: mgr.Elected()}.count}); err != nil {
			return fmt.Errorf("register the metrics of the objects: %w", err)
		}
	}
	authority := &cabundle.AuthorityReconciler{Client: mgr.GetClient(), Namespace: o.Namespace, Clock: o.Clock}
	if err := authority.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the CA controller: %w", err)
	}
	own := &identity.Reconciler{Client: mgr.GetClient(), Namespace: o.Namespace, ClusterUID: o.ClusterUID, Clock: o.Clock}
	if err := own.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the controller of the operator's identity: %w", err)
	}
	bundle := &cabundle.BundleReconciler{Client: mgr.GetClient(), Namespace: o.Namespace}
	if err := bundle.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the CA bundle controller: %w", err)
	}
	return nil
}

// SetupDeletion registers what takes objects that are being deleted out of AWS, and leaves out what
// serves those that live. No living SAMLProvider should be there: it would be brought about.
func SetupDeletion(ctx context.Context, mgr ctrl.Manager, o Options) error {
	writer := status.Writer{Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder(reporter)}
	if err := o.setUpProviders(mgr, writer); err != nil {
		return err
	}
	return o.setUpMappings(ctx, mgr, writer)
}

func (o Options) setUpProviders(mgr ctrl.Manager, writer status.Writer) error {
	provider := &samlprovider.Reconciler{
		Client:          mgr.GetClient(),
		Live:            mgr.GetAPIReader(),
		Status:          writer,
		IAM:             o.IAM,
		ClusterUID:      o.ClusterUID,
		Namespace:       o.Namespace,
		Image:           o.Image,
		ImagePullPolicy: o.ImagePullPolicy,
		Clock:           o.Clock,
		Applier:         &ssa.Applier{Client: mgr.GetClient(), Label: deploy.LabelProvider, Cached: samlprovider.Cached},
		Drifted:         func(repaired bool) { o.Metrics.Drifted("SAMLProvider", repaired) },
	}
	if err := provider.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the SAMLProvider controller: %w", err)
	}
	return nil
}

// setUpMappings registers the controller of the RoleMappings and the one that calls for those whose
// role has changed.
func (o Options) setUpMappings(ctx context.Context, mgr ctrl.Manager, writer status.Writer) error {
	snapshots := &snapshot.Store{Clock: o.Clock}
	changed := make(chan event.GenericEvent)
	mapping := &rolemapping.Reconciler{
		Client:     mgr.GetClient(),
		Status:     writer,
		IAM:        o.IAM,
		Snapshots:  snapshots,
		Changed:    changed,
		Drifted:    func(repaired bool) { o.Metrics.Drifted("RoleMapping", repaired) },
		ClusterUID: o.ClusterUID,
		Clock:      o.Clock,
	}
	if err := mapping.SetupWithManager(ctx, mgr); err != nil {
		return fmt.Errorf("set up the RoleMapping controller: %w", err)
	}
	watch := &drift.Reconciler{
		Client:    mgr.GetClient(),
		IAM:       o.IAM,
		Snapshots: snapshots,
		Mappings:  mapping,
		Changed:   changed,
		Taken: func(took time.Duration, calls int, err error) {
			o.Metrics.TookSnapshot(took, calls, awsiam.OutcomeOf(err))
		},
		Clock: o.Clock,
	}
	if err := watch.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the drift controller: %w", err)
	}
	return nil
}

// Cache confines what the operator keeps in memory, and may read, to its own objects: those of its
// namespace, cluster-wide ones with the provider's label, and the CA bundles. Namespaces are kept as
// metadata alone, because allow may select them by their labels.
func Cache(namespace string) cache.Options {
	own := cache.ByObject{Namespaces: map[string]cache.Config{namespace: {}}}
	ofProviders := cache.ByObject{Label: labels.NewSelector().Add(exists(deploy.LabelProvider))}
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&corev1.Secret{}:                own,
		&corev1.Service{}:               own,
		&corev1.ServiceAccount{}:        own,
		&appsv1.Deployment{}:            own,
		&policyv1.PodDisruptionBudget{}: own,
		&rbacv1.Role{}:                  own,
		&rbacv1.RoleBinding{}:           own,
		&rbacv1.ClusterRole{}:           ofProviders,
		&rbacv1.ClusterRoleBinding{}:    ofProviders,
		&corev1.ConfigMap{}:             {Field: fields.OneTermEqualSelector("metadata.name", cabundle.Name)},
	}}
}

func exists(label string) labels.Requirement {
	requirement, err := labels.NewRequirement(label, selection.Exists, nil)
	if err != nil {
		panic(err) // the label is a constant of this program
	}
	return *requirement
}
