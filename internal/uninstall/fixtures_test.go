package uninstall

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"attache.dev/attache/api/v1alpha1"
)

var (
	scheme = runtime.NewScheme()
	now    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func init() {
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
}

func mapping(name string, changes ...func(*v1alpha1.RoleMapping)) *v1alpha1.RoleMapping {
	m := &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: "reports", Name: name, UID: types.UID("uid-of-" + name)},
		Spec:       v1alpha1.RoleMappingSpec{Role: v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: "111122223333"}}},
	}
	for _, change := range changes {
		change(m)
	}
	return m
}

func provider(name string, changes ...func(*v1alpha1.SAMLProvider)) *v1alpha1.SAMLProvider {
	p := &v1alpha1.SAMLProvider{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name)}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func beingDeleted[T metav1.Object](o T) {
	o.SetDeletionTimestamp(&metav1.Time{Time: now})
	o.SetFinalizers([]string{"attache.dev/test"})
}

func ofExistingRole(m *v1alpha1.RoleMapping) {
	m.Spec.Role = v1alpha1.Role{ARN: "arn:aws:iam::111122223333:role/existing"}
}

func mappingIsRetained(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = v1alpha1.DeletionRetain }

func providerIsRetained(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain }

func withRole(adopted bool) func(*v1alpha1.RoleMapping) {
	return func(m *v1alpha1.RoleMapping) {
		m.Status.Role = &v1alpha1.RoleStatus{ARN: "arn:aws:iam::111122223333:role/" + m.Name, State: v1alpha1.RoleSynced, Adopted: adopted}
	}
}

func withAccount(adopted bool) func(*v1alpha1.SAMLProvider) {
	return func(p *v1alpha1.SAMLProvider) {
		p.Status.Accounts = []v1alpha1.AccountStatus{{ID: "111122223333", ProviderARN: "arn:aws:iam::111122223333:saml-provider/" + p.Name, Adopted: adopted}}
	}
}
