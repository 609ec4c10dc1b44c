package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp/authn"
	"attache.dev/attache/idp/delegation"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/internal/audit"
	"attache.dev/attache/internal/metrics"
)

// Options of a Server. All are required but the last two.
type Options struct {
	// Provider is the name of the SAMLProvider to serve.
	Provider string
	// Namespace of the operator, where the Secret of the keys is.
	Namespace string
	// Kubernetes reaches the API server.
	Kubernetes *rest.Config
	// Listener takes TLS connections, OpsListener plain ones from probes and Prometheus.
	Listener, OpsListener net.Listener
	// TLSDir holds tls.crt and tls.key. They are read again when they change.
	TLSDir string
	Logger *slog.Logger
	// DrainDelay is how long the server still takes connections after it has stopped being ready:
	// the time that the endpoints of a Service need to change.
	DrainDelay time.Duration
	// DrainTimeout is how long requests that are under way may then take.
	DrainTimeout time.Duration
}

// Server serves one IdP.
type Server struct {
	Options
	cluster  *cluster
	cache    cache.Cache
	certs    *certwatcher.CertWatcher
	main     *http.Server
	ops      *http.Server
	draining atomic.Bool
}

// New connects the parts of an IdP and starts none of them.
func New(ctx context.Context, o Options) (*Server, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("register the API: %w", err)
	}
	s := &Server{Options: o, cluster: newCluster(o.Provider, o.Namespace, o.Logger)}
	var err error
	if s.cache, err = s.cluster.watch(ctx, o.Kubernetes, scheme); err != nil {
		return nil, err
	}
	if s.certs, err = certwatcher.New(filepath.Join(o.TLSDir, "tls.crt"), filepath.Join(o.TLSDir, "tls.key")); err != nil {
		return nil, fmt.Errorf("read the serving certificate: %w", err)
	}
	counted := metrics.NewIdP()
	door, err := s.door(counted)
	if err != nil {
		return nil, err
	}
	doors := http.NewServeMux()
	doors.Handle("/delegation", door)
	doors.Handle("GET /saml/metadata", metadata(s.cluster.State, o.Logger))
	s.main = s.httpServer(doors)
	s.main.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certs.GetCertificate}

	ops := http.NewServeMux()
	ops.HandleFunc("GET /healthz", healthz)
	ops.HandleFunc("GET /readyz", readyz(s.notReady))
	ops.Handle("GET /metrics", counted.Handler())
	s.ops = s.httpServer(ops)
	return s, nil
}

func (s *Server) door(counted *metrics.IdP) (http.Handler, error) {
	kubernetes, err := authenticationv1.NewForConfig(s.Kubernetes)
	if err != nil {
		return nil, fmt.Errorf("build a client for TokenReviews: %w", err)
	}
	authenticator, err := authn.NewTokenReviewer(authn.Options{Reviews: kubernetes.TokenReviews()})
	if err != nil {
		return nil, err
	}
	exchanger, err := exchange.New(exchange.Options{Observe: exchange.Observer{
		Answered: func(source exchange.Source) { counted.Answered(string(source)) },
		Called:   counted.CalledSTS,
	}})
	if err != nil {
		return nil, err
	}
	return delegation.New(delegation.Options{
		Provider:      s.Provider,
		State:         s.cluster.State,
		Authenticator: authenticator,
		Mappings:      s.cluster.mappings,
		Exchanger:     exchanger,
		Audit:         audit.New(s.Logger),
		Logger:        s.Logger,
		Observe:       counted.Delegation,
	})
}

// httpServer bounds what a client can hold: a request is small, and its answer takes one question
// to the API server and one to STS.
func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           recovered(h, s.Logger),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelWarn),
	}
}

// notReady returns why requests should go elsewhere, or nothing.
func (s *Server) notReady() string {
	if s.draining.Load() {
		return "shutting down"
	}
	return s.cluster.notReady()
}

// Run serves until the context ends, and then drains: readiness fails first, requests that still
// come are served for DrainDelay, and those under way get DrainTimeout to end. It returns nil after
// an orderly stop.
func (s *Server) Run(ctx context.Context) error {
	// What requests need outlives the signal to stop.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, failed := errgroup.WithContext(inner)
	group.Go(func() error { return s.cache.Start(inner) })
	group.Go(func() error { return s.certs.Start(inner) })
	group.Go(func() error { return ignoreClosed(s.main.ServeTLS(s.Listener, "", "")) })
	group.Go(func() error { return ignoreClosed(s.ops.Serve(s.OpsListener)) })
	group.Go(func() error {
		defer stop()
		select {
		case <-failed.Done():
			return errors.Join(s.main.Close(), s.ops.Close())
		case <-ctx.Done():
			return s.drain()
		}
	})
	s.Logger.InfoContext(ctx, "Serving", "provider", s.Provider, "address", s.Listener.Addr().String(), "opsAddress", s.OpsListener.Addr().String())
	return group.Wait()
}

func (s *Server) drain() error {
	s.Logger.Info("Draining", "delay", s.DrainDelay, "timeout", s.DrainTimeout)
	s.draining.Store(true)
	s.main.SetKeepAlivesEnabled(false) // clients that come back find another replica
	<-time.After(s.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), s.DrainTimeout)
	defer cancel()
	if err := s.main.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s: %w", s.DrainTimeout, err), s.main.Close(), s.ops.Close())
	}
	return s.ops.Close()
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
