package awsiam_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/policy"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

func TestARoleComesBackAsItWasWanted(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	w.bring(uploader())
	w.calls()

	held, err := w.api.Roles().Get(t.Context(), "reports.uploader")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(held).To(Equal(uploader()))
	g.Expect(w.calls()).To(Equal([]string{"GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy", "GetRolePolicy"}))

	alone, err := w.api.Roles().GetTrust(t.Context(), "reports.uploader")
	g.Expect(err).NotTo(HaveOccurred())
	want := uploader()
	want.Policies, want.InlinePolicies = nil, nil
	g.Expect(alone).To(Equal(want))
	g.Expect(w.calls()).To(Equal([]string{"GetRole"}))
}

func TestGetFollowsShortPages(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	want := uploader()
	want.Policies = []string{audits, uploads}
	w.bring(want)
	w.must(w.control.Configure(t.Context(), awsfake.Settings{PageSize: 1, EmptyFirstPage: true}))
	held, err := w.api.Roles().Get(t.Context(), "reports.uploader")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(held).To(Equal(want))
}

func TestARoleThatIsNotThere(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	_, err := w.api.Roles().Get(t.Context(), "reports.uploader")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
	_, err = w.api.Roles().GetTrust(t.Context(), "reports.uploader")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
}

func TestANameThatIsTakenUnderAnyPathAndCase(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	w.must(w.api.Roles().Create(t.Context(), uploader()))
	other := uploader()
	other.ARN = "arn:aws:iam::111122223333:role/attache/sales/Reports.Uploader"
	g.Expect(awsiam.KindOf(w.api.Roles().Create(t.Context(), other))).To(Equal(awsiam.AlreadyExists))

	held, err := w.api.Roles().GetTrust(t.Context(), "Reports.Uploader")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(held.ARN).To(Equal(roleARN), "the caller sees that it is another")
}

func TestARoleMadeInAnotherAccountGoesAgain(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	want := uploader()
	want.ARN = "arn:aws:iam::999988887777:role/attache/reports/reports.uploader"
	err := w.api.Roles().Create(t.Context(), want)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NoCredentials))
	g.Expect(err).To(MatchError(ContainSubstring("credentials are of another account: IAM made " + roleARN)))
	_, err = w.api.Roles().GetTrust(t.Context(), "reports.uploader")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
}

func TestACreationWhoseAnswerIsLostIsFoundLater(t *testing.T) {
	for _, kind := range []awsfake.FaultKind{awsfake.FaultReset, awsfake.FaultGarbage, awsfake.FaultTruncate} {
		t.Run(string(kind), func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t)
			w.fault(awsfake.Fault{Operation: "CreateRole", Kind: kind, After: true, Count: 1})
			g.Expect(awsiam.KindOf(w.api.Roles().Create(t.Context(), uploader()))).To(Equal(awsiam.Unavailable))

			held, err := w.api.Roles().Get(t.Context(), "reports.uploader")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(held.Tags).To(Equal(uploader().Tags), "it says whose it is from its first moment")
			w.follow(uploader())
			held, err = w.api.Roles().Get(t.Context(), "reports.uploader")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(role.Differences(uploader(), held)).To(BeEmpty())
		})
	}
}

// Whatever role IAM holds, the plan to any other is one that it takes, and that the README's policy
// allows: without the boundary nothing is ever given.
func TestPlansAreWhatIAMTakes(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	some := func() role.Role {
		r := role.Role{
			ARN: roleARN, Description: pick("", "a", "é"), MaxSessionDuration: time.Duration(1+random.IntN(12)) * time.Hour,
			TrustPolicy: trustOf(pick("reports/uploader", "reports/other")), PermissionsBoundary: boundary,
			InlinePolicies: map[string]string{}, Tags: map[string]string{"team": pick("", "a", "b")},
		}
		for _, arn := range []string{audits, uploads} {
			if random.IntN(2) == 0 {
				r.Policies = append(r.Policies, arn)
			}
		}
		for _, name := range []string{"x", "y"} {
			if random.IntN(3) > 0 {
				r.InlinePolicies[name] = document(pick(policy.Allow, policy.Deny), pick("s3:*", "s3:GetObject"))
			}
		}
		return r
	}
	w.bring(some())
	for range 40 {
		want := some()
		w.follow(want)
		held, err := w.api.Roles().Get(t.Context(), role.Name(roleARN))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(role.Differences(want, held)).To(BeEmpty())
	}
	held, err := w.api.Roles().Get(t.Context(), role.Name(roleARN))
	g.Expect(err).NotTo(HaveOccurred())
	for _, step := range role.PlanDeletion(held) {
		g.Expect(w.api.Roles().Do(t.Context(), roleARN, step)).To(Succeed(), step.String())
	}
	_, err = w.api.Roles().Get(t.Context(), role.Name(roleARN))
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound))
}

func TestTagsComeAndGo(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	w.bring(uploader())
	w.must(w.api.Roles().Do(t.Context(), roleARN, role.Tag(map[string]string{awsiam.TagAdopted: "true"})))
	w.must(w.api.Roles().Do(t.Context(), roleARN, role.Untag("team", awsiam.TagAdopt)))
	held, err := w.api.Roles().GetTrust(t.Context(), role.Name(roleARN))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(held.Tags).To(Equal(map[string]string{awsiam.TagName: "uploader", awsiam.TagAdopted: "true"}))
}

func TestWhatKeepsARoleFromItsDeletionIsNamed(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	w.bring(uploader())
	deletion := role.Step{Operation: role.DeleteRole}
	err := w.api.Roles().Do(t.Context(), roleARN, deletion)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.DeleteConflict))
	g.Expect(err).To(MatchError(ContainSubstring("must detach all policies first")))

	profiles, err := w.api.Roles().InstanceProfiles(t.Context(), "reports.uploader")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(profiles).To(BeEmpty())
	for _, name := range []string{"web", "batch"} {
		_, err := w.root.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: &name})
		w.must(err)
		_, err = w.root.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: aws.String("reports.uploader")})
		w.must(err)
	}
	w.must(w.control.Configure(t.Context(), awsfake.Settings{PageSize: 1}))
	profiles, err = w.api.Roles().InstanceProfiles(t.Context(), "reports.uploader")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(profiles).To(Equal([]string{"batch", "web"}))
}

func TestAStepThatThereIsNot(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	err := w.api.Roles().Do(t.Context(), roleARN, role.Step{Operation: "CreateUser"})
	g.Expect(err).To(MatchError(ContainSubstring(`"CreateUser" is not a step of a role`)))
	g.Expect(w.calls()).To(BeEmpty())
}

func TestWhatIAMRefusesOfARole(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*world) error
		kind awsiam.Kind
	}{
		{"a policy that is no policy", func(w *world) error {
			return w.step(role.Step{Operation: role.PutRolePolicy, PolicyName: "x", Document: "{}"})
		}, awsiam.Invalid},
		{"more inline policies than fit", func(w *world) error {
			return w.step(role.Step{Operation: role.PutRolePolicy, PolicyName: "x", Document: document(policy.Allow, "s3:"+strings.Repeat("a", 10240))})
		}, awsiam.QuotaExceeded},
		{"a managed policy that does not exist", func(w *world) error {
			return w.step(role.Step{Operation: role.AttachRolePolicy, PolicyARN: uploads + "2"})
		}, awsiam.NotFound},
		{"a managed policy out of bounds", func(w *world) error {
			return w.step(role.Step{Operation: role.AttachRolePolicy, PolicyARN: foreign})
		}, awsiam.Denied},
		{"another boundary", func(w *world) error {
			return w.step(role.Step{Operation: role.PutRolePermissionsBoundary, PolicyARN: foreign})
		}, awsiam.Denied},
		{"no boundary", func(w *world) error {
			return w.step(role.Step{Operation: role.DeleteRolePermissionsBoundary})
		}, awsiam.Denied},
		{"a new role without the boundary", func(w *world) error {
			unbounded := uploader()
			unbounded.ARN, unbounded.PermissionsBoundary = roleARN+"2", ""
			return w.api.Roles().Create(w.t.Context(), unbounded)
		}, awsiam.Denied},
		{"a new role elsewhere", func(w *world) error {
			elsewhere := uploader()
			elsewhere.ARN = "arn:aws:iam::111122223333:role/uploader2"
			return w.api.Roles().Create(w.t.Context(), elsewhere)
		}, awsiam.Denied},
		{"a policy for a role elsewhere, which has no boundary", func(w *world) error {
			w.createForeignRole("/", "admin")
			return w.api.Roles().Do(w.t.Context(), "arn:aws:iam::111122223333:role/admin", role.Step{Operation: role.DeleteRole})
		}, awsiam.Denied},
		{"a policy for a role in the path that has no boundary", func(w *world) error {
			w.createForeignRole("/attache/", "admin")
			return w.api.Roles().Do(w.t.Context(), "arn:aws:iam::111122223333:role/attache/admin", role.Step{Operation: role.AttachRolePolicy, PolicyARN: uploads})
		}, awsiam.Denied},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t)
			w.bring(uploader())
			g.Expect(awsiam.KindOf(row.do(w))).To(Equal(row.kind))
			held, err := w.api.Roles().Get(t.Context(), "reports.uploader")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(held).To(Equal(uploader()))
		})
	}
}

func (w *world) step(s role.Step) error { return w.api.Roles().Do(w.t.Context(), roleARN, s) }

func (w *world) createForeignRole(path, name string) {
	w.t.Helper()
	trusting := trustOf("somebody/else")
	_, err := w.root.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, Path: &path, AssumeRolePolicyDocument: &trusting})
	w.must(err)
}
