package samlprovider

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/controllers/ssa"
	"attache.dev/attache/controllers/status"
	"attache.dev/attache/idp/deploy"
)

// +kubebuilder:rbac:groups="",namespace=attache-system,resources=serviceaccounts;services,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,namespace=attache-system,resources=deployments,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=policy,namespace=attache-system,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,namespace=attache-system,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles;clusterrolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=attache-idp,verbs=bind

// reconcileWorkload applies what serves the identity provider and tells whether it serves.
func (r *Reconciler) reconcileWorkload(ctx context.Context, s *scope) (status.Finding, error) {
	var failures []error
	for _, o := range deploy.Objects(deploy.Input{
		Provider:        s.provider,
		Namespace:       s.namespace,
		Image:           r.Image,
		ImagePullPolicy: r.ImagePullPolicy,
	}) {
		if err := r.Applier.Apply(ctx, s.provider, o); err != nil {
			failures = append(failures, err)
		}
	}
	if err := errors.Join(failures...); errors.Is(err, ssa.ErrLeftover) {
		return s.found(leftover, "Waiting for the garbage collector: "+err.Error()), nil
	} else if err != nil {
		return status.Finding{}, err
	}
	d := &appsv1.Deployment{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: deploy.Name(s.provider.Name)}, d)
	if client.IgnoreNotFound(err) != nil {
		return status.Finding{}, err
	}
	return serving(d, s), nil // an empty Deployment, where the cache has none yet, serves nothing
}

// serving tells how far a Deployment is.
func serving(d *appsv1.Deployment, s *scope) status.Finding {
	name := fmt.Sprintf("Deployment %s/%s", s.namespace, deploy.Name(s.provider.Name))
	wanted, ready := s.provider.Replicas(), d.Status.AvailableReplicas
	switch {
	case ready == 0:
		return s.found(notServing, fmt.Sprintf("No pod of %s is ready: see kubectl -n %s describe pods -l %s=%s",
			name, s.namespace, deploy.LabelProvider, s.provider.Name))
	case d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < wanted || ready < wanted || d.Status.Replicas > wanted:
		return s.found(rollingOut, fmt.Sprintf("%d of %d pods of %s are ready, %d are of the current spec",
			ready, wanted, name, d.Status.UpdatedReplicas))
	default:
		return s.found(available, fmt.Sprintf("All %d pods of %s are ready", wanted, name))
	}
}
