package awsfake

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
)

// Paths of the control endpoint.
const (
	faultsPath = "/_awsfake/faults"
	callsPath  = "/_awsfake/calls"
)

// ControlHandler serves Control over HTTP, for a listener of its own. Every call
// carries the admin's secret access key as a bearer token.
func (s *Server) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+faultsPath, s.handleAddFault)
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
	mux.HandleFunc("DELETE "+callsPath, func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, nil, s.control.ClearCalls(r.Context()))
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

const maxFaultBody = 64 << 10

func (s *Server) handleAddFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		http.Error(w, "want a fault as JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.control.AddFault(r.Context(), f); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, value any, err error) {
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case value == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value) // a client that has gone away is no concern of the server
	}
}
