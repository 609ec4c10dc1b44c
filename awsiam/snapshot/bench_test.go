package snapshot_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/awsiam/snapshot"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/test/awsfake"
)

const (
	managedRoles = 1000
	foreignRoles = 2000
	pageSize     = 1000
)

// wanted is a managed role as a RoleMapping wants it.
func wanted(i int) role.Role {
	mapping := fmt.Sprintf("tenant-%02d/app-%04d", i%50, i)
	return role.Role{
		ARN:                "arn:aws:iam::" + account + ":role/attache/" + strings.Replace(mapping, "/", "/tenant.", 1),
		MaxSessionDuration: time.Hour,
		TrustPolicy: trust.ForMapping(trust.Input{
			ProviderARN: partition.Commercial.SAMLProviderARN(account, "corp"), ACS: partition.Commercial.ACSForms("eu-west-1"), Mapping: mapping,
		}),
		InlinePolicies: map[string]string{"s3": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::reports/${saml:namequalifier}/${saml:sub}/*"}]}`},
		Tags:           awsiam.Owner{ClusterUID: "c", ObjectUID: mapping, Namespace: "tenant", Name: mapping}.Tags(),
	}
}

// sharedAccount returns an account with managed and foreign roles, and its call log.
func sharedAccount(tb testing.TB) (awsiam.API, awsfake.Control) {
	tb.Helper()
	const key, secret = "AKIAROOTROOTROOTROOT", "a root secret for tests only"
	fake := awsfake.New(awsfake.Options{AccountID: account, Region: "eu-west-1", AdminAccessKeyID: key, AdminSecretAccessKey: secret})
	server := httptest.NewServer(fake)
	tb.Cleanup(server.Close)
	api := awsiam.New(aws.Config{Credentials: credentials.NewStaticCredentialsProvider(key, secret, "")}, "eu-west-1", server.URL)
	if err := fake.Control().Seed(tb.Context(), awsfake.Seed{Roles: foreignRoles}); err != nil {
		tb.Fatal(err)
	}
	for i := range managedRoles {
		want := wanted(i)
		if err := api.Roles().Create(tb.Context(), want); err != nil {
			tb.Fatal(err)
		}
		for _, step := range role.Plan(want, role.Role{ARN: want.ARN, TrustPolicy: want.TrustPolicy, Tags: want.Tags, MaxSessionDuration: time.Hour}) {
			if err := api.Roles().Do(tb.Context(), want.ARN, step); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := fake.Control().ClearCalls(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return api, fake.Control()
}

// compareAll takes a snapshot and finds out which managed roles are not as they are wanted.
func compareAll(ctx context.Context, api awsiam.API, store *snapshot.Store) (differing int, err error) {
	_, err = store.Take(ctx, account, func(ctx context.Context) (awsiam.Snapshot, error) {
		return api.Snapshot(ctx, "/attache/")
	}, func(r role.Role) bool { return strings.HasPrefix(role.Path(r.ARN), "/attache/") })
	if err != nil {
		return 0, err
	}
	for i := range managedRoles {
		want := wanted(i)
		held, found, known := store.Role(account, want.ARN, time.Minute)
		if !found || !known || len(role.Differences(want, held)) > 0 {
			differing++
		}
	}
	return differing, nil
}

func TestAQuietResyncCostsPagesOnly(t *testing.T) {
	api, control := sharedAccount(t)
	store := &snapshot.Store{Clock: time.Now}
	differing, err := compareAll(t.Context(), api, store)
	if err != nil || differing > 0 {
		t.Fatalf("%d roles differ, error %v", differing, err)
	}
	calls, err := control.Calls(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	pages := (managedRoles+foreignRoles+pageSize-1)/pageSize + (managedRoles+pageSize-1)/pageSize
	if len(calls) > pages {
		t.Errorf("%d roles of %d cost %d calls, more than %d pages", managedRoles, managedRoles+foreignRoles, len(calls), pages)
	}
}

// BenchmarkResync compares 1,000 managed roles with an account of 3,000.
func BenchmarkResync(b *testing.B) {
	api, control := sharedAccount(b)
	store := &snapshot.Store{Clock: time.Now}
	for b.Loop() {
		if differing, err := compareAll(b.Context(), api, store); err != nil || differing > 0 {
			b.Fatalf("%d roles differ, error %v", differing, err)
		}
	}
	b.StopTimer()
	calls, err := control.Calls(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(calls))/float64(b.N), "calls/op")
	b.ReportMetric(heldBytes(store)/(managedRoles+foreignRoles), "held-B/role")
}

// heldBytes returns what the store keeps in memory.
func heldBytes(store *snapshot.Store) float64 {
	var with, without runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&with)
	runtime.KeepAlive(store)
	*store = snapshot.Store{}
	runtime.GC()
	runtime.ReadMemStats(&without)
	return float64(with.HeapAlloc) - float64(without.HeapAlloc)
}
