package idp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/server"
)

// door is a running IdP with a client that trusts it.
type door struct {
	world  *world
	client *http.Client
	url    string
	ops    string
	tlsDir string
	log    *lockedBuffer
	// stop ends the IdP as SIGTERM does; ended then receives what Run returned.
	stop  context.CancelFunc
	ended chan error
}

func open(t *testing.T, w *world, change ...func(*server.Options)) *door {
	t.Helper()
	d := &door{world: w, log: &lockedBuffer{}, ended: make(chan error, 1), tlsDir: t.TempDir()}
	d.client = d.certify(t)
	o := server.Options{
		Provider: w.provider.Name, Namespace: w.secret.Namespace, Kubernetes: env.Config,
		Listener: listen(t), OpsListener: listen(t), TLSDir: d.tlsDir,
		Logger:       slog.New(slog.NewJSONHandler(d.log, nil)),
		DrainTimeout: 10 * time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	d.url, d.ops = "https://"+o.Listener.Addr().String(), "http://"+o.OpsListener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	d.stop = stop
	s, err := server.New(ctx, o)
	must(t, err)
	go func() {
		d.ended <- s.Run(ctx)
		close(d.ended)
	}()
	t.Cleanup(func() {
		stop()
		for err := range d.ended {
			if err != nil {
				t.Errorf("the server ended with: %v", err)
			}
		}
	})
	NewWithT(t).Eventually(func() string { return d.get(t, d.ops+"/readyz") }).WithTimeout(20 * time.Second).Should(Equal("ok\n"))
	return d
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

// certify writes the certificate of net/http/httptest into the folder, and returns a client that
// trusts it.
func (d *door) certify(t *testing.T) *http.Client {
	t.Helper()
	donor := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(donor.Close)
	pair := donor.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	must(t, err)
	d.writePEM(t, "tls.key", "PRIVATE KEY", key)
	d.writePEM(t, "tls.crt", "CERTIFICATE", pair.Certificate[0])
	return donor.Client()
}

func (d *door) writePEM(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(d.tlsDir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (d *door) get(t *testing.T, address string) string {
	t.Helper()
	body, _, err := d.do(t.Context(), http.MethodGet, address, "", "")
	if err != nil {
		return err.Error()
	}
	return body
}

// answer of POST /delegation, whether it is a success or an error.
type answer struct {
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      time.Time
	}
	AssumedRoleUser  struct{ Arn string }
	ResponseMetadata struct {
		RequestID string `json:"RequestId"`
	}
	Error       string `json:"error"`
	Description string `json:"error_description"`

	status     int
	retryAfter string
}

// ask sends a form with the parameters changed as given.
func (d *door) ask(t *testing.T, token string, change ...string) answer {
	t.Helper()
	a, err := d.post(t.Context(), token, change...)
	must(t, err)
	return a
}

func (d *door) post(ctx context.Context, token string, change ...string) (answer, error) {
	form := url.Values{
		"client_id": {d.world.provider.Name}, "grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"id_token": {token}, "api_type": {"aws"},
	}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	body, response, err := d.do(ctx, http.MethodPost, d.url+"/delegation", "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
	err = json.Unmarshal([]byte(body), &a)
	return a, err
}

// do returns the answer with its body read.
func (d *door) do(ctx context.Context, method, address, contentType, body string) (string, *http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := d.client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return string(read), response, err
}

func (d *door) auditLines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(d.log.String()) {
		fields := map[string]any{}
		must(t, json.Unmarshal([]byte(line), &fields))
		if fields["logger"] == "audit" {
			lines = append(lines, fields)
		}
	}
	return lines
}

// peer returns the certificate that the server shows.
func (d *door) peer(t *testing.T) *x509.Certificate {
	t.Helper()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	c, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(d.url, "https://"))
	must(t, err)
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// lockedBuffer takes the log of many goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
