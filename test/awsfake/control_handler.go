package awsfake

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
)

// Paths of the control endpoint.
const (
	accountsPath   = "/_awsfake/accounts"
	faultsPath     = "/_awsfake/faults"
	callsPath      = "/_awsfake/calls"
	callCountsPath = "/_awsfake/calls/counts"
	settingsPath   = "/_awsfake/settings"
	seedPath       = "/_awsfake/seed"
	inventoryPath  = "/_awsfake/inventory"
)

// ControlHandler serves Control over HTTP, for a listener of its own. Every call
// carries the admin's secret access key as a bearer token.
func (s *Server) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+accountsPath, accept(s.control.AddAccount))
	mux.HandleFunc("GET "+accountsPath, func(w http.ResponseWriter, r *http.Request) {
		ids, err := s.control.Accounts(r.Context())
		writeJSON(w, ids, err)
	})
	mux.HandleFunc("POST "+faultsPath, accept(s.control.AddFault))
	mux.HandleFunc("GET "+faultsPath, func(w http.ResponseWriter, r *http.Request) {
		faults, err := s.control.Faults(r.Context())
		writeJSON(w, faults, err)
	})
	mux.HandleFunc("DELETE "+faultsPath, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, nil, s.control.ClearFaults(r.Context()))
	})
	mux.HandleFunc("GET "+callsPath, func(w http.ResponseWriter, r *http.Request) {
		calls, err := s.control.Calls(r.Context(), r.URL.Query().Get("operation"))
		writeJSON(w, calls, err)
	})
	mux.HandleFunc("GET "+callCountsPath, func(w http.ResponseWriter, r *http.Request) {
		counts, err := s.control.CallCounts(r.Context())
		writeJSON(w, counts, err)
	})
	mux.HandleFunc("DELETE "+callsPath, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, nil, s.control.ClearCalls(r.Context()))
	})
	mux.HandleFunc("PUT "+settingsPath, accept(s.control.Configure))
	mux.HandleFunc("GET "+settingsPath, func(w http.ResponseWriter, r *http.Request) {
		settings, err := s.control.Settings(r.Context())
		writeJSON(w, settings, err)
	})
	mux.HandleFunc("POST "+seedPath, accept(s.control.Seed))
	mux.HandleFunc("GET "+inventoryPath, func(w http.ResponseWriter, r *http.Request) {
		inventory, err := s.control.Inventory(r.Context(), r.URL.Query()["account"]...)
		writeJSON(w, inventory, err)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := []byte("Bearer " + s.secret)
		if s.secret == "" || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "want the admin's secret access key as a bearer token", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

const maxControlBody = 64 << 10

// accept reads a T as JSON and hands it on. An error is the sender's.
func accept[T any](take func(ctx context.Context, value T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var value T
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&value); err != nil {
			http.Error(w, "the body is not the JSON that this path takes: "+err.Error(), http.StatusBadRequest)
			return
		}
		if err := take(r.Context(), value); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// writeJSON answers what was read. An error is the sender's.
func writeJSON(w http.ResponseWriter, value any, err error) {
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case value == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value) // a client that has gone away is no concern of the server
	}
}
