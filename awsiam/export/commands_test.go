package export_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/testaws"
)

// debianAWSCLI is where Debian's package awscli puts the command.
const debianAWSCLI = "/usr/bin/aws"

// shell runs scripts in a folder of its own, with an AWS CLI that calls awsfake.
type shell struct {
	*testaws.Account
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	cli := debianAWSCLI
	if _, err := os.Stat(cli); err != nil {
		if cli, err = exec.LookPath("aws"); err != nil {
			t.Fatal("the AWS CLI is not installed: run `apt-get install awscli`, or `make test`, which does so")
		}
	}
	s := &shell{Account: testaws.Start(t, accountID, region), t: t, dir: t.TempDir()}
	// With an endpoint of one's own the CLI signs for the region that it is told; IAM's is us-east-1.
	wrapper := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = iam ]; then set -- --region us-east-1 \"$@\"; fi\nexec %s --endpoint-url %s \"$@\"\n", cli, s.URL)
	if err := os.WriteFile(filepath.Join(s.dir, "aws"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := s.Root.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.env = []string{
		"HOME=/nonexistent", "PATH=" + s.dir + ":" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "LC_ALL=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey,
	}
	return s
}

func (s *shell) run(script []byte) (output string, err error) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "/bin/sh", "-s")
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.env, strings.NewReader(string(script))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// held is what the account has of the wanted, as awsiam reads it.
func (s *shell) held(want export.Account) export.Held {
	s.t.Helper()
	g := NewWithT(s.t)
	held := export.Held{Providers: map[string]awsiam.SAMLProvider{}, Roles: map[string]role.Role{}}
	for _, p := range want.Providers {
		found, err := s.API(s.Root).Providers().Get(s.t.Context(), p.ARN)
		g.Expect(err).NotTo(HaveOccurred())
		held.Providers[p.ARN] = found
	}
	for _, r := range want.Roles {
		found, err := s.API(s.Root).Roles().Get(s.t.Context(), role.Name(r.ARN))
		g.Expect(err).NotTo(HaveOccurred())
		held.Roles[r.ARN] = found
	}
	return held
}

func (s *shell) createBoundary() {
	s.t.Helper()
	_, err := s.IAM(s.Root).CreatePolicy(s.t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("tenants"), PolicyDocument: aws.String(allow("*"))})
	NewWithT(s.t).Expect(err).NotTo(HaveOccurred())
}

func TestTheCommandsMakeWhatTheAccountNeedsAndPutRightWhatDiffers(t *testing.T) {
	s := newShell(t)
	s.createBoundary()
	want := account(t)
	t.Run("all of an empty account", func(t *testing.T) {
		g := NewWithT(t)
		s.bring(g, want, export.Held{})
		g.Expect(s.held(want).Providers[corp]).To(Equal(awsiam.SAMLProvider{Metadata: want.Providers[0].Metadata, Tags: want.Providers[0].Tags}))
		g.Expect(filepath.Join(s.dir, "trapped")).NotTo(BeAnExistingFile())
	})
	t.Run("nothing when nothing is left to do", func(t *testing.T) {
		g := NewWithT(t)
		script, err := export.Commands(want, s.held(want))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(script)).NotTo(ContainSubstring("aws iam"))
	})
	t.Run("what differs, step by step", func(t *testing.T) {
		g := NewWithT(t)
		other := account(t)
		other.Providers[0].Tags = map[string]string{"also": "this"}
		changed, bounded := uploader(), plainRole()
		changed.Description, changed.MaxSessionDuration = "file:///etc/passwd", 3*changed.MaxSessionDuration
		changed.TrustPolicy = trusting("https://eu-west-1.signin.aws.amazon.com/saml")
		changed.PermissionsBoundary = ""
		changed.Policies = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
		changed.InlinePolicies = map[string]string{"own.folder": allow("*")}
		changed.Tags["team"] = "sales"
		bounded.PermissionsBoundary = boundary
		other.Roles = []role.Role{changed, bounded}
		script := s.bring(g, other, s.held(other))
		for _, command := range []string{
			"update-saml-provider", "tag-saml-provider", "update-assume-role-policy", "put-role-permissions-boundary", "delete-role-permissions-boundary",
			"attach-role-policy", "detach-role-policy", "put-role-policy", "delete-role-policy", "update-role", "tag-role",
		} {
			g.Expect(script).To(ContainSubstring("aws iam " + command + " "))
		}
		g.Expect(s.held(other).Providers[corp]).To(Equal(awsiam.SAMLProvider{
			Metadata: other.Providers[0].Metadata, Tags: map[string]string{"also": "this", awsiam.TagName: "corp"},
		}))
	})
}

// bring runs the commands, and expects the roles to be as wanted then.
func (s *shell) bring(g Gomega, want export.Account, held export.Held) (script string) {
	s.t.Helper()
	commands, err := export.Commands(want, held)
	g.Expect(err).NotTo(HaveOccurred())
	output, err := s.run(commands)
	g.Expect(err).NotTo(HaveOccurred(), output)
	for arn, r := range s.held(want).Roles {
		for _, w := range want.Roles {
			if w.ARN == arn {
				g.Expect(role.Differences(w, r)).To(BeEmpty())
				g.Expect(r.Description).To(Equal(w.Description))
			}
		}
	}
	return string(commands)
}

func TestTheCommandsDoNothingInAnotherAccount(t *testing.T) {
	g := NewWithT(t)
	s := newShell(t)
	elsewhere := export.Account{ID: "444455556666", Region: region, Providers: []export.Provider{{ARN: "arn:aws:iam::444455556666:saml-provider/corp", Metadata: "<x/>"}}}
	script, err := export.Commands(elsewhere, export.Held{})
	g.Expect(err).NotTo(HaveOccurred())
	output, err := s.run(script)
	g.Expect(err).To(HaveOccurred())
	g.Expect(output).To(ContainSubstring("these are not credentials of account 444455556666"))
	calls, err := s.Control.Calls(t.Context(), "CreateSAMLProvider")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(BeEmpty())
}

func TestTheCommandsStopAtTheFirstError(t *testing.T) {
	g := NewWithT(t)
	s := newShell(t)
	script, err := export.Commands(account(t), export.Held{}) // There is no boundary policy.
	g.Expect(err).NotTo(HaveOccurred())
	output, err := s.run(script)
	g.Expect(err).To(HaveOccurred())
	g.Expect(output).To(ContainSubstring("NoSuchEntity"))
	calls, err := s.Control.Calls(t.Context(), "AttachRolePolicy")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(BeEmpty())
}
