package awsfake

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
)

// garbage is the body of a proxy that answers for AWS.
const garbage = "upstream connect error or disconnect/reset before headers <\x00"

// spoil does to an answer what the call's fault asks.
func (c *call) spoil(a *answer) {
	switch c.damage {
	case FaultReset:
		*a = answer{}
	case FaultGarbage:
		*a = answer{status: http.StatusOK, body: []byte(garbage), header: http.Header{"Content-Type": {"text/plain"}}}
	case FaultTruncate:
		a.body = a.body[:len(a.body)/2]
	default:
		return
	}
	if a.header != nil {
		a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
}

// send writes the answer, or resets the connection where the answer has no status.
func (c *call) send(w http.ResponseWriter, r *http.Request, a answer) {
	if a.status == 0 {
		reset(w)
		return
	}
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	header.Set("Date", c.now.UTC().Format(http.TimeFormat))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that has gone away is no concern of the server
	}
}

// reset makes the client read "connection reset by peer": closed without
// lingering, TCP sends RST.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the server resets the stream
	}
	plain := connection
	if encrypted, ok := connection.(*tls.Conn); ok {
		plain = encrypted.NetConn()
	}
	if tcp, ok := plain.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is closed already is as good
	}
	_ = plain.Close()
}
