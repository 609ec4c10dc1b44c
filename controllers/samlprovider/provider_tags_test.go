package samlprovider

import (
	"maps"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/awsfake"
)

func adopting(p *v1alpha1.SAMLProvider) { p.Spec.Adoption = v1alpha1.AdoptionIfTagged }

func TestAdoption(t *testing.T) {
	former := awsiam.Owner{ClusterUID: clusterUID, ObjectUID: "of a former object", Name: "corp"}
	for _, row := range []struct {
		name string
		tags map[string]string
	}{
		{"of what an administrator has offered", map[string]string{awsiam.TagAdopt: "corp", "team": "identity"}},
		{"of what this cluster made for a former object of the name", mergeTags(former.Tags(), map[string]string{"team": "identity"})},
		{"of what a former object of the name had adopted", mergeTags(former.Tags(), map[string]string{awsiam.TagAdopted: isAdopted, "team": "identity"})},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, adopting)
			w.aws.put(foreignMetadata(otherIssuer), row.tags)
			w.settle()

			held := w.aws.held()
			g.Expect(held.Tags).To(Equal(mergeTags(w.owner().Tags(), map[string]string{awsiam.TagAdopted: isAdopted, "team": "identity"})))
			g.Expect(w.account()).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("Adopted", true), HaveField("Drift", BeNil()),
				HaveField("MetadataHash", hashOf(held.Metadata))))
			g.Expect(w.events()).To(ContainElement(And(HavePrefix("Normal "+v1alpha1.ReasonAdopted), ContainSubstring(arn))))

			t.Run("retains by default", func(*testing.T) {
				w.delete()
				w.aws.calls()
				w.settle()
				g.Expect(w.gone()).To(BeTrue())
				g.Expect(w.aws.calls()).To(BeEmpty())
				g.Expect(w.aws.held()).To(Equal(held))
			})
		})
	}

	t.Run("is deleted where the policy says so", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, adopting, func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
		w.aws.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
		w.settle()
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).To(BeNil())
	})

	t.Run("is known by its tags when the status was lost", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, adopting)
		w.aws.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
		w.settle()
		w.loseStatus()
		w.restartOperator()
		w.settle()
		g.Expect(w.account().Adopted).To(BeTrue())
	})

	for _, operation := range []string{"TagSAMLProvider", "UntagSAMLProvider", "UpdateSAMLProvider"} {
		t.Run("that stops at "+operation+" is brought to its end, and never ends in a deletion", func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, adopting)
			w.aws.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
			w.aws.fail(awsfake.Fault{Operation: operation, Kind: awsfake.FaultThrottle})
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonThrottled))
			w.aws.heal()
			w.now = w.now.Add(time.Minute)
			w.settle()
			g.Expect(w.condition(v1alpha1.ConditionProvidersSynced).Reason).To(Equal(v1alpha1.ReasonSynced))
			g.Expect(w.account().Adopted).To(BeTrue())
			g.Expect(w.aws.held().Tags).To(And(HaveKeyWithValue(awsiam.TagAdopted, isAdopted), Not(HaveKey(awsiam.TagAdopt))))
			w.delete()
			w.settle()
			g.Expect(w.gone()).To(BeTrue())
			g.Expect(w.aws.held()).NotTo(BeNil())
		})
	}

	t.Run("of what appeared after the ledger was written retains all the same", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, adopting)
		_, err := w.reconcile()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(w.account().State).To(Equal(v1alpha1.AccountCreating))
		w.aws.put(foreignMetadata(otherIssuer), map[string]string{awsiam.TagAdopt: "corp"})
		// The tags are set, and the ledger does not hear of it.
		w.aws.must(w.aws.admin.AddTags(t.Context(), arn, mergeTags(w.owner().Tags(), map[string]string{awsiam.TagAdopted: isAdopted})))
		w.delete()
		w.settle()
		g.Expect(w.gone()).To(BeTrue())
		g.Expect(w.aws.held()).NotTo(BeNil())
	})
}

func TestAKeyThatIsLostIsReplacedByStartingOver(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	w.settle()
	secret := w.keySecret()
	secret.Finalizers = nil
	g.Expect(w.client.Update(t.Context(), secret)).To(Succeed())
	g.Expect(w.client.Delete(t.Context(), secret)).To(Succeed())
	w.settle()
	g.Expect(w.condition(v1alpha1.ConditionStalled).Reason).To(Equal(v1alpha1.ReasonKeyInvalid))

	w.edit(func(p *v1alpha1.SAMLProvider) { p.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
	again := w.provider()
	w.delete()
	w.settle()
	g.Expect(w.gone()).To(BeTrue())
	again.ResourceVersion, again.UID, again.Finalizers = "", "0b0b0b0b-0000-4000-8000-000000000002", nil
	again.Status = v1alpha1.SAMLProviderStatus{}
	adopting(again)
	w.create(again)
	w.settle()
	g.Expect(w.account()).To(And(HaveField("State", v1alpha1.AccountSynced), HaveField("Adopted", true)))
	g.Expect(w.account().MetadataHash).To(Equal(hashOf(w.aws.held().Metadata)))
}

func mergeTags(all ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, tags := range all {
		maps.Copy(merged, tags)
	}
	return merged
}
