package samlprovider

import (
	"strings"
	"testing"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/testaws"
)

// fakeAWS is an account in awsfake, with the operator's client and an administrator's hands.
type fakeAWS struct {
	t        *testing.T
	account  *testaws.Account
	id, arn  string
	control  awsfake.Control
	operator awsiam.API
	admin    awsiam.SAMLProviders
}

func newFakeAWS(t *testing.T) *fakeAWS {
	t.Helper()
	return newFakeAccount(t, testaws.Start(t, accountID, region), accountID, arn)
}

func newFakeAccount(t *testing.T, account *testaws.Account, id, arn string) *fakeAWS {
	t.Helper()
	operator := account.User("attache")
	account.Grant("attache", "everything", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}`)
	return &fakeAWS{
		t: t, account: account, id: id, arn: arn,
		control: account.Control, operator: account.API(operator), admin: account.API(account.Root).Providers(),
	}
}

// held is what IAM holds under the provider's ARN, or nil.
func (f *fakeAWS) held() *awsiam.SAMLProvider {
	f.t.Helper()
	p, err := f.admin.Get(f.t.Context(), f.arn)
	if err != nil {
		if awsiam.KindOf(err) != awsiam.NotFound {
			f.t.Fatal(err)
		}
		return nil
	}
	return &p
}

// The administrator's hands.

func (f *fakeAWS) put(metadata string, tags map[string]string) {
	f.t.Helper()
	f.must(f.admin.Create(f.t.Context(), f.arn, metadata, tags))
}

func (f *fakeAWS) setMetadata(metadata string) {
	f.t.Helper()
	f.must(f.admin.Update(f.t.Context(), f.arn, metadata))
}

func (f *fakeAWS) tag(key, value string) {
	f.t.Helper()
	f.must(f.admin.AddTags(f.t.Context(), f.arn, map[string]string{key: value}))
}

func (f *fakeAWS) untag(keys ...string) {
	f.t.Helper()
	f.must(f.admin.RemoveTags(f.t.Context(), f.arn, keys...))
}

func (f *fakeAWS) remove() {
	f.t.Helper()
	f.must(f.admin.Delete(f.t.Context(), f.arn))
}

func (f *fakeAWS) fail(fault awsfake.Fault) {
	f.t.Helper()
	f.must(f.control.AddFault(f.t.Context(), fault))
}

func (f *fakeAWS) heal() {
	f.t.Helper()
	f.must(f.control.ClearFaults(f.t.Context()))
}

func (f *fakeAWS) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// calls returns the operations that the operator has called in this account since anybody last asked.
func (f *fakeAWS) calls() []string { return f.callsBy("arn:aws:iam::" + f.id + ":user/attache") }

// callsAnywhere returns those in any account.
func (f *fakeAWS) callsAnywhere() []string { return f.callsBy(":user/attache") }

func (f *fakeAWS) callsBy(principal string) []string {
	f.t.Helper()
	all, err := f.control.Calls(f.t.Context(), "")
	f.must(err)
	f.must(f.control.ClearCalls(f.t.Context()))
	var operations []string
	for _, c := range all {
		if strings.HasSuffix(c.Principal, principal) {
			operations = append(operations, c.Operation)
		}
	}
	return operations
}
