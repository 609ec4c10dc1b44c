package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Administrator is a person at a machine outside the cluster: the binary that `make build` wrote,
// KUBECONFIG, and the AWS credentials of the account's root user.
type Administrator struct {
	binary, proxy string
	credentials   []string
}

// Administrator returns one whose calls to AWSEndpoint reach the stand-in until the context ends.
func (c *Cluster) Administrator(ctx context.Context) (*Administrator, error) {
	binary := filepath.Join(Root(), "dist", "attache")
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("no binary is built: run `make build`: %w", err)
	}
	secret, err := c.adminKey(ctx)
	if err != nil {
		return nil, err
	}
	api, err := c.HTTPClient(ctx, awsNamespace, "awsfake", 80, nil)
	if err != nil {
		return nil, err
	}
	proxy, err := forwardProxy(ctx, api.Transport)
	if err != nil {
		return nil, err
	}
	return &Administrator{binary: binary, proxy: proxy, credentials: []string{
		"AWS_ACCESS_KEY_ID=" + string(secret.Data["AWSFAKE_ADMIN_ACCESS_KEY_ID"]),
		"AWS_SECRET_ACCESS_KEY=" + string(secret.Data["AWSFAKE_ADMIN_SECRET_ACCESS_KEY"]),
	}}, nil
}

// Attache runs the binary and returns all that it printed, and its exit code.
func (x *Administrator) Attache(ctx context.Context, args ...string) (printed string, code int, err error) {
	cmd := exec.CommandContext(ctx, x.binary, args...)
	cmd.Env = append(os.Environ(), x.credentials...)
	cmd.Env = append(cmd.Env, "HTTP_PROXY="+x.proxy)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode(), nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("attache %s: %w", strings.Join(args, " "), err)
	}
	return string(out), 0, nil
}

// forwardProxy listens on this machine for requests that name a whole URL, as HTTP_PROXY has
// clients do, and sends each through the transport.
func forwardProxy(ctx context.Context, transport http.RoundTripper) (url string, err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{
		Handler:           &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: transport},
		ReadHeaderTimeout: time.Minute,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
	return "http://" + listener.Addr().String(), nil
}
