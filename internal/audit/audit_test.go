package audit

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
)

func TestRecord(t *testing.T) {
	subject := idp.Subject{
		Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader",
		Pod: idp.Pod{Name: "uploader-x2x4p", UID: "6c1b"}, Issuer: "https://kubernetes.default.svc",
	}
	grant := idp.Grant{
		Mapping: "reports/uploader", RoleARN: "arn:aws:iam::111122223333:role/u",
		ProviderARN: "arn:aws:iam::111122223333:saml-provider/corp", SessionName: "uploader-x2x4p",
	}
	for _, tt := range []struct {
		name     string
		decision Decision
		want     string
	}{
		{
			name: "an allowed request tells who got what",
			decision: Decision{
				Door: "delegation", Remote: "10.0.0.7:4711", Subject: subject, Grant: grant,
				Expiration: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), AWSRequestID: "c6104cbe", Cached: true, Duration: time.Millisecond,
			},
			want: `{"level":"INFO","msg":"Gave credentials","logger":"audit","door":"delegation","remote":"10.0.0.7:4711","durationSeconds":0.001,
				"subject":"system:serviceaccount:reports:uploader","pod":"uploader-x2x4p","podUID":"6c1b","issuer":"https://kubernetes.default.svc",
				"mapping":"reports/uploader","role":"arn:aws:iam::111122223333:role/u","provider":"arn:aws:iam::111122223333:saml-provider/corp",
				"session":"uploader-x2x4p","outcome":"allow","expiration":"2026-11-23T10:00:00Z","cached":true,"awsRequestID":"c6104cbe"}`,
		},
		{
			name: "a refused request tells why, and its cause stays out",
			decision: Decision{
				Door: "delegation", Remote: "10.0.0.7:4711", Subject: subject, WantedRole: "admin", Duration: time.Millisecond,
				Refusal: &idp.Refusal{Reason: "RoleNotGranted", Message: "not yours", AWSRequestID: "c6104cbe", Err: errors.New("cause")},
			},
			want: `{"level":"INFO","msg":"Refused credentials","logger":"audit","door":"delegation","remote":"10.0.0.7:4711","durationSeconds":0.001,
				"wantedRole":"admin","subject":"system:serviceaccount:reports:uploader","pod":"uploader-x2x4p","podUID":"6c1b",
				"issuer":"https://kubernetes.default.svc","outcome":"deny","reason":"RoleNotGranted","message":"not yours","awsRequestID":"c6104cbe"}`,
		},
		{
			name:     "a request that nobody could read has no subject",
			decision: Decision{Door: "delegation", Refusal: &idp.Refusal{Reason: "BodyTooLarge", Message: "too large"}},
			want: `{"level":"INFO","msg":"Refused credentials","logger":"audit","door":"delegation","remote":"","durationSeconds":0,
				"outcome":"deny","reason":"BodyTooLarge","message":"too large"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			noTime := func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}
			New(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime}))).Record(t.Context(), tt.decision)
			NewWithT(t).Expect(out.String()).To(MatchJSON(tt.want))
		})
	}
}
