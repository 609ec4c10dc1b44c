package role_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/awsiam/role"
)

const (
	arn      = "arn:aws:iam::111122223333:role/attache/reports/reports.uploader"
	readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	tenants  = "arn:aws:iam::111122223333:policy/tenants"
	trustOne = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"one"},"Action":"sts:AssumeRoleWithSAML"}]}`
	trustTwo = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"two"},"Action":"sts:AssumeRoleWithSAML"}]}`
)

// document returns an inline policy with one statement.
func document(effect, action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"}]}`
}

func uploader() role.Role {
	return role.Role{
		ARN: arn, Description: "Uploads reports", MaxSessionDuration: time.Hour,
		TrustPolicy: trustOne, PermissionsBoundary: tenants,
		Policies:       []string{readOnly},
		InlinePolicies: map[string]string{"s3": document("Allow", "s3:PutObject")},
		Tags:           map[string]string{"team": "reports", "attache.dev/name": "uploader"},
	}
}

// change is a way in which a role may differ.
type change func(*role.Role)

func changed(changes ...change) role.Role {
	r := uploader()
	for _, c := range changes {
		c(&r)
	}
	return r
}

func TestNameAndPath(t *testing.T) {
	for _, row := range []struct{ arn, name, path string }{
		{arn, "reports.uploader", "/attache/reports/"},
		{"arn:aws:iam::111122223333:role/plain", "plain", "/"},
		{"", "", "/"},
	} {
		t.Run(row.arn, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(role.Name(row.arn)).To(Equal(row.name))
			g.Expect(role.Path(row.arn)).To(Equal(row.path))
		})
	}
}

func TestHashIsThatOfWhatARoleSays(t *testing.T) {
	for _, row := range []struct {
		name string
		same bool
		to   change
	}{
		{"nothing", true, func(*role.Role) {}},
		{"how the trust policy is written", true, func(r *role.Role) { r.TrustPolicy = strings.ReplaceAll(r.TrustPolicy, ",", " ,\n") }},
		{"how an inline policy is written", true, func(r *role.Role) {
			r.InlinePolicies = map[string]string{"s3": strings.Replace(document("Allow", "s3:PutObject"), `"*"`, `["*"]`, 1)}
		}},
		{"a policy that stands twice", true, func(r *role.Role) { r.Policies = []string{readOnly, readOnly} }},
		{"an inline policy less", false, func(r *role.Role) { r.InlinePolicies = nil }},
		{"the case of a tag's key", true, func(r *role.Role) { r.Tags = map[string]string{"Team": "reports", "attache.dev/name": "uploader"} }},
		{"the ARN", false, func(r *role.Role) { r.ARN = strings.ToUpper(arn) }},
		{"the description", false, func(r *role.Role) { r.Description = "" }},
		{"the maximum duration", false, func(r *role.Role) { r.MaxSessionDuration = 2 * time.Hour }},
		{"whom it trusts", false, func(r *role.Role) { r.TrustPolicy = trustTwo }},
		{"the boundary", false, func(r *role.Role) { r.PermissionsBoundary = "" }},
		{"a policy", false, func(r *role.Role) { r.Policies = nil }},
		{"the name of an inline policy", false, func(r *role.Role) {
			r.InlinePolicies = map[string]string{"S3": document("Allow", "s3:PutObject")}
		}},
		{"a tag", false, func(r *role.Role) { r.Tags = map[string]string{"team": "reports"} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(role.Hash(changed(row.to)) == role.Hash(uploader())).To(Equal(row.same))
		})
	}
	t.Run("it is SHA-256 in hexadecimal, and nil is as empty", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(role.Hash(uploader())).To(MatchRegexp("^[0-9a-f]{64}$"))
		g.Expect(role.Hash(role.Role{})).To(Equal(role.Hash(role.Role{Policies: []string{}, InlinePolicies: map[string]string{}, Tags: map[string]string{}})))
	})
}

func TestCheckInlinePolicies(t *testing.T) {
	for _, row := range []struct {
		name      string
		documents map[string]string
		problem   string
	}{
		{"none", nil, ""},
		{"good ones", map[string]string{"a": document("Allow", "s3:PutObject"), "b": document("Deny", "*")}, ""},
		{"a bad one is named", map[string]string{"a": document("Allow", "s3:PutObject"), "b": "{"}, "inlinePolicies[b]: not JSON at line 1"},
		{
			"too many characters together",
			map[string]string{"a": document("Allow", "s3:"+strings.Repeat("a", 6000)), "b": document("Allow", "s3:"+strings.Repeat("b", 6000))},
			"characters together, white space not counted, and IAM takes 10240",
		},
		{"white space does not count", map[string]string{"a": document("Allow", "s3:a") + strings.Repeat(" ", 20000)}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			err := role.CheckInlinePolicies(row.documents)
			if row.problem == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(row.problem)))
		})
	}
}
