package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

var getOptions = metav1.GetOptions{}

// Forward opens a port-forward to a ready pod behind a Service, and returns the local address. It
// ends with the context.
func (c *Cluster) Forward(ctx context.Context, namespace, service string, servicePort int32) (string, error) {
	pod, port, err := c.endpoint(ctx, namespace, service, servicePort)
	if err != nil {
		return "", err
	}
	request := c.Clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward")
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return "", fmt.Errorf("prepare a port-forward: %w", err)
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, request.URL())
	ready := make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, ctx.Done(), ready, io.Discard, io.Discard)
	if err != nil {
		return "", fmt.Errorf("prepare a port-forward: %w", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-failed:
		return "", fmt.Errorf("forward to %s/%s: %w", namespace, pod, err)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), nil
}

func (c *Cluster) endpoint(ctx context.Context, namespace, service string, servicePort int32) (pod string, port int32, err error) {
	svc, err := c.Clientset.CoreV1().Services(namespace).Get(ctx, service, getOptions)
	if err != nil {
		return "", 0, err
	}
	name, found := portName(svc, servicePort)
	if !found {
		return "", 0, fmt.Errorf("service %s/%s has no port %d", namespace, service, servicePort)
	}
	err = Await(ctx, time.Minute, fmt.Sprintf("a ready pod behind %s/%s", namespace, service), func(ctx context.Context) (bool, string, error) {
		slices, err := c.Clientset.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
		if err != nil {
			return false, err.Error(), nil
		}
		for _, slice := range slices.Items {
			for _, p := range slice.Ports {
				if p.Name == nil || *p.Name != name || p.Port == nil {
					continue
				}
				for _, e := range slice.Endpoints {
					if e.Conditions.Ready != nil && *e.Conditions.Ready && e.TargetRef != nil {
						pod, port = e.TargetRef.Name, *p.Port
						return true, "", nil
					}
				}
			}
		}
		return false, "no ready endpoint", nil
	})
	return pod, port, err
}

func portName(svc *corev1.Service, port int32) (string, bool) {
	for _, p := range svc.Spec.Ports {
		if p.Port == port {
			return p.Name, true
		}
	}
	return "", false
}

// HTTPClient returns a client whose connections go to the ready pods of a Service through
// port-forwards, while TLS still verifies the Service's own name against caBundle (PEM; nil for
// plain HTTP). A forward that broke, because its pod went away, is replaced.
func (c *Cluster) HTTPClient(ctx context.Context, namespace, service string, servicePort int32, caBundle []byte) (*http.Client, error) {
	transport := &http.Transport{ResponseHeaderTimeout: time.Minute}
	if caBundle != nil {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(caBundle) {
			return nil, errors.New("the CA bundle holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	var mu sync.Mutex
	var address string
	transport.DialContext = func(dialCtx context.Context, _, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		var d net.Dialer
		if address != "" {
			if conn, err := d.DialContext(dialCtx, "tcp", address); err == nil {
				return conn, nil
			}
		}
		fresh, err := c.Forward(ctx, namespace, service, servicePort)
		if err != nil {
			return nil, err
		}
		address = fresh
		return d.DialContext(dialCtx, "tcp", address)
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}
