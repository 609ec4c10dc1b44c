package uninstall

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
)

func TestWaitsForSpeaksTheObjectsOwnWords(t *testing.T) {
	for _, row := range []struct {
		name    string
		deleted bool
		ready   *metav1.Condition
		want    string
	}{
		{"nobody deleted it", false, &metav1.Condition{Status: metav1.ConditionTrue}, ""},
		{"no operator has seen it", true, nil, "no operator has looked at it yet"},
		{"the operator is behind", true, &metav1.Condition{ObservedGeneration: 1, Status: metav1.ConditionFalse, Reason: "ProviderNotReady"}, "its deletion has not been noticed yet"},
		{"what blocks it", true, &metav1.Condition{ObservedGeneration: 2, Status: metav1.ConditionFalse, Reason: "DeleteConflict", Message: "instance profile web has the role"}, "DeleteConflict: instance profile web has the role"},
		{"a reason without a message", true, &metav1.Condition{ObservedGeneration: 2, Status: metav1.ConditionUnknown, Reason: "Deleting"}, "Deleting"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := mapping("a")
			m.Generation = 2
			if row.deleted {
				beingDeleted(m)
			}
			if row.ready != nil {
				row.ready.Type = v1alpha1.ConditionReady
				m.Status.Conditions = []metav1.Condition{*row.ready}
			}
			NewWithT(t).Expect(WaitsFor(m)).To(Equal(row.want))
		})
	}
}

func TestFatesSaysWhatStaysInAWS(t *testing.T) {
	const a, corp = "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:saml-provider/corp"
	for _, row := range []struct {
		name   string
		found  Inventory
		retain bool
		want   string
	}{
		{
			"what was made is deleted",
			Inventory{[]*v1alpha1.RoleMapping{mapping("a", withRole(false))}, []*v1alpha1.SAMLProvider{provider("corp", withAccount(false))}}, false,
			"  RoleMapping reports/a (in AWS: " + a + " deleted)\n  SAMLProvider corp (in AWS: " + corp + " deleted)\n",
		},
		{
			"what was adopted stays",
			Inventory{[]*v1alpha1.RoleMapping{mapping("a", withRole(true))}, []*v1alpha1.SAMLProvider{provider("corp", withAccount(true))}}, false,
			"  RoleMapping reports/a (in AWS: " + a + " stays)\n  SAMLProvider corp (in AWS: " + corp + " stays)\n",
		},
		{
			"everything stays with --retain, and what says Retain anyway",
			Inventory{[]*v1alpha1.RoleMapping{mapping("a", withRole(false))}, []*v1alpha1.SAMLProvider{provider("corp", withAccount(false), providerIsRetained)}}, true,
			"  RoleMapping reports/a (in AWS: " + a + " stays)\n  SAMLProvider corp (in AWS: " + corp + " stays)\n",
		},
		{
			"what never got to AWS",
			Inventory{[]*v1alpha1.RoleMapping{mapping("a")}, []*v1alpha1.SAMLProvider{provider("corp")}}, true,
			"  RoleMapping reports/a (nothing known in AWS)\n  SAMLProvider corp (nothing known in AWS)\n",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			NewWithT(t).Expect(row.found.Fates(row.retain)).To(Equal(row.want))
		})
	}
}

func TestCount(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Inventory{}.Count()).To(BeEmpty())
	g.Expect(Inventory{Mappings: []*v1alpha1.RoleMapping{mapping("a")}}.Count()).To(Equal("1 RoleMapping with a managed role"))
	g.Expect(Inventory{
		Mappings:  []*v1alpha1.RoleMapping{mapping("a"), mapping("b")},
		Providers: []*v1alpha1.SAMLProvider{provider("corp"), provider("old")},
	}.Count()).To(Equal("2 RoleMappings with managed roles and 2 SAMLProviders"))
}

func TestNamesStaysShort(t *testing.T) {
	g := NewWithT(t)
	i := Inventory{[]*v1alpha1.RoleMapping{mapping("a"), mapping("b")}, []*v1alpha1.SAMLProvider{provider("corp")}}
	g.Expect(i.Names(3)).To(Equal("RoleMapping reports/a, RoleMapping reports/b, SAMLProvider corp"))
	g.Expect(i.Names(1)).To(Equal("RoleMapping reports/a, 2 more"))
}
