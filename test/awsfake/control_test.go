package awsfake_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
)

// eachControl runs a test in process and over HTTP.
func eachControl(t *testing.T, test func(*testing.T, *federation, awsfake.Control)) {
	t.Run("in process", func(t *testing.T) {
		f := newFederation(t, "")
		test(t, f, f.fake.Control())
	})
	t.Run("over HTTP", func(t *testing.T) {
		f := newFederation(t, "")
		server := httptest.NewServer(f.fake.ControlHandler())
		t.Cleanup(server.Close)
		test(t, f, awsfake.NewControlClient(server.URL+"/", adminSecret, nil))
	})
}

func TestAFaultMeetsAsManyCallsAsItSays(t *testing.T) {
	for name, row := range map[string]struct {
		kind          awsfake.FaultKind
		code, message string
	}{
		"throttle":    {awsfake.FaultThrottle, "Throttling", "Rate exceeded"},
		"unavailable": {awsfake.FaultUnavailable, "ServiceUnavailable", "temporary failure"},
		"deny":        {awsfake.FaultDeny, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				g.Expect(control.AddFault(t.Context(), awsfake.Fault{Operation: "AssumeRoleWithSAML", Kind: row.kind, Count: 2})).To(Succeed())
				for range 2 {
					_, err := f.assume(t, nil, nil)
					code, message := apiErrorOf(g, err)
					g.Expect(code).To(Equal(row.code))
					g.Expect(message).To(ContainSubstring(row.message))
				}
				_, err := f.assume(t, nil, nil)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(control.Faults(t.Context())).To(BeEmpty())
			})
		})
	}
}

func TestAFaultWithoutACountStaysUntilCleared(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		g.Expect(control.AddFault(t.Context(), awsfake.Fault{Operation: awsfake.AnyOperation, Kind: awsfake.FaultThrottle})).To(Succeed())
		for range 3 {
			_, err := f.iam.ListRoles(t.Context(), nil)
			g.Expect(err).To(HaveOccurred())
		}
		g.Expect(control.Faults(t.Context())).To(HaveLen(1))
		g.Expect(control.ClearFaults(t.Context())).To(Succeed())
		_, err := f.iam.ListRoles(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
	})
}

func TestADenyFaultNamesTheActionEvenToTheRootUser(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	g.Expect(f.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny})).To(Succeed())
	_, err := f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reports")})
	_, message := apiErrorOf(g, err)
	g.Expect(message).To(Equal("User: arn:aws:iam::111122223333:root is not authorized to perform: iam:GetRole on resource: " +
		f.roleARN + " because no identity-based policy allows the iam:GetRole action"))
}

func TestADelayHoldsACallBack(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		const delay = 50 * time.Millisecond
		g.Expect(control.AddFault(t.Context(), awsfake.Fault{
			Operation: "ListRoles", Kind: awsfake.FaultDelay, Delay: awsfake.Duration(delay), Count: 1,
		})).To(Succeed())
		started := time.Now()
		_, err := f.iam.ListRoles(t.Context(), nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(time.Since(started)).To(BeNumerically(">=", delay))
	})
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		fault awsfake.Fault
		want  string
	}{
		"an unknown operation":           {awsfake.Fault{Operation: "Dance", Kind: awsfake.FaultThrottle}, "not one that awsfake has"},
		"an unknown kind":                {awsfake.Fault{Operation: "GetRole", Kind: "explode"}, "not one of throttle"},
		"a delay of nothing":             {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDelay}, "needs a delay"},
		"a negative count":               {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle, Count: -1}, "negative"},
		"a denial that AWS never speaks": {awsfake.Fault{Operation: "GetCallerIdentity", Kind: awsfake.FaultDeny}, "AWS never denies"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
				NewWithT(t).Expect(control.AddFault(t.Context(), row.fault)).To(MatchError(ContainSubstring(row.want)))
			})
		})
	}
}

func TestCallsAreLogged(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		g.Expect(control.ClearCalls(t.Context())).To(Succeed())
		_, err := f.assume(t, nil, nil)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("nobody")})
		g.Expect(err).To(HaveOccurred())
		all, err := control.Calls(t.Context(), "")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(all).To(HaveLen(2))
		got, err := control.Calls(t.Context(), "GetRole")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(HaveLen(1))
		g.Expect(got[0].RequestID).NotTo(BeEmpty())
		got[0].RequestID = ""
		g.Expect(got[0]).To(Equal(awsfake.Call{
			Operation: "GetRole", Time: f.now(), Status: http.StatusNotFound, Code: "NoSuchEntity",
			Principal: "arn:aws:iam::111122223333:root",
		}))
	})
}

func TestTheControlEndpointAsksForTheSecret(t *testing.T) {
	g := NewWithT(t)
	f := newFederation(t, "")
	server := httptest.NewServer(f.fake.ControlHandler())
	t.Cleanup(server.Close)
	_, err := awsfake.NewControlClient(server.URL, "guessed", nil).Calls(t.Context(), "")
	g.Expect(err).To(MatchError(ContainSubstring("401")))
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	g := NewWithT(t)
	var logged bytes.Buffer
	f := newFederation(t, "")
	f.fake = awsfake.New(awsfake.Options{
		AccountID: account, Region: region, Clock: f.now, AdminAccessKeyID: adminKey, AdminSecretAccessKey: adminSecret,
		Logger: slog.New(slog.NewJSONHandler(&logged, nil)),
	})
	server := httptest.NewServer(f.fake)
	t.Cleanup(server.Close)
	f.url = server.URL
	f.iam, f.sts = f.iamAs(adminKey, adminSecret, ""), f.stsAs(adminKey, adminSecret, "")
	f.createProvider(t, "corp", f.idp.Metadata())
	f.createRole(t, "reports", trustPolicy(f.providerARN, ""), 3600)
	answer, err := f.assume(t, nil, nil)
	g.Expect(err).NotTo(HaveOccurred())

	text := logged.String()
	for _, secret := range []string{adminSecret, *answer.Credentials.SecretAccessKey, *answer.Credentials.SessionToken, "subject-123"} {
		g.Expect(text).NotTo(ContainSubstring(secret))
	}
	var line map[string]any
	g.Expect(json.Unmarshal([]byte(strings.SplitN(text, "\n", 2)[0]), &line)).To(Succeed())
	g.Expect(line).To(HaveKeyWithValue("operation", "CreateSAMLProvider"))
	g.Expect(line).To(HaveKeyWithValue("principal", "arn:aws:iam::111122223333:root"))
}
