package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/delegation"
)

// metadata serves the SAML metadata that IAM is given, byte by byte.
func metadata(state func() delegation.State, logger *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := state()
		if s.Provider == nil || len(s.Keys) == 0 {
			http.Error(w, "the metadata is not there yet: the provider has no signing key", http.StatusServiceUnavailable)
			return
		}
		certificates := make([]*x509.Certificate, len(s.Keys))
		for i, k := range s.Keys {
			certificates[i] = k.Certificate
		}
		document, err := assertion.Metadata(s.Provider.Spec.Issuer, certificates)
		if err != nil {
			logger.ErrorContext(r.Context(), "Could not build the metadata", "error", err)
			http.Error(w, "the metadata cannot be built; the log of the identity provider says why", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if _, err := w.Write(document); err != nil {
			logger.WarnContext(r.Context(), "Could not write the metadata", "error", err)
		}
	}
}

// healthz answers as long as the process does.
func healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyz says what is missing, if anything is.
func readyz(missing func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if m := missing(); m != "" {
			plain(w, http.StatusServiceUnavailable, m)
			return
		}
		plain(w, http.StatusOK, "ok")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // a prober that went away needs no answer
}

// recovered answers a request whose handler panicked, and keeps the process alive for the others.
func recovered(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause) // net/http's own way to drop a connection
			}
			logger.ErrorContext(r.Context(), "Recovered from a panic", "path", r.URL.Path, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintln(w, `{"error":"server_error","error_description":"something went wrong here; the log of the identity provider says what"}`)
		}()
		next.ServeHTTP(w, r)
	})
}
