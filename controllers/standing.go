package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/internal/metrics"
)

// standing counts the objects of the cache by how they stand. A replica that does not lead counts
// none: the sum over replicas is the number of objects.
type standing struct {
	cache   client.Reader
	elected <-chan struct{}
}

func (s standing) count() map[metrics.Standing]int {
	counts := map[metrics.Standing]int{}
	select {
	case <-s.elected:
	default:
		return counts
	}
	add := func(kind string, conditions []metav1.Condition) {
		is := metrics.Standing{Kind: kind, Ready: string(metav1.ConditionUnknown)}
		if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
			is.Ready, is.Reason = string(c.Status), c.Reason
		}
		counts[is]++
	}
	ctx := context.Background() // a collector gets none, and the cache answers at once
	providers, mappings := &v1alpha1.SAMLProviderList{}, &v1alpha1.RoleMappingList{}
	if err := s.cache.List(ctx, providers, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.Log.Error(err, "Listing SAMLProviders failed")
	}
	for i := range providers.Items {
		add("SAMLProvider", providers.Items[i].Status.Conditions)
	}
	if err := s.cache.List(ctx, mappings, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.Log.Error(err, "Listing RoleMappings failed")
	}
	for i := range mappings.Items {
		add("RoleMapping", mappings.Items[i].Status.Conditions)
	}
	return counts
}
