package policy

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const provider = "arn:aws:iam::111122223333:saml-provider/corp"

func statement(fields string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + fields + `}]}`
}

func trusting(principal string) string {
	return statement(`"Principal":` + principal + `,"Action":"sts:AssumeRoleWithSAML"`)
}

func TestParseTrust(t *testing.T) {
	for name, row := range map[string]struct {
		document string
		want     string // part of the message; "" for a document that IAM takes
	}{
		"a SAML provider may be trusted":                 {document: trusting(`{"Federated":"` + provider + `"}`)},
		"a list of principals may be trusted":            {document: trusting(`{"Federated":["` + provider + `","cognito-identity.amazonaws.com"]}`)},
		"AWS:* is taken, however unwise":                 {document: trusting(`{"AWS":"*"}`)},
		"a service may be trusted":                       {document: trusting(`{"Service":"ec2.amazonaws.com"}`)},
		"principal * is refused":                         {document: trusting(`"*"`), want: "invalid principal"},
		"Federated * is refused":                         {document: trusting(`{"Federated":"*"}`), want: "Invalid principal"},
		"a role as a federated principal is refused":     {document: trusting(`{"Federated":"arn:aws:iam::111122223333:role/r"}`), want: "Invalid principal"},
		"an unknown principal type is refused":           {document: trusting(`{"Person":"x"}`), want: "Invalid principal"},
		"a wildcard inside an AWS principal is refused":  {document: trusting(`{"AWS":"arn:aws:iam::111122223333:role/*"}`), want: "Invalid principal"},
		"no principal is refused":                        {document: statement(`"Action":"sts:AssumeRoleWithSAML"`), want: "Principal"},
		"NotPrincipal is refused":                        {document: statement(`"NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"`), want: "specify a principal"},
		"a resource is refused":                          {document: statement(`"Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Resource":"*"`), want: "prohibited field Resource"},
		"an action of another service is refused":        {document: statement(`"Principal":{"AWS":"*"},"Action":"iam:CreateRole"`), want: "may only specify STS"},
		"action * is refused":                            {document: statement(`"Principal":{"AWS":"*"},"Action":"*"`), want: "may only specify STS"},
		"no effect is refused":                           {document: `{"Statement":[{"Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`, want: "Effect"},
		"effect in small letters is refused":             {document: strings.Replace(trusting(`{"AWS":"*"}`), "Allow", "allow", 1), want: "Invalid effect"},
		"an element that stands twice is refused":        {document: statement(`"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"`), want: "Syntax errors"},
		"an element in small letters is refused":         {document: statement(`"principal":{"AWS":"*"},"Action":"sts:AssumeRole"`), want: "Syntax errors"},
		"an unknown element is refused":                  {document: statement(`"Principal":{"AWS":"*"},"Action":"sts:AssumeRole","When":"now"`), want: "Syntax errors"},
		"an unknown version is refused":                  {document: `{"Version":"2026-01-01","Statement":[]}`, want: "version"},
		"no statement is refused":                        {document: `{"Version":"2012-10-17","Statement":[]}`, want: "Syntax errors"},
		"a text that is not JSON is refused":             {document: `{"Version"`, want: "invalid Json"},
		"an unknown condition operator is refused":       {document: statement(`"Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringIs":{"saml:aud":"x"}}`), want: "StringIs"},
		"a condition key without a vendor is refused":    {document: statement(`"Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aud":"x"}}`), want: "vendor"},
		"a number where a boolean must stand is refused": {document: statement(`"Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"Bool":{"a:b":1}}`), want: "Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := ParseTrust(row.document)
			if row.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			var refused *MalformedError
			g.Expect(errors.As(err, &refused)).To(BeTrue(), "got %v", err)
			g.Expect(refused.Message).To(ContainSubstring(row.want))
		})
	}
}

func TestParseIdentity(t *testing.T) {
	for name, row := range map[string]struct{ document, want string }{
		"an action on a resource is taken":        {document: statement(`"Action":"iam:*","Resource":"*"`)},
		"NotAction and NotResource are taken":     {document: statement(`"NotAction":"iam:*","NotResource":"arn:aws:iam::*:role/x"`)},
		"one statement without a list is taken":   {document: `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`},
		"a principal is refused":                  {document: statement(`"Principal":{"AWS":"*"},"Action":"iam:*","Resource":"*"`), want: "should not specify a principal"},
		"no resource is refused":                  {document: statement(`"Action":"iam:*"`), want: "must contain resources"},
		"no action is refused":                    {document: statement(`"Resource":"*"`), want: "must contain actions"},
		"an action without a vendor is refused":   {document: statement(`"Action":"CreateRole","Resource":"*"`), want: "vendor"},
		"a resource that is no ARN is refused":    {document: statement(`"Action":"iam:*","Resource":"role/x"`), want: "ARN format"},
		"Action beside NotAction is refused":      {document: statement(`"Action":"iam:*","NotAction":"s3:*","Resource":"*"`), want: "Syntax errors"},
		"two statements with one Sid are refused": {document: `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}]}`, want: "unique"},
		"a date that is none is refused":          {document: statement(`"Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}`), want: "Invalid value"},
		"a Sid with a space is refused":           {document: statement(`"Sid":"a b","Action":"*","Resource":"*"`), want: "alpha-numeric"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := ParseIdentity(row.document)
			if row.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(row.want)))
		})
	}
}

func TestAnOperatorThatIsNotEvaluatedIsRefusedAloud(t *testing.T) {
	_, err := ParseIdentity(statement(`"Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`))
	var unsupported *UnsupportedError
	NewWithT(t).Expect(errors.As(err, &unsupported)).To(BeTrue(), "got %v", err)
}

func TestConditions(t *testing.T) {
	ctx := Context{}
	ctx.Set("saml:aud", "https://signin.aws.amazon.com/saml")
	ctx.Set("saml:sub", "a*b")
	ctx.Set("aws:TagKeys", "team", "cost")
	ctx.Set("aws:RequestTag/team", "reports")
	ctx.Set("aws:PrincipalArn", "arn:aws:iam::111122223333:role/path/reports")
	ctx.Set("t:n", "15")
	ctx.Set("t:b", "True")
	ctx.Set("aws:TokenIssueTime", "2026-05-01T12:00:00Z")
	ctx.Set("aws:EpochTime", "1777636800")
	for name, row := range map[string]struct {
		condition string
		want      bool
	}{
		"StringEquals holds for the same text":                     {`"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`, true},
		"StringEquals tells case apart":                            {`"StringEquals":{"saml:aud":"https://SIGNIN.aws.amazon.com/saml"}`, false},
		"StringEquals knows no wildcard":                           {`"StringEquals":{"saml:aud":"https://*"}`, false},
		"StringEquals holds for one of several":                    {`"StringEquals":{"saml:aud":["x","https://signin.aws.amazon.com/saml"]}`, true},
		"StringEquals fails for an absent key":                     {`"StringEquals":{"saml:iss":"x"}`, false},
		"StringEqualsIfExists holds for an absent key":             {`"StringEqualsIfExists":{"saml:iss":"x"}`, true},
		"StringEqualsIfExists looks at a key that is there":        {`"StringEqualsIfExists":{"saml:aud":"x"}`, false},
		"StringNotEquals holds for an absent key":                  {`"StringNotEquals":{"saml:iss":"x"}`, true},
		"StringNotEquals fails if one of several is equal":         {`"StringNotEquals":{"aws:RequestTag/team":["x","reports"]}`, false},
		"StringEqualsIgnoreCase forgets case":                      {`"StringEqualsIgnoreCase":{"aws:RequestTag/TEAM":"REPORTS"}`, true},
		"StringLike knows *":                                       {`"StringLike":{"saml:aud":"https://*.aws.amazon.com/saml"}`, true},
		"StringLike knows ?":                                       {`"StringLike":{"aws:RequestTag/team":"report?"}`, true},
		"StringNotLike is the opposite":                            {`"StringNotLike":{"aws:RequestTag/team":"rep*"}`, false},
		"a variable stands for its value":                          {`"StringEquals":{"saml:sub":"${saml:sub}"}`, true},
		"a wildcard in a variable's value is a plain character":    {`"StringLike":{"aws:RequestTag/team":"${saml:sub}"}`, false},
		"an unknown variable matches nothing":                      {`"StringLike":{"saml:sub":"${saml:nobody}*"}`, false},
		"an unknown variable may have a default":                   {`"StringEquals":{"aws:RequestTag/team":"${saml:nobody, 'reports'}"}`, true},
		"ForAllValues holds if each value is listed":               {`"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","x"]}`, true},
		"ForAllValues fails if one value is not":                   {`"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, false},
		"ForAllValues holds for an absent key":                     {`"ForAllValues:StringEquals":{"t:absent":["team"]}`, true},
		"ForAnyValue holds if one value is listed":                 {`"ForAnyValue:StringEquals":{"aws:TagKeys":["team"]}`, true},
		"ForAnyValue fails for an absent key":                      {`"ForAnyValue:StringEquals":{"t:absent":["team"]}`, false},
		"ForAnyValue negated fails for an absent key":              {`"ForAnyValue:StringNotEquals":{"t:absent":["team"]}`, false},
		"a negated operator must hold for every value":             {`"StringNotEquals":{"aws:TagKeys":"team"}`, false},
		"ArnLike matches part by part":                             {`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}`, true},
		"ArnLike's wildcard stops at a colon":                      {`"ArnLike":{"aws:PrincipalArn":"arn:aws:*:role/path/reports"}`, false},
		"ArnEquals knows wildcards too":                            {`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/path/*"}`, true},
		"Null true holds for an absent key":                        {`"Null":{"saml:iss":"true"}`, true},
		"Null true fails for a key that is there":                  {`"Null":{"saml:aud":true}`, false},
		"Null false holds for a key that is there":                 {`"Null":{"saml:aud":"false"}`, true},
		"Bool forgets case":                                        {`"Bool":{"t:b":"true"}`, true},
		"Bool fails for the other value":                           {`"Bool":{"t:b":false}`, false},
		"NumericEquals compares numbers":                           {`"NumericEquals":{"t:n":15.0}`, true},
		"NumericLessThan holds below":                              {`"NumericLessThan":{"t:n":"16"}`, true},
		"NumericLessThan fails at the bound":                       {`"NumericLessThan":{"t:n":"15"}`, false},
		"NumericGreaterThanEquals holds at the bound":              {`"NumericGreaterThanEquals":{"t:n":"15"}`, true},
		"NumericLessThanEquals fails for what is no number":        {`"NumericLessThanEquals":{"saml:sub":"15"}`, false},
		"DateLessThan holds before":                                {`"DateLessThan":{"aws:TokenIssueTime":"2026-05-01T12:00:01Z"}`, true},
		"DateLessThan fails at the same time":                      {`"DateLessThan":{"aws:TokenIssueTime":"2026-05-01T12:00:00Z"}`, false},
		"DateLessThanEquals holds at the same time":                {`"DateLessThanEquals":{"aws:TokenIssueTime":"2026-05-01T12:00:00Z"}`, true},
		"DateGreaterThan compares times, not texts":                {`"DateGreaterThan":{"aws:TokenIssueTime":"2026-05-01T13:00:00+02:00"}`, true},
		"DateGreaterThanEquals knows a day":                        {`"DateGreaterThanEquals":{"aws:TokenIssueTime":"2026-05-02"}`, false},
		"DateEquals takes seconds since 1970":                      {`"DateEquals":{"aws:TokenIssueTime":"1777636800"}`, true},
		"DateEquals takes a key in seconds":                        {`"DateEquals":{"aws:EpochTime":"2026-05-01T12:00Z"}`, true},
		"DateNotEquals is the opposite":                            {`"DateNotEquals":{"aws:TokenIssueTime":"2026-05-01T12:00:00Z"}`, false},
		"DateLessThan fails for an absent key":                     {`"DateLessThan":{"aws:Absent":"2026"}`, false},
		"DateLessThan fails for what is no date":                   {`"DateLessThan":{"saml:sub":"2026"}`, false},
		"every operator must hold":                                 {`"Null":{"saml:aud":"false"},"StringEquals":{"saml:aud":"x"}`, false},
		"every key of an operator must hold":                       {`"StringEquals":{"aws:RequestTag/team":"reports","saml:aud":"x"}`, false},
		"StringLike with many stars does not match what is absent": {`"StringLike":{"aws:RequestTag/team":"*e*o*x*"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			d, err := ParseIdentity(statement(`"Action":"iam:GetRole","Resource":"*","Condition":{` + row.condition + `}`))
			g.Expect(err).NotTo(HaveOccurred())
			want := ImplicitDeny
			if row.want {
				want = Allowed
			}
			g.Expect(Evaluate(Request{Action: "iam:GetRole", Resource: "*", Context: ctx}, d)).To(Equal(want))
		})
	}
}

func TestEvaluate(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/reports/uploader"
	ask := Request{Action: "iam:CreateRole", Resource: role}
	for name, row := range map[string]struct {
		statements string
		want       Decision
	}{
		"what nothing allows is denied":             {`{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}`, ImplicitDeny},
		"actions forget case and know wildcards":    {`{"Effect":"Allow","Action":"IAM:create*","Resource":"*"}`, Allowed},
		"resources know wildcards across slashes":   {`{"Effect":"Allow","Action":"iam:CreateRole","Resource":"arn:aws:iam::111122223333:role/*"}`, Allowed},
		"resources tell case apart":                 {`{"Effect":"Allow","Action":"iam:CreateRole","Resource":"arn:aws:iam::111122223333:role/Reports/*"}`, ImplicitDeny},
		"NotAction means every other action":        {`{"Effect":"Allow","NotAction":"iam:DeleteRole","Resource":"*"}`, Allowed},
		"NotAction leaves its own action out":       {`{"Effect":"Allow","NotAction":"iam:Create*","Resource":"*"}`, ImplicitDeny},
		"NotResource means every other resource":    {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:iam::*:user/*"}`, Allowed},
		"a deny wins whichever statement is first":  {`{"Effect":"Deny","Action":"*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`, ExplicitDeny},
		"a deny that does not apply is not a deny":  {`{"Effect":"Deny","Action":"*","Resource":"arn:aws:iam::*:user/*"},{"Effect":"Allow","Action":"*","Resource":"*"}`, Allowed},
		"a deny alone is explicit":                  {`{"Effect":"Deny","Action":"iam:*","Resource":"*"}`, ExplicitDeny},
		"a shorter action name is another action":   {`{"Effect":"Allow","Action":"iam:Create","Resource":"*"}`, ImplicitDeny},
		"? in an action stands for one character":   {`{"Effect":"Allow","Action":"iam:CreateRol?","Resource":"*"}`, Allowed},
		"the vendor's wildcard is only its own":     {`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`, ImplicitDeny},
		"a resource of another account is another":  {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::444455556666:role/*"}`, ImplicitDeny},
		"a list of resources allows each one of it": {`{"Effect":"Allow","Action":"*","Resource":["arn:aws:iam::1:x","` + role + `"]}`, Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			d, err := ParseIdentity(`{"Version":"2012-10-17","Statement":[` + row.statements + `]}`)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(Evaluate(ask, d)).To(Equal(row.want))
		})
	}
}

func TestVariablesNeedTheCurrentVersion(t *testing.T) {
	g := NewWithT(t)
	ctx := Context{}
	ctx.Set("aws:username", "ann")
	ask := Request{Action: "iam:GetUser", Resource: "arn:aws:iam::111122223333:user/ann", Context: ctx}
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}}`
	current, err := ParseIdentity(document)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(Evaluate(ask, current)).To(Equal(Allowed))
	old, err := ParseIdentity(strings.Replace(document, currentVersion, oldVersion, 1))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(Evaluate(ask, old)).To(Equal(ImplicitDeny))
}

func TestATrustPolicyAsksWhoCalls(t *testing.T) {
	g := NewWithT(t)
	d, err := ParseTrust(trusting(`{"Federated":"` + provider + `"}`))
	g.Expect(err).NotTo(HaveOccurred())
	ask := Request{Action: "sts:AssumeRoleWithSAML", PrincipalType: Federated, Principal: provider}
	g.Expect(Evaluate(ask, d)).To(Equal(Allowed))
	ask.Principal += "-other"
	g.Expect(Evaluate(ask, d)).To(Equal(ImplicitDeny))
	ask.Principal, ask.PrincipalType = provider, AWS
	g.Expect(Evaluate(ask, d)).To(Equal(ImplicitDeny))
}

// FuzzParse finds documents that break the parser or the evaluation, or that allow
// although none of their statements does.
func FuzzParse(f *testing.F) {
	f.Add(trusting(`{"Federated":"` + provider + `"}`))
	f.Add(statement(`"Action":["iam:*"],"Resource":"arn:aws:iam::*:role/${saml:sub}","Condition":{"ForAnyValue:StringLikeIfExists":{"saml:sub":["a*",1,true]}}`))
	f.Add(`{"Statement":{"Effect":"Deny","NotAction":"*","NotResource":"*"}}`)
	f.Add(statement(`"Action":"*","Resource":"*","Condition":{"DateLessThanIfExists":{"saml:sub":["2026-01-01T00:00:00Z","1777636800"]}}`))
	f.Fuzz(func(t *testing.T, document string) {
		ctx := Context{}
		ctx.Set("saml:sub", "subject", "other")
		for _, parse := range []func(string) (*Document, error){ParseTrust, ParseIdentity} {
			d, err := parse(document)
			if err != nil {
				var refused *MalformedError
				var unsupported *UnsupportedError
				if !errors.As(err, &refused) && !errors.As(err, &unsupported) {
					t.Fatalf("an error of no known kind: %v", err)
				}
				continue
			}
			allows := false
			for _, s := range d.Statements {
				allows = allows || s.Effect == Allow
			}
			decision := Evaluate(Request{
				Action: "sts:AssumeRoleWithSAML", Resource: "*", PrincipalType: Federated, Principal: provider, Context: ctx,
			}, d)
			if decision == Allowed && !allows {
				t.Fatalf("allowed by a document without an Allow: %s", document)
			}
		}
	})
}
