package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/access"
	"attache.dev/attache/controllers"
	"attache.dev/attache/internal/metrics"
)

// operatorOptions are the flags of `attache operator`.
type operatorOptions struct {
	namespace          string
	idpImage           string
	idpImagePullPolicy string
	leaderElect        bool
	metricsListen      string
	healthListen       string
}

func newOperatorCommand() *cobra.Command {
	o := operatorOptions{}
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Run the operator: bring SAMLProviders and RoleMappings about",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			config, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("find the Kubernetes API: %w", err)
			}
			klog.SetSlogLogger(newLogger())
			return o.run(cmd.Context(), config)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "", "namespace of the operator, in which the identity providers run (required)")
	f.StringVar(&o.idpImage, "idp-image", "", "image of the identity providers' pods: the operator's own (required)")
	f.StringVar(&o.idpImagePullPolicy, "idp-image-pull-policy", string(corev1.PullIfNotPresent), "pull policy of that image: Always, IfNotPresent or Never")
	f.BoolVar(&o.leaderElect, "leader-elect", false, "work only while holding the Lease, so that several replicas can run")
	f.StringVar(&o.metricsListen, "metrics-listen", ":8080", "address of the metrics, plain HTTP; 0 for none")
	f.StringVar(&o.healthListen, "health-listen", ":8081", "address of /healthz and /readyz, plain HTTP")
	return cmd
}

func (o operatorOptions) validate() error {
	switch {
	case o.namespace == "":
		return errors.New("--namespace is missing: name the namespace that the operator runs in")
	case o.idpImage == "":
		return errors.New("--idp-image is missing: name the image that the operator itself runs")
	}
	switch corev1.PullPolicy(o.idpImagePullPolicy) {
	case corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
		return nil
	}
	return fmt.Errorf("--idp-image-pull-policy is %q: write Always, IfNotPresent or Never", o.idpImagePullPolicy)
}

// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=attache-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=attache-system,resources=leases,resourceNames=attache-operator,verbs=get;update
// +kubebuilder:rbac:groups="",namespace=attache-system,resources=events,verbs=create;patch

// run brings the controllers up and returns when ctx ends or one of them cannot go on.
func (o operatorOptions) run(ctx context.Context, config *rest.Config) error {
	scheme, err := operatorScheme()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                  scheme,
		Cache:                   controllers.Cache(o.namespace),
		Metrics:                 metricsserver.Options{BindAddress: o.metricsListen},
		HealthProbeBindAddress:  o.healthListen,
		LeaderElection:          o.leaderElect,
		LeaderElectionID:        "attache-operator",
		LeaderElectionNamespace: o.namespace,
		// The process ends with the manager, so the next replica need not wait for the Lease.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := o.addControllers(ctx, mgr); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the manager: %w", err)
	}
	return nil
}

func (o operatorOptions) addControllers(ctx context.Context, mgr ctrl.Manager) error {
	clusterUID, err := readClusterUID(ctx, mgr.GetAPIReader())
	if err != nil {
		return err
	}
	base, err := access.LoadBase(ctx)
	if err != nil {
		return err
	}
	counts := metrics.NewOperator(ctrlmetrics.Registry)
	aws, err := newAccountAccess(base, mgr.GetClient(), o.namespace, clusterUID, counts)
	if err != nil {
		return err
	}
	return controllers.Setup(ctx, mgr, controllers.Options{
		Namespace:       o.namespace,
		Image:           o.idpImage,
		ImagePullPolicy: corev1.PullPolicy(o.idpImagePullPolicy),
		ClusterUID:      clusterUID,
		IAM:             aws.IAM,
		Clock:           time.Now,
		Metrics:         counts,
		Registry:        ctrlmetrics.Registry,
	})
}

// readClusterUID returns the UID of the kube-system namespace, which lives as long as the cluster.
func readClusterUID(ctx context.Context, reader client.Reader) (string, error) {
	system := &corev1.Namespace{}
	if err := reader.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return "", fmt.Errorf("read the cluster's UID from the kube-system namespace: %w", err)
	}
	return string(system.UID), nil
}

func operatorScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Kubernetes' kinds: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Attaché's kinds: %w", err)
	}
	return scheme, nil
}
