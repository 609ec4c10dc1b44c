package mapping

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

const (
	uploaderRole = "arn:aws:iam::111122223333:role/reports-uploader"
	readerRole   = "arn:aws:iam::111122223333:role/reports-reader"
	corpARN      = "arn:aws:iam::111122223333:saml-provider/corp"
)

func provider(change ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	p := &v1alpha1.SAMLProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "corp"},
		Spec: v1alpha1.SAMLProviderSpec{
			Issuer:   "https://login.corp.example/saml/metadata",
			Accounts: []v1alpha1.Account{{ID: "111122223333", Region: "eu-west-1"}},
			Allow:    []v1alpha1.AllowRule{allow("reports", "arn:aws:iam::111122223333:role/reports-*")},
		},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func allow(namespace string, roles ...v1alpha1.RolePattern) v1alpha1.AllowRule {
	return v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceSelection{Names: []string{namespace}},
		Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
		Roles:      roles,
	}
}

func mapping(name, role string, change ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: name},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "corp"},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: "uploader"}},
			Role:        v1alpha1.Role{ARN: role},
		},
	}
	for _, c := range change {
		c(m)
	}
	return m
}

// managed is a mapping with a managed role, which the operator has made.
func managed(name string, change ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	change = append([]func(*v1alpha1.RoleMapping){func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed = &v1alpha1.ManagedRole{AccountID: "111122223333", Path: "/reports/"}
	}}, change...)
	return mapping(name, "", append(change, isMade)...)
}

// isMade writes the operator's ledger.
func isMade(m *v1alpha1.RoleMapping) {
	r := m.Spec.Role.Managed
	arn := "arn:aws:iam::" + r.AccountID + ":role" + m.ManagedRolePath() + m.ManagedRoleName()
	m.Status.Role = &v1alpha1.RoleStatus{ARN: arn, State: v1alpha1.RoleSynced, Hash: "5e"}
}

// notMade is the mapping before its role is there, or where that is another's.
func notMade(m *v1alpha1.RoleMapping) *v1alpha1.RoleMapping {
	m.Status.Role = nil
	return m
}

// makes is a provider that lets the namespace reports have roles made.
func makes(change ...func(*v1alpha1.AllowManaged)) *v1alpha1.SAMLProvider {
	return provider(func(p *v1alpha1.SAMLProvider) {
		p.Spec.Allow[0].Managed = &v1alpha1.AllowManaged{PathPrefix: "/reports/"}
		for _, c := range change {
			c(p.Spec.Allow[0].Managed)
		}
	})
}

// alsoMakes adds an entry with these bounds.
func alsoMakes(p *v1alpha1.SAMLProvider, bounds v1alpha1.AllowManaged) *v1alpha1.SAMLProvider {
	rule := allow("reports")
	rule.Managed = &bounds
	p.Spec.Allow = append(p.Spec.Allow, rule)
	return p
}

func noFacts(*v1alpha1.RoleMapping) Facts { return Facts{} }

func isDefault(m *v1alpha1.RoleMapping) { m.Spec.Default = true }

func isBeingDeleted(m *v1alpha1.RoleMapping) {
	m.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
}

func uploader() idp.Subject {
	return idp.Subject{
		Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader",
		Pod: idp.Pod{Name: "uploader-7d9c5-x2x4p", UID: "6c1b"},
	}
}
