package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp/delegation"
)

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	g := NewWithT(t)
	var log bytes.Buffer
	got := get(recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }), slog.New(slog.NewJSONHandler(&log, nil))))
	g.Expect(got.Code).To(Equal(http.StatusInternalServerError))
	g.Expect(got.Header().Get("Content-Type")).To(Equal("application/json"))
	g.Expect(got.Body).To(MatchJSON(`{"error":"server_error","error_description":"something went wrong here; the log of the identity provider says what"}`))
	g.Expect(log.String()).To(And(ContainSubstring(`"panic":"boom"`), ContainSubstring("handlers_test.go")))
}

func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	h := recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), slog.New(slog.DiscardHandler))
	NewWithT(t).Expect(func() { get(h) }).To(PanicWith(http.ErrAbortHandler))
}

func TestReadinessSaysWhatIsMissing(t *testing.T) {
	g := NewWithT(t)
	missing := "the caches are not synced yet"
	h := readyz(func() string { return missing })
	got := get(h)
	g.Expect(got.Code).To(Equal(http.StatusServiceUnavailable))
	g.Expect(got.Body.String()).To(Equal("the caches are not synced yet\n"))
	missing = ""
	g.Expect(get(h).Code).To(Equal(http.StatusOK))
	g.Expect(get(http.HandlerFunc(healthz)).Code).To(Equal(http.StatusOK))
}

func TestMetadataWaitsForTheProvider(t *testing.T) {
	got := get(metadata(func() delegation.State { return delegation.State{} }, slog.New(slog.DiscardHandler)))
	NewWithT(t).Expect(got.Code).To(Equal(http.StatusServiceUnavailable))
}
