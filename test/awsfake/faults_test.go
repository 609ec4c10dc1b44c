package awsfake_test

import (
	"errors"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	. "github.com/onsi/gomega"

	"attache.dev/attache/test/awsfake"
	"attache.dev/attache/test/awsfake/internal/testidp"
)

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
		"an account that is not there":   {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle, Account: "444455556666"}, "not one that exists here"},
		"an unknown operation":           {awsfake.Fault{Operation: "Dance", Kind: awsfake.FaultThrottle}, "not one that awsfake has"},
		"an unknown kind":                {awsfake.Fault{Operation: "GetRole", Kind: "explode"}, "not one of throttle"},
		"a delay of nothing":             {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDelay}, "needs a delay"},
		"a negative count":               {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle, Count: -1}, "negative"},
		"a denial that AWS never speaks": {awsfake.Fault{Operation: "GetCallerIdentity", Kind: awsfake.FaultDeny}, "AWS never denies"},
		"a denial after the call":        {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultDeny, After: true}, "never carried out"},
		"a failure with status 200":      {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 200, Code: "X"}, "not from 400 to 599"},
		"a failure without a code":       {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultFail, Status: 500}, "no error code"},
		"a status of another kind":       {awsfake.Fault{Operation: "GetRole", Kind: awsfake.FaultThrottle, Status: 500}, "belong to the kind fail"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, _ *federation, control awsfake.Control) {
				NewWithT(t).Expect(control.AddFault(t.Context(), row.fault)).To(MatchError(ContainSubstring(row.want)))
			})
		})
	}
}

func TestAFaultOfKindFailAnswersWordForWord(t *testing.T) {
	for name, row := range map[string]awsfake.Fault{
		"a change at the same time":       {Status: 409, Code: "ConcurrentModification", Message: "The request was rejected because multiple requests to change this object were submitted simultaneously."},
		"a change that is not over":       {Status: 409, Code: "EntityTemporarilyUnmodifiable", Message: "Role reports is being modified."},
		"a failure of the service":        {Status: 500, Code: "ServiceFailure", Message: "The request processing has failed because of an unknown error."},
		"a quota":                         {Status: 409, Code: "LimitExceeded", Message: "Cannot exceed quota for RolesPerAccount: 1000"},
		"a message with a percent sign":   {Status: 400, Code: "ValidationError", Message: "100%d of it"},
		"a code with a point in its name": {Status: 400, Code: "Client.RequestLimitExceeded", Message: "Later"},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				row.Operation, row.Kind, row.Count = "UpdateRole", awsfake.FaultFail, 1
				g.Expect(control.AddFault(t.Context(), row)).To(Succeed())
				_, err := f.iam.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String("reports")})
				code, message := apiErrorOf(g, err)
				g.Expect(code).To(Equal(row.Code))
				g.Expect(message).To(Equal(row.Message))
				var response *awshttp.ResponseError
				g.Expect(errors.As(err, &response)).To(BeTrue())
				g.Expect(response.HTTPStatusCode()).To(Equal(row.Status))
			})
		})
	}
}

func TestAFaultMeetsTheResourceThatItNames(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		f.createRole(t, "archive", trustPolicy(f.providerARN, ""), 3600)
		for _, resource := range []string{"archive", f.providerARN, f.roleARN} {
			g.Expect(control.AddFault(t.Context(), awsfake.Fault{
				Operation: awsfake.AnyOperation, Kind: awsfake.FaultThrottle, Resource: resource,
			})).To(Succeed())
		}
		_, err := f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reports")})
		g.Expect(err).NotTo(HaveOccurred())
		_, err = f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("archive")})
		g.Expect(codeOf(g, err)).To(Equal("Throttling"))
		_, err = f.iam.GetSAMLProvider(t.Context(), &iam.GetSAMLProviderInput{SAMLProviderArn: &f.providerARN})
		g.Expect(codeOf(g, err)).To(Equal("Throttling"))
		g.Expect(control.ClearFaults(t.Context())).To(Succeed())
		g.Expect(control.AddFault(t.Context(), awsfake.Fault{
			Operation: awsfake.AnyOperation, Kind: awsfake.FaultThrottle, Resource: f.roleARN,
		})).To(Succeed())
		_, err = f.assume(t, nil, nil)
		g.Expect(codeOf(g, err)).To(Equal("Throttling"))
	})
}

func TestAClientCannotTellASpoiledAnswersEffect(t *testing.T) {
	for name, row := range map[string]struct {
		fault awsfake.Fault
		// done says whether the role is there in the end.
		done bool
		want func(*WithT, error)
	}{
		"a reset connection":                        {awsfake.Fault{Kind: awsfake.FaultReset}, false, isReset},
		"a reset connection, the role made":         {awsfake.Fault{Kind: awsfake.FaultReset, After: true}, true, isReset},
		"a reset connection after a while":          {awsfake.Fault{Kind: awsfake.FaultReset, Delay: awsfake.Duration(time.Millisecond)}, false, isReset},
		"a body of garbage":                         {awsfake.Fault{Kind: awsfake.FaultGarbage}, false, isUnreadable},
		"a body of garbage, the role made":          {awsfake.Fault{Kind: awsfake.FaultGarbage, After: true}, true, isUnreadable},
		"half a body, which has made the role":      {awsfake.Fault{Kind: awsfake.FaultTruncate}, true, isUnreadable},
		"an unavailable service that made it":       {awsfake.Fault{Kind: awsfake.FaultUnavailable, After: true}, true, isCode("ServiceUnavailable")},
		"a failure of the service that made it":     {awsfake.Fault{Kind: awsfake.FaultFail, Status: 500, Code: "ServiceFailure", After: true}, true, isCode("ServiceFailure")},
		"a throttled call that was not carried out": {awsfake.Fault{Kind: awsfake.FaultThrottle}, false, isCode("Throttling")},
	} {
		t.Run(name, func(t *testing.T) {
			eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
				g := NewWithT(t)
				row.fault.Operation, row.fault.Count = "CreateRole", 1
				g.Expect(control.AddFault(t.Context(), row.fault)).To(Succeed())
				trust := trustPolicy(f.providerARN, "")
				_, err := f.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("archive"), AssumeRolePolicyDocument: &trust})
				row.want(g, err)
				_, err = f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("archive")})
				if row.done {
					g.Expect(err).NotTo(HaveOccurred())
				} else {
					g.Expect(codeOf(g, err)).To(Equal("NoSuchEntity"))
				}
				calls, err := control.Calls(t.Context(), "CreateRole")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(calls[len(calls)-1].Fault).To(Equal(row.fault.Kind))
			})
		})
	}
}

func isReset(g *WithT, err error) {
	g.ExpectWithOffset(1, errors.Is(err, syscall.ECONNRESET)).To(BeTrue(), "want a reset connection, got: %v", err)
}

func isUnreadable(g *WithT, err error) {
	var broken *smithy.DeserializationError
	g.ExpectWithOffset(1, errors.As(err, &broken)).To(BeTrue(), "want an answer that cannot be read, got: %v", err)
}

func isCode(want string) func(*WithT, error) {
	return func(g *WithT, err error) {
		g.ExpectWithOffset(1, codeOf(g, err)).To(Equal(want))
	}
}

func TestAConnectionWithTLSIsResetToo(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	server := httptest.NewTLSServer(w.fake)
	t.Cleanup(server.Close)
	g.Expect(w.fake.Control().AddFault(t.Context(), awsfake.Fault{Operation: "ListRoles", Kind: awsfake.FaultReset})).To(Succeed())
	client := iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{}, HTTPClient: server.Client(),
		Credentials: w.iam.Options().Credentials,
	})
	_, err := client.ListRoles(t.Context(), nil)
	isReset(g, err)
}

func TestADelayAfterTheCallHoldsItsAnswerBack(t *testing.T) {
	eachControl(t, func(t *testing.T, f *federation, control awsfake.Control) {
		g := NewWithT(t)
		g.Expect(control.AddFault(t.Context(), awsfake.Fault{
			Operation: "AssumeRoleWithSAML", Kind: awsfake.FaultDelay, Delay: awsfake.Duration(20 * time.Millisecond), After: true,
		})).To(Succeed())
		answer, err := f.assume(t, func(m *testidp.Message) { m.Attribute("RoleSessionName", "late") }, nil)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(*answer.AssumedRoleUser.Arn).To(HaveSuffix("/late"))
	})
}
