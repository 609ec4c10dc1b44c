package cli

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/controllers"
	"attache.dev/attache/internal/uninstall"
)

// drainHere does the operator's part as well. Everything is deleted before the controllers start,
// so that nothing lives that they would go on bringing about.
func (o *uninstallOptions) drainHere(ctx context.Context, d *uninstall.Drain) error {
	d.Order = uninstall.AllAtOnce
	if err := d.Begin(ctx); err != nil {
		return err
	}
	operator, err := uninstall.Look(ctx, o.client, o.namespace)
	if err != nil {
		return err
	}
	mgr, err := o.manager(ctx, operator.CanHoldLease())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := mgr.Start(ctx)
		if err != nil {
			stop(fmt.Errorf("the controllers ended: %w", err))
		}
		ended <- err
	}()
	drained := d.Run(ctx)
	// A manager that is told to stop reports the loss of its Lease as an error.
	o.quiet.Store(true)
	stop(nil)
	if err := <-ended; drained == nil {
		return err
	}
	return drained
}

// manager holds the operator's Lease while it works, so that two never work at once. Where none can
// be made, no operator can start either: its namespace is gone or going.
func (o *uninstallOptions) manager(ctx context.Context, lease bool) (ctrl.Manager, error) {
	scheme, err := operatorScheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(o.config, ctrl.Options{
		Scheme:  scheme,
		Cache:   controllers.Cache(o.namespace),
		Metrics: metricsserver.Options{BindAddress: "0"},
		// Names tell controllers apart in metrics, of which there are none.
		Controller:                    config.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection:                lease,
		LeaderElectionID:              uninstall.OperatorName,
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	clusterUID, err := readClusterUID(ctx, o.client)
	if err != nil {
		return nil, err
	}
	base, err := access.LoadBase(ctx)
	if err != nil {
		return nil, err
	}
	aws, err := newAccountAccess(base, mgr.GetClient(), o.namespace, clusterUID, nil)
	if err != nil {
		return nil, err
	}
	aws.only = access.Ambient{Holder: "this shell"}
	return mgr, controllers.SetupDeletion(ctx, mgr, controllers.Options{
		Namespace:  o.namespace,
		ClusterUID: clusterUID,
		IAM:        aws.IAM,
		Clock:      time.Now,
	})
}
