// Package audit writes one line for every decision, allow and deny: who asked for what, what they
// got, and why. A line holds no token, assertion or secret.
package audit

import (
	"context"
	"log/slog"
	"time"

	"attache.dev/attache/idp"
)

// loggerKey and loggerName tell audit lines from all others in the log of a pod.
const (
	loggerKey  = "logger"
	loggerName = "audit"
)

// Decision is what happened to one request. Fields that were not reached stay zero.
type Decision struct {
	// Door by which the request came in, such as "delegation".
	Door string
	// Remote is the address that the request came from.
	Remote string
	// Subject who asks.
	Subject idp.Subject
	// WantedRole is the role that the request names, in the caller's words.
	WantedRole string
	// Grant is what mapping gave.
	Grant idp.Grant
	// Refusal is nil when credentials were given.
	Refusal *idp.Refusal
	// Expiration of the credentials that were given.
	Expiration time.Time
	// AWSRequestID is that of the STS call behind the answer. Cached credentials keep that of the
	// call that made them.
	AWSRequestID string
	// Cached reports that this request made no STS call.
	Cached bool
	// Duration of the request.
	Duration time.Duration
}

// Log writes decisions.
type Log struct{ logger *slog.Logger }

// New returns a Log that writes to the logger.
func New(logger *slog.Logger) *Log {
	return &Log{logger.With(loggerKey, loggerName)}
}

// Record writes one decision.
func (l *Log) Record(ctx context.Context, d Decision) {
	attrs := []slog.Attr{
		slog.String("door", d.Door),
		slog.String("remote", d.Remote),
		slog.Float64("durationSeconds", d.Duration.Seconds()),
	}
	attrs = appendNonEmpty(attrs, "wantedRole", d.WantedRole)
	if d.Subject.Name != "" {
		attrs = append(attrs, slog.String("subject", d.Subject.String()))
		attrs = appendNonEmpty(attrs, "pod", d.Subject.Pod.Name)
		attrs = appendNonEmpty(attrs, "podUID", d.Subject.Pod.UID)
		attrs = appendNonEmpty(attrs, "issuer", d.Subject.Issuer)
	}
	if d.Grant.Mapping != "" {
		attrs = append(attrs,
			slog.String("mapping", d.Grant.Mapping),
			slog.String("role", d.Grant.RoleARN),
			slog.String("provider", d.Grant.ProviderARN),
			slog.String("session", d.Grant.SessionName),
		)
	}
	if d.Refusal != nil {
		attrs = append(attrs,
			slog.String("outcome", "deny"),
			slog.String("reason", d.Refusal.Reason),
			slog.String("message", d.Refusal.Message),
		)
		attrs = appendNonEmpty(attrs, "awsRequestID", d.Refusal.AWSRequestID)
		l.logger.LogAttrs(ctx, slog.LevelInfo, "Refused credentials", attrs...)
		return
	}
	attrs = append(attrs,
		slog.String("outcome", "allow"),
		slog.Time("expiration", d.Expiration.UTC()),
		slog.Bool("cached", d.Cached),
	)
	attrs = appendNonEmpty(attrs, "awsRequestID", d.AWSRequestID)
	l.logger.LogAttrs(ctx, slog.LevelInfo, "Gave credentials", attrs...)
}

func appendNonEmpty(attrs []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(key, value))
}
