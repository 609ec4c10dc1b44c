package controllers_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

const boundary = "arn:aws:iam::111122223333:policy/tenants"

// aManagedMapping is a RoleMapping that has its role made, as a tenant would write it.
func aManagedMapping(changes ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := newMapping("default", "corp", "")
	m.Name = "managed"
	m.Spec.Role = v1alpha1.Role{Managed: &v1alpha1.ManagedRole{
		AccountID:          accountID,
		Name:               "reports-uploader",
		Path:               "/reports/",
		Description:        "Uploads the café's reports",
		MaxSessionDuration: &metav1.Duration{Duration: 2 * time.Hour},
		Policies:           []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
		InlinePolicies:     []v1alpha1.InlinePolicy{{Name: "s3", Document: `{"Version":"2012-10-17","Statement":[]}`}},
		Tags:               []v1alpha1.Tag{{Key: "team", Value: "Berichte und Zahlen"}, {Key: "cost-center", Value: "4711"}},
	}}
	for _, change := range changes {
		change(m)
	}
	return m
}

func TestTheAPIServerRefusesMistakesInManagedRoles(t *testing.T) {
	role := func(change func(*v1alpha1.ManagedRole)) client.Object {
		return aManagedMapping(func(m *v1alpha1.RoleMapping) { change(m.Spec.Role.Managed) })
	}
	for _, row := range []struct {
		name   string
		object client.Object
		says   string
	}{
		{"an existing role and a managed one at once", aManagedMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.ARN = uploader }), "role needs exactly one of arn"},
		{"no role at all", aManagedMapping(func(m *v1alpha1.RoleMapping) { m.Spec.Role.Managed = nil }), "role needs exactly one of arn"},
		{"an account by its alias", role(func(r *v1alpha1.ManagedRole) { r.AccountID = "production" }), "must be the twelve digits of an AWS account in quotes"},
		{"a name with a slash", role(func(r *v1alpha1.ManagedRole) { r.Name = "reports/uploader" }), "role.managed.name must be 1 to 64 characters"},
		{"a name with a comma, which SAML could not tell from the provider", role(func(r *v1alpha1.ManagedRole) { r.Name = "reports,uploader" }), "role.managed.name must be 1 to 64 characters"},
		{"a path without its slashes", role(func(r *v1alpha1.ManagedRole) { r.Path = "reports" }), "role.managed.path must begin and end with a slash"},
		{"a path with an empty element", role(func(r *v1alpha1.ManagedRole) { r.Path = "/reports//x/" }), "role.managed.path must begin and end with a slash"},
		{"a description in another script", role(func(r *v1alpha1.ManagedRole) { r.Description = "報告" }), "characters of Latin-1"},
		{"a maximum session that IAM does not know", role(func(r *v1alpha1.ManagedRole) {
			r.MaxSessionDuration = &metav1.Duration{Duration: 30 * time.Minute}
		}), "role.managed.maxSessionDuration must be between 1h and 12h"},
		{"a session that is longer than the role's maximum", aManagedMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Session.Duration = &metav1.Duration{Duration: 3 * time.Hour}
		}), "session.duration must not be longer than role.managed.maxSessionDuration"},
		{"a boundary by its name", role(func(r *v1alpha1.ManagedRole) { r.PermissionsBoundary = "tenants" }), "role.managed.permissionsBoundary must be the ARN of a managed policy"},
		{"a policy by its name", role(func(r *v1alpha1.ManagedRole) { r.Policies = []v1alpha1.PolicyARN{"ReadOnlyAccessPolicy"} }), "policies must be ARNs of managed policies"},
		{"an inline policy with a space in its name", role(func(r *v1alpha1.ManagedRole) { r.InlinePolicies[0].Name = "s 3" }), "inlinePolicies[].name must be characters of"},
		{"a tag of AWS's own", role(func(r *v1alpha1.ManagedRole) { r.Tags[0].Key = "AWS:team" }), "must not begin with aws: or attache.dev/"},
		{"a tag by which the operator knows its roles", role(func(r *v1alpha1.ManagedRole) { r.Tags[0].Key = "attache.dev/object-uid" }), "must not begin with aws: or attache.dev/"},
		{"a tag's value with a character that IAM does not take", role(func(r *v1alpha1.ManagedRole) { r.Tags[0].Value = "a#b" }), "tags[].value must be letters"},
		{"adoption of an existing role", mappingWith(func(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged }), "adoption is about role.managed"},
		{"a deletion policy for an existing role", mappingWith(func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionDelete }), "deletionPolicy is about role.managed"},
		{"an entry of allow that allows nothing", providerAllowing(func(r *v1alpha1.AllowRule) { r.Roles = nil }), "an entry of allow needs roles"},
		{"an entry of allow for no namespace", providerAllowing(func(r *v1alpha1.AllowRule) { r.Namespaces = v1alpha1.NamespaceSelection{} }), "namespaces needs exactly one of names and selector"},
		{"a path prefix without its slashes", providerAllowing(func(r *v1alpha1.AllowRule) { r.Managed = &v1alpha1.AllowManaged{PathPrefix: "reports"} }), "managed.pathPrefix must begin and end with a slash"},
		{"an interval that would wear IAM out", providerWith(func(p *v1alpha1.SAMLProvider) { p.Spec.Interval = &metav1.Duration{Duration: time.Second} }), "interval must be between 1m and 24h"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			err := env.Client.Create(t.Context(), row.object, client.DryRunAll)
			g.Expect(err).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

func TestTheAPIServerTakesManagedRoles(t *testing.T) {
	for _, row := range []struct {
		name   string
		object client.Object
	}{
		{"with everything that a tenant may write", aManagedMapping()},
		{"with an account and nothing else", aManagedMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Role.Managed = &v1alpha1.ManagedRole{AccountID: accountID}
		})},
		{"with a session as long as the role's maximum", aManagedMapping(func(m *v1alpha1.RoleMapping) {
			m.Spec.Session.Duration = &metav1.Duration{Duration: 2 * time.Hour}
		})},
		{"in an entry of allow", providerAllowing(func(r *v1alpha1.AllowRule) {
			r.Roles = nil
			r.Managed = &v1alpha1.AllowManaged{PathPrefix: "/reports/", PermissionsBoundary: boundary, Policies: []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/*"}}
		})},
		{"of namespaces by their labels", providerAllowing(func(r *v1alpha1.AllowRule) {
			r.Namespaces = v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "reports"}}}
		})},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(env.Client.Create(t.Context(), row.object, client.DryRunAll)).To(Succeed())
		})
	}
}

func TestTheIdentityOfAManagedRoleIsImmutable(t *testing.T) {
	m := aManagedMapping(func(m *v1alpha1.RoleMapping) { m.Name, m.Spec.ProviderRef.Name = "immutable", "nobody" })
	NewWithT(t).Expect(env.Client.Create(t.Context(), m)).To(Succeed())
	t.Cleanup(func() { _ = env.Client.Delete(t.Context(), m) })
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.RoleMappingSpec)
		says   string
	}{
		{"account", func(s *v1alpha1.RoleMappingSpec) { s.Role.Managed.AccountID = "444455556666" }, "role.managed.accountID is immutable"},
		{"name", func(s *v1alpha1.RoleMappingSpec) { s.Role.Managed.Name = "other" }, "role.managed.name is immutable"},
		{"name, back to the default", func(s *v1alpha1.RoleMappingSpec) { s.Role.Managed.Name = "" }, "role.managed.name is immutable"},
		{"path", func(s *v1alpha1.RoleMappingSpec) { s.Role.Managed.Path = "/other/" }, "role.managed.path is immutable"},
		{"kind of role", func(s *v1alpha1.RoleMappingSpec) { s.Role = v1alpha1.Role{ARN: uploader} }, "cannot change between role.arn and role.managed"},
		{"provider", func(s *v1alpha1.RoleMappingSpec) { s.ProviderRef.Name = "other" }, "providerRef is immutable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			changed := &v1alpha1.RoleMapping{}
			g.Expect(env.Client.Get(t.Context(), client.ObjectKeyFromObject(m), changed)).To(Succeed())
			before := changed.DeepCopy()
			row.change(&changed.Spec)
			g.Expect(env.Client.Patch(t.Context(), changed, client.MergeFrom(before))).To(MatchError(ContainSubstring(row.says)))
		})
	}
}

func mappingWith(change func(*v1alpha1.RoleMapping)) client.Object {
	m := newMapping("default", "corp", uploader)
	change(m)
	return m
}

func providerWith(change func(*v1alpha1.SAMLProvider)) client.Object {
	p := newProvider("corp")
	change(p)
	return p
}

func providerAllowing(change func(*v1alpha1.AllowRule)) client.Object {
	return providerWith(func(p *v1alpha1.SAMLProvider) {
		allow("default", uploader)(p)
		change(&p.Spec.Allow[0])
	})
}
