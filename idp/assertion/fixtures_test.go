package assertion_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/keys"
)

const issuer = "https://login.corp.example/saml/metadata"

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// One key serves all tests: making one takes longer than any of them.
var signingKey = sync.OnceValue(func() keys.Key {
	k, err := keys.Generate(rand.Reader, "corp", now)
	if err != nil {
		panic(err)
	}
	return k
})

func subject() idp.Subject {
	return idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
}

func grant() idp.Grant {
	return idp.Grant{
		Mapping:     "reports/uploader",
		RoleARN:     "arn:aws:iam::111122223333:role/reports/uploader",
		ProviderARN: "arn:aws:iam::111122223333:saml-provider/corp",
		AccountID:   "111122223333",
		SessionName: "uploader-7d9f",
		Duration:    time.Hour,
		Region:      "eu-west-1",
	}
}

func statement(tb testing.TB) idp.Statement {
	tb.Helper()
	st, err := assertion.ForAWS(issuer, subject(), grant())
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

func respond(tb testing.TB, st idp.Statement) []byte {
	tb.Helper()
	response, err := assertion.Response(st, signingKey(), now, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return response
}
