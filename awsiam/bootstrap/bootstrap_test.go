package bootstrap_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/bootstrap"
	"attache.dev/attache/awsiam/export"
	"attache.dev/attache/awsiam/role"
	"attache.dev/attache/test/awsfake"
)

var creation = []string{
	"CreateSAMLProvider " + operatorProvider,
	"CreateRole " + operatorRole,
	"PutRolePolicy " + operatorRole + ": attache-operator",
	"CreateRole " + probeRole,
	"PutRolePolicy " + probeRole + ": nothing",
}

func TestBootstrapIsDoneOnceAndChangesNothingTheSecondTime(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	var told []string
	w.runner.Tell = func(s bootstrap.Step) { told = append(told, s.String()) }
	g.Expect(stepsOf(w.bring(bootstrap.Create))).To(Equal(creation))
	g.Expect(told).To(Equal(creation))
	for _, mode := range []bootstrap.Mode{bootstrap.Create, bootstrap.Repair} {
		g.Expect(w.bring(mode)).To(Equal(bootstrap.Plan{}), string(mode))
	}
	held, err := w.runner.Observe(t.Context(), w.config)
	g.Expect(err).NotTo(HaveOccurred())
	want, err := bootstrap.Want(w.config)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(role.Differences(want.Operator, *held.Operator)).To(BeEmpty())
	g.Expect(role.Differences(want.Probe, *held.Probe)).To(BeEmpty())
	g.Expect(*held.Provider).To(Equal(awsiam.SAMLProvider{Metadata: want.Metadata, Tags: want.Tags}))
	g.Expect(want.Tags).To(HaveKeyWithValue(awsiam.TagClusterUID, clusterUID))
}

func TestWhatIsChangedIsToldAndPutRightByRepairAlone(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.bring(bootstrap.Create)
	api := w.API(w.Root)
	g.Expect(api.Roles().Do(t.Context(), operatorRole, role.Step{Operation: role.AttachRolePolicy, PolicyARN: "arn:aws:iam::aws:policy/AdministratorAccess"})).To(Succeed())
	g.Expect(api.Roles().Do(t.Context(), probeRole, role.Step{Operation: role.UpdateAssumeRolePolicy, Document: trusting(operatorProvider)})).To(Succeed())
	g.Expect(api.Providers().RemoveTags(t.Context(), operatorProvider, awsiam.TagName)).To(Succeed())
	w.identify(newKey(t))

	plan := w.bring(bootstrap.Create)
	g.Expect(plan.Steps).To(BeEmpty())
	var fields []string
	for _, d := range plan.Differing {
		for _, difference := range d.Differences {
			fields = append(fields, strings.TrimPrefix(d.ARN, "arn:aws:iam::111122223333:")+" "+difference.Field)
		}
	}
	g.Expect(fields).To(ConsistOf(
		MatchRegexp(`^saml-provider/attache-operator keys\[[0-9a-f]{16}\]$`), MatchRegexp(`^saml-provider/attache-operator keys\[[0-9a-f]{16}\]$`),
		"saml-provider/attache-operator tags["+awsiam.TagName+"]",
		HavePrefix("role/attache/attache-operator policies"), "role/attache/attache-probe trustPolicy",
	))

	g.Expect(stepsOf(w.bring(bootstrap.Repair))).To(Equal([]string{
		"UpdateSAMLProvider " + operatorProvider,
		"TagSAMLProvider " + operatorProvider,
		"DetachRolePolicy " + operatorRole + ": arn:aws:iam::aws:policy/AdministratorAccess",
		"UpdateAssumeRolePolicy " + probeRole,
	}))
	g.Expect(w.bring(bootstrap.Create)).To(Equal(bootstrap.Plan{}))
	_, err := w.operator().Roles().GetTrust(t.Context(), "reports")
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.NotFound), "the new key lets the operator in")
}

func TestARoleWhoseMakingWasBrokenOffIsFinished(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	g.Expect(w.Control.AddFault(t.Context(), awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultDeny, Count: 1})).To(Succeed())
	_, err := w.runner.Bring(t.Context(), w.config, bootstrap.Create)
	g.Expect(awsiam.KindOf(err)).To(Equal(awsiam.Denied))
	g.Expect(err).To(MatchError(HavePrefix(operatorRole + ": PutRolePolicy: AccessDenied")))
	g.Expect(stepsOf(w.bring(bootstrap.Create))).To(Equal(creation[2:]))
}

func TestRemoveTakesEverythingAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.bring(bootstrap.Create)
	g.Expect(w.API(w.Root).Roles().Create(t.Context(), reports("/attache/", ""))).To(Succeed())
	// Whoever has lost the key can still remove.
	w.config.Metadata, w.config.NameID, w.config.Providers = "", "", nil
	g.Expect(stepsOf(w.bring(bootstrap.Remove))).To(Equal([]string{
		"DeleteRolePolicy " + probeRole + ": nothing",
		"DeleteRole " + probeRole,
		"DeleteRolePolicy " + operatorRole + ": attache-operator",
		"DeleteRole " + operatorRole,
		"DeleteSAMLProvider " + operatorProvider,
	}))
	g.Expect(w.inventory()).To(Equal([]string{"arn:aws:iam::111122223333:role/attache/reports"}))
	g.Expect(w.bring(bootstrap.Remove)).To(Equal(bootstrap.Plan{}))
}

func TestWhatIsNotThisClustersIsLeftAlone(t *testing.T) {
	foreignRole := func(path, name string) func(*world) {
		return func(w *world) {
			_, err := w.IAM(w.Root).CreateRole(w.t.Context(), &iam.CreateRoleInput{Path: &path, RoleName: &name, AssumeRolePolicyDocument: aws.String(trusting(corp))})
			w.must(err)
		}
	}
	for _, row := range []struct {
		name    string
		prepare func(*world)
		arn     string
	}{
		{"another cluster's", func(w *world) {
			w.bring(bootstrap.Create)
			w.config.ClusterUID = "another"
		}, operatorProvider},
		{"a provider without tags", func(w *world) {
			w.must(w.API(w.Root).Providers().Create(w.t.Context(), operatorProvider, w.config.Metadata, nil))
		}, operatorProvider},
		{"a role without tags", foreignRole("/attache/", "attache-operator"), operatorRole},
		{"a role of another path", foreignRole("/", "attache-operator"), "arn:aws:iam::111122223333:role/attache-operator"},
		{"a role in another case", foreignRole("/attache/", "Attache-Operator"), "arn:aws:iam::111122223333:role/attache/Attache-Operator"},
		{"a probe of another path", foreignRole("/x/", "attache-probe"), "arn:aws:iam::111122223333:role/x/attache-probe"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			row.prepare(w)
			before := w.inventory()
			for _, mode := range []bootstrap.Mode{bootstrap.Create, bootstrap.Repair, bootstrap.Remove} {
				_, err := w.runner.Bring(t.Context(), w.config, mode)
				var foreign *bootstrap.ForeignError
				g.Expect(errors.As(err, &foreign)).To(BeTrue(), "%s: %v", mode, err)
				g.Expect(foreign.ARN).To(Equal(row.arn))
				g.Expect(err).To(MatchError(ContainSubstring("attache.dev/cluster-uid=" + w.config.ClusterUID + " attache.dev/name=attache-operator attache.dev/object-uid=attache-operator")))
			}
			g.Expect(w.inventory()).To(Equal(before))
		})
	}
}

func TestWhatPassesIsTriedAgainAndTheRestIsNot(t *testing.T) {
	for _, row := range []struct {
		name     string
		fault    awsfake.Fault
		succeeds bool
	}{
		{"throttling", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultThrottle, Count: 2}, true},
		{"an answer that got lost", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultReset, After: true, Count: 1}, true},
		{"an answer that got lost at the provider", awsfake.Fault{Operation: "CreateSAMLProvider", Kind: awsfake.FaultReset, After: true, Count: 1}, true},
		{"IAM is busy", awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultFail, Status: 409, Code: "ConcurrentModification", Message: "busy", Count: 1}, true},
		{"IAM does not know the role yet", awsfake.Fault{Operation: "PutRolePolicy", Kind: awsfake.FaultFail, Status: 404, Code: "NoSuchEntity", Message: "not yet", Count: 1}, true},
		{"an outage without end", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultUnavailable}, false},
		{"a missing permission", awsfake.Fault{Operation: "CreateRole", Kind: awsfake.FaultDeny}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			waits := 0
			w.runner.Wait = func(context.Context, time.Duration) error { waits++; return nil }
			g.Expect(w.Control.AddFault(t.Context(), row.fault)).To(Succeed())
			_, err := w.runner.Bring(t.Context(), w.config, bootstrap.Create)
			if !row.succeeds {
				g.Expect(err).To(MatchError(HavePrefix(operatorRole + ": CreateRole: ")))
				g.Expect(waits).To(BeNumerically("<", 6))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(waits).To(BeNumerically(">", 0))
			g.Expect(w.Control.ClearFaults(t.Context())).To(Succeed())
			g.Expect(w.bring(bootstrap.Create)).To(Equal(bootstrap.Plan{}))
		})
	}
}

func TestWhoGivesUpHearsWhatWasWaitedFor(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.runner.Wait = nil
	ctx, cancel := context.WithCancel(t.Context())
	w.runner.Tell = func(bootstrap.Step) { cancel() }
	_, err := w.runner.Bring(ctx, w.config, bootstrap.Create)
	g.Expect(err).To(MatchError(And(HavePrefix("given up while waiting to try again: "), ContainSubstring("CreateSAMLProvider: IAM could not be reached: the call was given up"))))
}

func TestConfigsThatCouldNotWorkOrGiveTooMuch(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name   string
		change func(*bootstrap.Config)
		words  string
	}{
		{"no account", func(c *bootstrap.Config) { c.AccountID = "production" }, "write its twelve digits"},
		{"no region", func(c *bootstrap.Config) { c.Region = "" }, "such as eu-west-1"},
		{"no cluster", func(c *bootstrap.Config) { c.ClusterUID = "" }, "that of the kube-system namespace"},
		{"no metadata", func(c *bootstrap.Config) { c.Metadata = "" }, "the operator's own metadata"},
		{"metadata without a key", func(c *bootstrap.Config) {
			c.Metadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`
		}, "has no signing key"},
		{"a name that admits everybody", func(c *bootstrap.Config) { c.NameID = "system:*" }, "cannot stand in a trust policy"},
		{"no providers", func(c *bootstrap.Config) { c.Providers = nil }, "write the names of the SAML providers"},
		{"all providers", func(c *bootstrap.Config) { c.Providers = []string{"*"} }, "without wildcards"},
		{"the operator's own provider", func(c *bootstrap.Config) { c.Providers = []string{"Attache-Operator"} }, "is the operator's own, which it must not change"},
		{"all paths", func(c *bootstrap.Config) { c.Roles.PathPrefixes = []string{"/"} }, "write a path below /"},
		{"a path with a wildcard", func(c *bootstrap.Config) { c.Roles.PathPrefixes = []string{"/*/"} }, "write a path below /"},
		{"a path without an end", func(c *bootstrap.Config) { c.Roles.PathPrefixes = []string{"/reports"} }, "write a path below /"},
		{"roles without a boundary", func(c *bootstrap.Config) { c.Roles.PermissionsBoundary = "" }, "could give a role every right, and take it"},
		{"a boundary that is a name", func(c *bootstrap.Config) { c.Roles.PermissionsBoundary = "tenants" }, "such as arn:aws:iam::111122223333:policy/NAME"},
		{"every policy of everybody", func(c *bootstrap.Config) { c.Roles.Policies = []string{"*"} }, "write the ARN of a managed policy"},
		{"more than a role's policies may have", func(c *bootstrap.Config) {
			for i := range 200 {
				c.Providers = append(c.Providers, strings.Repeat("p", 100)+strconv.Itoa(i))
			}
		}, "name fewer providers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			config := w.config
			row.change(&config)
			_, err := w.runner.Bring(t.Context(), config, bootstrap.Create)
			g.Expect(err).To(MatchError(ContainSubstring(row.words)))
			g.Expect(w.inventory()).To(BeEmpty())
		})
	}
}

func TestWhatIsWantedCanBePrinted(t *testing.T) {
	w := newWorld(t)
	want, err := bootstrap.Want(w.config)
	w.must(err)
	a := export.Account{
		ID: accountID, Region: region, Roles: []role.Role{want.Operator, want.Probe},
		Providers: []export.Provider{{ARN: want.ProviderARN, Metadata: want.Metadata, Tags: want.Tags}},
	}
	for format, write := range map[string]func(export.Account) ([]byte, error){
		"Terraform": export.Terraform, "CloudFormation": export.CloudFormation,
		"AWS CLI": func(a export.Account) ([]byte, error) { return export.Commands(a, export.Held{}) },
	} {
		t.Run(format, func(t *testing.T) {
			g := NewWithT(t)
			out, err := write(a)
			g.Expect(err).NotTo(HaveOccurred())
			for _, what := range []string{"attache-probe", "AttacheNotItself", "SAML:sub", clusterUID} {
				g.Expect(string(out)).To(ContainSubstring(what))
			}
		})
	}
}

func TestInOtherPartitions(t *testing.T) {
	for _, row := range []struct{ region, arn, acs string }{
		{"cn-north-1", "arn:aws-cn:iam::111122223333:role/attache/attache-operator", "https://signin.amazonaws.cn/saml"},
		{"us-gov-west-1", "arn:aws-us-gov:iam::111122223333:role/attache/attache-operator", "https://signin.amazonaws-us-gov.com/saml"},
	} {
		t.Run(row.region, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			w.config.Region = row.region
			want, err := bootstrap.Want(w.config)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(want.Operator.ARN).To(Equal(row.arn))
			g.Expect(want.Operator.TrustPolicy).To(ContainSubstring(row.acs))
			g.Expect(want.Operator.InlinePolicies["attache-operator"]).NotTo(ContainSubstring(`"arn:aws:iam::111122223333:role`))
		})
	}
}
