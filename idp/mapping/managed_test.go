package mapping

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
)

const (
	tenants   = "arn:aws:iam::111122223333:policy/tenants"
	readOnly  = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	line      = `{namespaces: {names: [reports]}, subjects: [ServiceAccount], managed: {pathPrefix: "/reports/"`
	firstRule = `spec.allow[0] of SAMLProvider "corp"`
)

func TestRefuseBoundsManagedRoles(t *testing.T) {
	role := func(change func(*v1alpha1.ManagedRole)) *v1alpha1.RoleMapping {
		return managed("uploader", func(m *v1alpha1.RoleMapping) { change(m.Spec.Role.Managed) })
	}
	boundary := func(b *v1alpha1.AllowManaged) { b.PermissionsBoundary = tenants }
	for _, tt := range []struct {
		name     string
		provider *v1alpha1.SAMLProvider
		mapping  *v1alpha1.RoleMapping
		facts    Facts
		want     Finding
	}{
		{name: "a managed role within the bounds is honoured", provider: makes(), mapping: managed("uploader")},
		{
			name: "an entry that lists existing roles makes none", provider: provider(), mapping: managed("uploader"),
			want: notAllowed(`spec.allow of SAMLProvider "corp" has an entry for namespace "reports", but none with managed, which lets it have roles made; ask its owner to add: %s`, line+"}}"),
		},
		{
			name: "a namespace without an entry is refused by the name of its role", mapping: managed("uploader"),
			provider: provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil }),
			want:     notAllowed(`spec.allow of SAMLProvider "corp" has no entry for namespace "reports" that covers arn:aws:iam::111122223333:role/reports/reports.uploader; ask its owner to add: %s`, line+"}}"),
		},
		{
			name: "an account that is not listed is named", provider: makes(),
			mapping: role(func(r *v1alpha1.ManagedRole) { r.AccountID = "444455556666" }),
			want: Finding{v1alpha1.ReasonAccountNotListed,
				`managed role reports.uploader is a role of account 444455556666, which spec.accounts of SAMLProvider "corp" does not list; use a role of 111122223333, or a SAMLProvider that lists 444455556666`},
		},
		{
			name: "a role that exists and is made is neither", provider: makes(),
			mapping: managed("uploader", func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = uploaderRole }),
			want:    notAllowed("spec.role of RoleMapping reports/uploader has both arn and managed: leave one of them out"),
		},
		{
			name: "a name that does not fit into the session tag is refused", provider: makes(),
			mapping: managed(strings.Repeat("a", 249)),
			want:    notAllowed("the name of RoleMapping reports/%s has 257 characters with its namespace, and the session tag attache.dev/mapping takes 256: create it with a shorter name", strings.Repeat("a", 249)),
		},
		{name: "a name that just fits is honoured", provider: makes(), mapping: managed(strings.Repeat("a", 248))},
		{name: "a path below the prefix is honoured", provider: makes(), mapping: role(func(r *v1alpha1.ManagedRole) { r.Path = "/reports/daily/" })},
		{
			name: "a path beside the prefix is refused", provider: makes(),
			mapping: role(func(r *v1alpha1.ManagedRole) { r.Path = "/reports-admin/" }),
			want: notAllowed("the path of the managed role, /reports-admin/, is outside managed.pathPrefix of %s: delete the RoleMapping and create it with a role.managed.path that begins with /reports/, or ask its owner to add: %s",
				firstRule, strings.Replace(line, "/reports/", "/reports-admin/", 1)+"}}"),
		},
		{
			name: "the default path counts as if it were written", provider: makes(),
			mapping: role(func(r *v1alpha1.ManagedRole) { r.Path = "" }),
			want: notAllowed("the path of the managed role, /attache/reports/, is outside managed.pathPrefix of %s: delete the RoleMapping and create it with a role.managed.path that begins with /reports/, or ask its owner to add: %s",
				firstRule, strings.Replace(line, "/reports/", "/attache/reports/", 1)+"}}"),
		},
		{
			name: "a prefix without its last slash admits nothing", mapping: role(func(r *v1alpha1.ManagedRole) { r.Path = "/reports-admin/" }),
			provider: makes(func(b *v1alpha1.AllowManaged) { b.PathPrefix = "/reports" }),
			want: notAllowed("the path of the managed role, /reports-admin/, is outside managed.pathPrefix of %s: delete the RoleMapping and create it with a role.managed.path that begins with /reports, or ask its owner to add: %s",
				firstRule, strings.Replace(line, "/reports/", "/reports-admin/", 1)+"}}"),
		},
		{name: "the boundary that is demanded need not be written", provider: makes(boundary), mapping: managed("uploader")},
		{name: "the boundary that is demanded may be written", provider: makes(boundary), mapping: role(func(r *v1alpha1.ManagedRole) { r.PermissionsBoundary = tenants })},
		{name: "any boundary may be written where none is demanded", provider: makes(), mapping: role(func(r *v1alpha1.ManagedRole) { r.PermissionsBoundary = tenants })},
		{
			name: "another boundary than the one that is demanded is refused", provider: makes(boundary),
			mapping: role(func(r *v1alpha1.ManagedRole) { r.PermissionsBoundary = readOnly }),
			want: notAllowed("role.managed.permissionsBoundary %s is not the one that %s demands: write %s or leave it out, or ask its owner to add: %s",
				readOnly, firstRule, tenants, line+`, permissionsBoundary: "`+readOnly+`"}}`),
		},
		{
			name: "a policy that a pattern matches is honoured", mapping: role(func(r *v1alpha1.ManagedRole) { r.Policies = []v1alpha1.PolicyARN{readOnly} }),
			provider: makes(func(b *v1alpha1.AllowManaged) { b.Policies = []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"} }),
		},
		{
			name: "a policy that no pattern matches is refused, and the line keeps the boundary",
			provider: makes(boundary, func(b *v1alpha1.AllowManaged) {
				b.Policies = []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"}
			}),
			mapping: role(func(r *v1alpha1.ManagedRole) {
				r.Policies = []v1alpha1.PolicyARN{readOnly, "arn:aws:iam::aws:policy/job-function/Billing"}
			}),
			want: notAllowed("policy arn:aws:iam::aws:policy/job-function/Billing is not one that managed.policies of %s allows (* never matches /): leave it out, or ask its owner to add: %s",
				firstRule, line+`, permissionsBoundary: "`+tenants+`", policies: ["`+readOnly+`", "arn:aws:iam::aws:policy/job-function/Billing"]}}`),
		},
		{
			name: "an inline policy is refused where none is allowed, with a warning where nothing bounds it", provider: makes(),
			mapping: role(func(r *v1alpha1.ManagedRole) {
				r.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "s3", Document: "{}"}}
			}),
			want: notAllowed("%s does not allow role.managed.inlinePolicies: use policies that it lists, or ask its owner, best with a permissionsBoundary, for nothing else bounds such policies, to add: %s",
				firstRule, line+", inlinePolicies: true}}"),
		},
		{
			name: "an inline policy under a boundary is refused without a warning", provider: makes(boundary),
			mapping: role(func(r *v1alpha1.ManagedRole) {
				r.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "s3", Document: "{}"}}
			}),
			want: notAllowed("%s does not allow role.managed.inlinePolicies: use policies that it lists, or ask its owner to add: %s",
				firstRule, line+`, permissionsBoundary: "`+tenants+`", inlinePolicies: true}}`),
		},
		{
			name: "adoption is refused where it is not allowed", provider: makes(),
			mapping: managed("uploader", func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged }),
			want: notAllowed("%s does not allow adoption: leave spec.adoption out, or ask its owner to add: %s",
				firstRule, line+", adoption: true}}"),
		},
		{
			name: "adoption that is never wanted needs no leave", provider: makes(),
			mapping: managed("uploader", func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionNever }),
		},
		{name: "the twentieth role of a namespace is honoured", provider: makes(), mapping: managed("uploader"), facts: Facts{ManagedBefore: 19}},
		{
			name: "the twenty-first role of a namespace is refused", provider: makes(), mapping: managed("uploader"), facts: Facts{ManagedBefore: 20},
			want: Finding{v1alpha1.ReasonTooManyRoles,
				`20 older RoleMappings of namespace "reports" with managed roles leave nothing of the 20 that managed.maxRoles of spec.allow[0] of SAMLProvider "corp" allows: delete one of them, or ask its owner to raise maxRoles`},
		},
		{
			name: "maxRoles moves the limit", provider: makes(func(b *v1alpha1.AllowManaged) { b.MaxRoles = new(int32(21)) }),
			mapping: managed("uploader"), facts: Facts{ManagedBefore: 20},
		},
		{
			name: "older roles do not count against existing ones", provider: provider(),
			mapping: mapping("uploader", uploaderRole), facts: Facts{ManagedBefore: 2000},
		},
		{
			name: "two entries do not add up to the bounds of one role",
			provider: alsoMakes(makes(boundary, func(b *v1alpha1.AllowManaged) {
				b.InlinePolicies, b.PathPrefix = true, "/other/"
			}), v1alpha1.AllowManaged{PathPrefix: "/reports/"}),
			mapping: role(func(r *v1alpha1.ManagedRole) {
				r.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "s3", Document: "{}"}}
			}),
			want: notAllowed(`spec.allow[1] of SAMLProvider "corp" does not allow role.managed.inlinePolicies: use policies that it lists, or ask its owner, best with a permissionsBoundary, for nothing else bounds such policies, to add: %s`,
				line+", inlinePolicies: true}}"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			f, refused := Refuse(tt.provider, tt.mapping, tt.facts)
			g.Expect(f).To(Equal(tt.want))
			g.Expect(refused).To(Equal(tt.want != Finding{}))
		})
	}
}

func TestTheBoundsAreThoseOfTheFirstEntryThatCoversTheWhole(t *testing.T) {
	first := v1alpha1.AllowManaged{PathPrefix: "/reports/", PermissionsBoundary: tenants}
	second := v1alpha1.AllowManaged{PathPrefix: "/", InlinePolicies: true}
	inline := func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed.InlinePolicies = []v1alpha1.InlinePolicy{{Name: "s3", Document: "{}"}}
	}
	for _, tt := range []struct {
		name     string
		mapping  *v1alpha1.RoleMapping
		bounds   *v1alpha1.AllowManaged
		boundary string
	}{
		{"the first entry that covers the mapping bounds it", managed("uploader"), &first, tenants},
		{"an entry that covers a part does not", managed("uploader", inline), &second, ""},
		{
			"a boundary of the mapping's own goes before the entry's",
			managed("uploader", inline, func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed.PermissionsBoundary = readOnly }), &second, readOnly,
		},
		{
			"nothing bounds what nothing covers",
			managed("uploader", func(m *v1alpha1.RoleMapping) { m.Namespace = "billing" }), nil, "",
		},
		{"nothing bounds an existing role", mapping("uploader", uploaderRole), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			p := alsoMakes(alsoMakes(provider(), first), second)
			g.Expect(Bounds(p, tt.mapping, Facts{})).To(Equal(tt.bounds))
			g.Expect(PermissionsBoundary(p, tt.mapping, Facts{})).To(Equal(tt.boundary))
		})
	}
}

func TestRoleARN(t *testing.T) {
	for _, tt := range []struct {
		name   string
		region string
		role   v1alpha1.Role
		want   string
		ok     bool
	}{
		{"an existing role is what the spec says", "eu-west-1", v1alpha1.Role{ARN: uploaderRole}, uploaderRole, true},
		{"what is no role is returned as it is", "eu-west-1", v1alpha1.Role{ARN: "hello"}, "hello", false},
		{
			"a managed role has a default path and name", "eu-west-1",
			v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: "111122223333"}},
			"arn:aws:iam::111122223333:role/attache/reports/reports.uploader", true,
		},
		{
			"a managed role is in the partition of its account", "cn-north-1",
			v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: "111122223333", Path: "/", Name: "uploader"}},
			"arn:aws-cn:iam::111122223333:role/uploader", true,
		},
		{
			"a managed role of an account that is not listed has no ARN", "eu-west-1",
			v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: "444455556666"}}, "", false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			p := provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Accounts[0].Region = tt.region })
			got, ok := RoleARN(p, mapping("uploader", "", func(m *v1alpha1.RoleMapping) { m.Spec.Role = tt.role }))
			g.Expect(got).To(Equal(tt.want))
			g.Expect(ok).To(Equal(tt.ok))
		})
	}
}
