package awsfake_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

func TestTheAWSCLIReachesItsOwnPrefixOnly(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	admin := cli{path: awsCLI(t), url: f.url}.as(adminKey, adminSecret, "")
	admin.must(t, nil, "s3api", "create-bucket", "--bucket", testBucket, "--create-bucket-configuration", "LocationConstraint="+region)
	admin.must(t, nil, "iam", "put-role-policy", "--role-name", "reports", "--policy-name", "own-prefix", "--policy-document", ownPrefix)
	answer, err := f.assume(t, func(m *testidp.Message) { m.Find("saml:NameID").SetText("uploader") }, nil)
	g.Expect(err).NotTo(HaveOccurred())
	holder := admin.as(*answer.Credentials.AccessKeyId, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken)
	own := *answer.NameQualifier + "/uploader/"
	sent, got := filepath.Join(t.TempDir(), "sent"), filepath.Join(t.TempDir(), "got")
	g.Expect(os.WriteFile(sent, []byte("from the CLI"), 0o600)).To(Succeed())

	holder.must(t, nil, "s3api", "put-object", "--bucket", testBucket, "--key", own+"a", "--body", sent)
	holder.must(t, nil, "s3api", "get-object", "--bucket", testBucket, "--key", own+"a", got)
	g.Expect(os.ReadFile(got)).To(Equal([]byte("from the CLI")))
	var listed struct{ Contents []struct{ Key string } }
	holder.must(t, &listed, "s3api", "list-objects-v2", "--bucket", testBucket, "--prefix", own)
	g.Expect(listed.Contents).To(HaveLen(1))
	g.Expect(listed.Contents[0].Key).To(Equal(own + "a"))

	for name, row := range map[string]struct {
		who  cli
		args []string
		want string
	}{
		"under another's prefix":  {holder, []string{"s3api", "put-object", "--bucket", testBucket, "--key", "other/a", "--body", sent}, "(AccessDenied) when calling the PutObject operation"},
		"in the whole bucket":     {holder, []string{"s3api", "list-objects-v2", "--bucket", testBucket}, "(AccessDenied) when calling the ListObjectsV2 operation"},
		"a key that is not there": {admin, []string{"s3api", "get-object", "--bucket", testBucket, "--key", "nothing", got}, "(NoSuchKey) when calling the GetObject operation"},
		"with a wrong secret":     {admin.as(adminKey, "x", ""), []string{"s3api", "list-objects-v2", "--bucket", testBucket}, "(SignatureDoesNotMatch)"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			stderr, err := row.who.run(t, nil, row.args...)
			g.Expect(err).To(HaveOccurred())
			g.Expect(stderr).To(ContainSubstring(row.want))
		})
	}
	holder.must(t, nil, "s3api", "delete-object", "--bucket", testBucket, "--key", own+"a")
}
