package awsfake_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake/internal/testidp"
)

// debianAWSCLI is where Debian's package awscli puts the command.
const debianAWSCLI = "/usr/bin/aws"

func awsCLI(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(debianAWSCLI); err == nil {
		return debianAWSCLI
	}
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Fatal("the AWS CLI is not installed: run `apt-get install awscli`, or `make test`, which does so")
	}
	return path
}

// cli runs the AWS CLI against the server.
type cli struct {
	path, url string
	env       []string
}

func (c cli) as(key, secret, token string) cli {
	c.env = []string{
		"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1",
		"AWS_DEFAULT_OUTPUT=json",
		"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret,
	}
	if token != "" {
		c.env = append(c.env, "AWS_SESSION_TOKEN="+token)
	}
	return c
}

func (c cli) run(t *testing.T, into any, args ...string) (stderr string, err error) {
	t.Helper()
	// With an endpoint of one's own the CLI signs for the region it is told, also
	// where AWS wants another.
	signFor := region
	if args[0] == "iam" {
		signFor = "us-east-1"
	}
	cmd := exec.CommandContext(t.Context(), c.path, append([]string{"--endpoint-url", c.url, "--region", signFor}, args...)...)
	cmd.Env = c.env
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return strings.Replace(errOut.String(), " (reached max retries: 0)", "", 1), err
	}
	if into != nil {
		NewWithT(t).Expect(json.Unmarshal([]byte(out.String()), into)).To(Succeed(), out.String())
	}
	return errOut.String(), nil
}

func (c cli) must(t *testing.T, into any, args ...string) {
	t.Helper()
	stderr, err := c.run(t, into, args...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), stderr)
}

func TestTheAWSCLIWalksTheWholeWay(t *testing.T) {
	path := awsCLI(t)
	g := NewWithT(t)
	w := newWorld(t)
	admin := cli{path: path, url: w.url}.as(adminKey, adminSecret, "")
	idp, err := testidp.New("https://idp.example.test/metadata")
	g.Expect(err).NotTo(HaveOccurred())
	dir := t.TempDir()
	file := func(name, content string) string {
		full := filepath.Join(dir, name)
		g.Expect(os.WriteFile(full, []byte(content), 0o600)).To(Succeed())
		return "file://" + full
	}

	var provider struct{ SAMLProviderArn string }
	admin.must(t, &provider, "iam", "create-saml-provider", "--name", "corp", "--saml-metadata-document", file("metadata.xml", idp.Metadata()),
		"--tags", "Key=cluster,Value=a")
	g.Expect(provider.SAMLProviderArn).To(Equal("arn:aws:iam::111122223333:saml-provider/corp"))
	var stored struct{ SAMLMetadataDocument string }
	admin.must(t, &stored, "iam", "get-saml-provider", "--saml-provider-arn", provider.SAMLProviderArn)
	g.Expect(stored.SAMLMetadataDocument).To(Equal(idp.Metadata()))

	var role struct{ Role struct{ Arn string } }
	document := trustPolicy(provider.SAMLProviderArn, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`)
	admin.must(t, &role, "iam", "create-role", "--role-name", "reports", "--assume-role-policy-document", file("trust.json", document))
	var roles struct {
		Roles []struct {
			Arn                      string
			AssumeRolePolicyDocument struct{ Statement []map[string]any }
		}
	}
	admin.must(t, &roles, "iam", "list-roles")
	g.Expect(roles.Roles).To(HaveLen(1))
	g.Expect(roles.Roles[0].AssumeRolePolicyDocument.Statement[0]).To(HaveKeyWithValue("Effect", "Allow"), "the CLI decodes the document")

	message := idp.Baseline(w.now(), role.Role.Arn, provider.SAMLProviderArn)
	message.SignAssertion()
	assume := []string{"sts", "assume-role-with-saml", "--role-arn", role.Role.Arn, "--principal-arn", provider.SAMLProviderArn,
		"--saml-assertion", file("assertion", message.Encode())}
	var session struct {
		Credentials     map[string]string
		AssumedRoleUser struct{ Arn string }
	}
	admin.must(t, &session, assume...)
	var identity struct{ Arn, Account string }
	admin.as(session.Credentials["AccessKeyId"], session.Credentials["SecretAccessKey"], session.Credentials["SessionToken"]).
		must(t, &identity, "sts", "get-caller-identity")
	g.Expect(identity.Arn).To(Equal("arn:aws:sts::111122223333:assumed-role/reports/session-123"))
	g.Expect(identity.Account).To(Equal(account))

	for name, row := range map[string]struct {
		who  cli
		args []string
		want string
	}{
		"a session that may nothing": {
			admin.as(session.Credentials["AccessKeyId"], session.Credentials["SecretAccessKey"], session.Credentials["SessionToken"]),
			[]string{"iam", "list-saml-providers"}, "(AccessDenied) when calling the ListSAMLProviders operation: User: " + identity.Arn},
		"a wrong secret":              {admin.as(adminKey, "wrong", ""), []string{"iam", "list-roles"}, "(SignatureDoesNotMatch)"},
		"a key that was never issued": {admin.as("AKIANOBODY", "x", ""), []string{"sts", "get-caller-identity"}, "(InvalidClientTokenId)"},
		"a role that is not there":    {admin, []string{"iam", "get-role", "--role-name", "nobody"}, "(NoSuchEntity) when calling the GetRole operation: The role with name nobody cannot be found."},
		"a provider that is there":    {admin, []string{"iam", "create-saml-provider", "--name", "corp", "--saml-metadata-document", "file://" + filepath.Join(dir, "metadata.xml")}, "(EntityAlreadyExists)"},
		"too long a session":          {admin, append(assume[:len(assume):len(assume)], "--duration-seconds", "7200"), "(ValidationError) when calling the AssumeRoleWithSAML operation: The requested DurationSeconds exceeds"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			stderr, err := row.who.run(t, nil, row.args...)
			g.Expect(err).To(HaveOccurred())
			g.Expect(stderr).To(ContainSubstring(row.want))
		})
	}
}
