package awsfake_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

// boto3Python returns a Python that has boto3: Debian's first, as its package
// python3-boto3 is what continuous integration installs.
func boto3Python(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() == nil {
			return python
		}
	}
	t.Fatal("boto3 is not installed: run `apt-get install python3-boto3`, or `make test`, which does so")
	return ""
}

// boto3Answers are what boto3_client.py saw.
type boto3Answers struct {
	ProviderARN, RoleARN, Caller, Subject, Object string
	Roles, Detailed                               []string
	Listed                                        []bool
	Details                                       struct {
		Tags     []struct{ Key, Value string }
		Trust    map[string]any
		Policies []struct{ PolicyName string }
	}
	// Refused holds codes and statuses.
	Refused map[string][]any
}

func TestBoto3WalksTheWholeWay(t *testing.T) {
	python := boto3Python(t)
	g := NewWithT(t)
	w := newWorld(t)
	idp, err := testidp.New("https://idp.example.test/metadata")
	g.Expect(err).NotTo(HaveOccurred())
	const providerARN, roleARN = "arn:aws:iam::111122223333:saml-provider/boto3", "arn:aws:iam::111122223333:role/clients/boto3"
	message := idp.Baseline(w.now(), roleARN, providerARN)
	message.SignAssertion()
	control := w.fake.Control()
	g.Expect(control.Seed(t.Context(), awsfake.Seed{Roles: 3, Buckets: []string{testBucket}})).To(Succeed())
	g.Expect(control.Configure(t.Context(), awsfake.Settings{PageSize: 3, EmptyFirstPage: true})).To(Succeed())
	input, err := json.Marshal(map[string]any{
		"endpoint": w.url, "region": region, "bucket": testBucket,
		"admin":    map[string]string{"AccessKeyId": adminKey, "SecretAccessKey": adminSecret},
		"metadata": idp.Metadata(), "assertion": message.Encode(),
		"trust":  trustPolicy(providerARN, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`),
		"policy": ownPrefix,
	})
	g.Expect(err).NotTo(HaveOccurred())

	// -E: a PYTHONPATH of the developer's must not lead to another boto3.
	cmd := exec.CommandContext(t.Context(), python, "-E", "testdata/boto3_client.py")
	cmd.Env = []string{"HOME=/nonexistent", "AWS_EC2_METADATA_DISABLED=true", "PATH=/usr/bin:/bin"}
	var out, errOut strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(input)), &out, &errOut
	g.Expect(cmd.Run()).To(Succeed(), errOut.String())
	var seen boto3Answers
	g.Expect(json.Unmarshal([]byte(out.String()), &seen)).To(Succeed())

	roles := []string{"boto3", "foreign-00000", "foreign-00001", "foreign-00002"}
	g.Expect([]string{seen.ProviderARN, seen.RoleARN}).To(Equal([]string{providerARN, roleARN}))
	g.Expect([]string{seen.Caller, seen.Subject}).To(Equal([]string{"arn:aws:sts::111122223333:assumed-role/boto3/session-123", "subject-123"}))
	g.Expect(seen.Roles).To(Equal(roles))
	g.Expect(seen.Detailed).To(Equal(roles))
	g.Expect(seen.Details.Tags).To(HaveLen(1))
	g.Expect(seen.Details.Policies).To(HaveLen(1))
	g.Expect(seen.Details.Trust).To(HaveKey("Statement"), "boto3 decodes the document")
	g.Expect(seen.Object).To(Equal("from boto3"))
	g.Expect(seen.Listed).To(Equal([]bool{true}))
	g.Expect(seen.Refused).To(Equal(map[string][]any{
		"put under another's prefix":  {"AccessDenied", 403.0},
		"get under another's prefix":  {"AccessDenied", 403.0},
		"list another's prefix":       {"AccessDenied", 403.0},
		"get what is not there":       {"NoSuchKey", 404.0},
		"IAM without a permission":    {"AccessDenied", 403.0},
		"a role that is there":        {"EntityAlreadyExists", 409.0},
		"a role that is not there":    {"NoSuchEntity", 404.0},
		"a role with policies":        {"DeleteConflict", 409.0},
		"a trust policy that is none": {"MalformedPolicyDocument", 400.0},
		"an assertion that is none":   {"InvalidIdentityToken", 400.0},
		"a wrong secret":              {"SignatureDoesNotMatch", 403.0},
	}))
}
