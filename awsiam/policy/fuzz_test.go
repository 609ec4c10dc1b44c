package policy_test

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/policy"
	judge "attache.dev/attache/test/awsfake/policy"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, document := range []string{
		with(reading),
		with(`"NotAction":["s3:*","iam:*"],"NotResource":["arn:aws:s3:::a/*","arn:aws:s3:::b"]`),
		with(`"Action":["s3:Get*","s3:Get*"],"Resource":["arn:aws:s3:::b/${saml:sub}","arn:aws:s3:::a"],"Condition":{"StringLike":{"saml:sub":["b*","a?"]},"Bool":{"aws:SecureTransport":true}}`),
		`{"Statement":[{"Sid":"b","Effect":"Deny","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":["*"],"Resource":"*"}],"Version":"2012-10-17"}`,
		with(`"Action":"sts:AssumeRoleWithSAML","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/corp"},"Condition":{"NumericLessThan":{"a:b":1e2}}`),
		`{"Version":"2012-10-17","Version":"2008-10-17"}`,
	} {
		f.Add(document)
	}
}

// A document and its canonical form mean the same to a judge who shares no code with this package,
// so that documents of one canonical form do.
func FuzzCanonical(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, document string) {
		g := NewWithT(t)
		canonical := policy.Canonical(document)
		g.Expect(policy.Canonical(canonical)).To(Equal(canonical))
		written, err := judge.ParseIdentity(document)
		if err != nil {
			return
		}
		rewritten, err := judge.ParseIdentity(canonical)
		g.Expect(err).NotTo(HaveOccurred(), canonical)
		for _, request := range requestsAbout(document) {
			g.Expect(judge.Evaluate(request, rewritten)).To(Equal(judge.Evaluate(request, written)), "%+v %s", request, canonical)
		}
	})
}

// requestsAbout asks about everything that the document names, with and without wildcards.
func requestsAbout(document string) []judge.Request {
	statements, err := policy.Parse(document)
	if err != nil {
		return nil
	}
	actions, resources, contexts := []string{"s3:GetObject"}, []string{"arn:aws:s3:::a/b"}, []judge.Context{{}}
	for _, s := range statements {
		actions = append(append(actions, s.Action...), s.NotAction...)
		resources = append(append(resources, s.Resource...), s.NotResource...)
		for _, byKey := range s.Condition {
			for key, values := range byKey {
				for _, value := range values {
					contexts = append(contexts, judge.Context{strings.ToLower(key): {value}})
				}
			}
		}
	}
	var requests []judge.Request
	for _, action := range few(actions) {
		for _, resource := range few(resources) {
			for _, context := range contexts[:min(len(contexts), 4)] {
				requests = append(requests, judge.Request{Action: action, Resource: resource, Context: context})
			}
		}
	}
	return requests
}

func few(items []string) []string {
	slices.Sort(items)
	items = slices.Compact(items)
	return items[:min(len(items), 4)]
}

// Whatever a document holds, it is checked without harm, and what the judge takes is not refused.
func FuzzCheck(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, document string) {
		err := policy.Check(document)
		_, refused := judge.ParseIdentity(document)
		latin1 := !strings.ContainsFunc(document, func(r rune) bool { return r > 0xFF || r < ' ' && !strings.ContainsRune("\t\n\r", r) })
		if refused == nil && latin1 && err != nil {
			t.Errorf("IAM would take it: %v", err)
		}
	})
}
