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
