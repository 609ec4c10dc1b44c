package rolemapping

import (
	"maps"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
)

func TestARoleOfAnotherIsNeverTouched(t *testing.T) {
	for _, row := range []struct {
		name string
		path string
		tags map[string]string
		says string
	}{
		{"without tags", "/reports/", nil, "does not carry the tags"},
		{"of another cluster's mapping of the same name", "/reports/", awsiam.Owner{
			ClusterUID: "another-cluster", ObjectUID: "0b0b0b0b-0000-4000-8000-000000000001", Namespace: "reports", Name: "uploader"}.Tags(), "does not carry the tags"},
		{"of a former mapping of the same name", "/reports/", awsiam.Owner{
			ClusterUID: clusterUID, ObjectUID: "former", Namespace: "reports", Name: "uploader"}.Tags(), "spec.adoption: IfTagged"},
		{"under another path", "/other/", nil, "arn:aws:iam::111122223333:role/other/reports.uploader"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed))
			w.makeRole(row.path, managedName, otherTrust, row.tags)
			before := w.held()
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionRoleSynced)).To(And(HaveField("Reason", v1alpha1.ReasonNotOwned), HaveField("Message", ContainSubstring(row.says))))
			g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonNotOwned))

			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(writesOf(w.calls())).To(BeEmpty())
			g.Expect(w.held()).To(Equal(before))
		})
	}
}

func adopting(m *v1alpha1.RoleMapping) { m.Spec.Adoption = v1alpha1.AdoptionIfTagged }

func TestAnOfferedRoleIsAdoptedAndStays(t *testing.T) {
	for _, row := range []struct {
		name   string
		tags   map[string]string
		policy v1alpha1.DeletionPolicy
		stays  bool
	}{
		{"offered by a tag", map[string]string{awsiam.TagAdopt: "reports/uploader"}, "", true},
		{"made for a former mapping of the same name", awsiam.Owner{ClusterUID: clusterUID, ObjectUID: "former", Namespace: "reports", Name: "uploader"}.Tags(), "", true},
		{"offered, and to be deleted in the end", map[string]string{awsiam.TagAdopt: "reports/uploader"}, v1alpha1.DeletionDelete, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, newProvider(), newMapping(managed, adopting, func(m *v1alpha1.RoleMapping) { m.Spec.DeletionPolicy = row.policy }))
			w.makeRole("/reports/", managedName, otherTrust, maps.Clone(row.tags))
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
			g.Expect(w.mapping().Status.Role).To(HaveValue(And(HaveField("Adopted", true), HaveField("State", v1alpha1.RoleSynced))))
			g.Expect(w.mapping().Status.Drift).To(BeNil())
			g.Expect(w.events()).To(ContainElements(
				HavePrefix("Normal Adopted Adopted IAM role "+managedARN), HavePrefix("Normal Synced Updated IAM role "+managedARN)))
			held := w.held()
			g.Expect(held.Tags).To(And(HaveKeyWithValue(awsiam.TagAdopted, "true"), Not(HaveKey(awsiam.TagAdopt)),
				HaveKeyWithValue(awsiam.TagObjectUID, string(w.mapping().UID))))
			g.Expect(held.Policies).To(ConsistOf(readOnly))

			w.loseStatus() // the tag says that it was adopted
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.absent()).To(Equal(!row.stays))
		})
	}
}

func TestAnOfferToAnotherIsNoOffer(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed, adopting))
	w.makeRole("/reports/", managedName, otherTrust, map[string]string{awsiam.TagAdopt: "reports/other"})
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionRoleSynced).Reason).To(Equal(v1alpha1.ReasonNotOwned))
	g.Expect(writesOf(w.calls())).To(Equal([]string{"CreateRole"}), "the administrator's own")
}

func TestALostStatusIsRebuiltFromTags(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t, newProvider(), newMapping(managed))
	w.settle()
	before := w.mapping().Status.Role
	w.loseStatus()
	w.restartOperator()
	w.events()
	w.calls()
	w.settle()
	g.Expect(writesOf(w.calls())).To(BeEmpty())
	after := w.mapping().Status.Role
	g.Expect(after).To(HaveValue(And(HaveField("ARN", before.ARN), HaveField("State", v1alpha1.RoleSynced), HaveField("Hash", before.Hash))))
	g.Expect(w.events()).NotTo(ContainElement(ContainSubstring("Created IAM role")))
}
