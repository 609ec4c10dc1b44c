//go:build e2e

package e2e

import (
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/test/harness/story"
)

// foreignTrust trusts nobody that stories know.
const foreignTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// foreignRole makes the role that a mapping wants before the mapping is there.
func foreignRole(s *story.Story, m *v1alpha1.RoleMapping) *string {
	s.Helper()
	name := awssdk.String(m.ManagedRoleName())
	_, err := aws.IAM.CreateRole(s.Context(), &iam.CreateRoleInput{
		RoleName: name, Path: awssdk.String(m.ManagedRolePath()), AssumeRolePolicyDocument: awssdk.String(foreignTrust),
		Tags: []iamtypes.Tag{{Key: awssdk.String("owner"), Value: awssdk.String("somebody")}},
	})
	s.Expect(err).NotTo(HaveOccurred())
	return name
}

func offer(s *story.Story, name *string, to string) {
	s.Helper()
	_, err := aws.IAM.TagRole(s.Context(), &iam.TagRoleInput{RoleName: name, Tags: []iamtypes.Tag{{Key: awssdk.String("attache.dev/adopt"), Value: &to}}})
	s.Expect(err).NotTo(HaveOccurred())
}

func TestAForeignRoleOfTheSameNameIsLeftAlone(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	name := foreignRole(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())

	s.Create(m)
	message := awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonNotOwned)
	s.Expect(message).To(ContainSubstring(*name))
	awaitWords(s, m, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNotOwned)
	awaitEvent(s, m, v1alpha1.ReasonNotOwned)
	s.DeleteAndWait(t.Context(), m)

	s.Expect(operatorWrites(s)).To(BeEmpty())
	role, err := aws.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: name})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(tagsOf(role.Role)).To(Equal(map[string]string{"owner": "somebody"}))
}

func TestARoleIsAdoptedWhenItsTagsOfferItAndStaysWhenTheMappingGoes(t *testing.T) {
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) { p.Allow[1].Managed.Adoption = true })
	m := s.ManagedMapping("uploader")
	m.Spec.Adoption = v1alpha1.AdoptionIfTagged
	name := foreignRole(s, m)
	s.Create(m)
	awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonNotOwned)

	offer(s, name, s.Tenant+"/another")
	lookNow(s, m)
	awaitWords(s, m, v1alpha1.ConditionRoleSynced, metav1.ConditionFalse, v1alpha1.ReasonNotOwned)
	offer(s, name, s.Tenant+"/uploader")
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())

	awaitEvent(s, m, v1alpha1.ReasonAdopted)
	s.Expect(m.Status.Role.Adopted).To(BeTrue())
	s.Expect(tagsOf(roleInIAM(s, m))).To(And(
		HaveKeyWithValue("owner", "somebody"),
		HaveKeyWithValue("attache.dev/object-uid", string(m.UID)),
		HaveKey("attache.dev/adopted"),
		Not(HaveKey("attache.dev/adopt")),
	))
	sessionOf(s).awaitCredentials(s)

	arn := m.Status.Role.ARN
	s.DeleteAndWait(t.Context(), m)
	s.Expect(aws.Remove(t.Context(), arn)).To(Succeed(), "it is still there")
}

func TestARetainedRoleIsTakenUpAgainByAMappingOfTheSameName(t *testing.T) {
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) { p.Allow[1].Managed.Adoption = true })
	m := s.ManagedMapping("uploader")
	m.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	apply(s, m)
	id := roleInIAM(s, m).RoleId
	s.Expect(aws.Control.ClearCalls(t.Context())).To(Succeed())
	s.DeleteAndWait(t.Context(), m)
	s.Expect(operatorWrites(s)).To(BeEmpty())

	again := s.ManagedMapping("uploader")
	again.Spec.Adoption, again.Spec.DeletionPolicy = v1alpha1.AdoptionIfTagged, v1alpha1.DeletionDelete
	apply(s, again)

	s.Expect(roleInIAM(s, again).RoleId).To(Equal(id))
	s.Expect(again.Status.Role.Adopted).To(BeTrue())
	arn := again.Status.Role.ARN
	s.DeleteAndWait(t.Context(), again)
	made, err := aws.MadeFor(t.Context(), s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(made).NotTo(ContainElement(arn), "deletionPolicy says more than adoption")
}

func TestARoleWhoseStatusIsLostIsFoundAgainByItsTags(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	id := roleInIAM(s, m).RoleId

	s.Expect(cluster.Client.Status().Patch(t.Context(), m, client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))).To(Succeed())
	lookNow(s, m)
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())
	s.Expect(m.Status.Role).NotTo(BeNil())
	s.Expect(roleInIAM(s, m).RoleId).To(Equal(id))

	s.Expect(cluster.Client.Status().Patch(t.Context(), m, client.RawPatch("application/merge-patch+json", []byte(`{"status":null}`)))).To(Succeed())
	s.DeleteAndWait(t.Context(), m)
	made, err := aws.MadeFor(t.Context(), s.Tenant)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(made).To(ConsistOf(s.Provider.Status.Accounts[0].ProviderARN))
}

func TestAnIAMProviderIsAdoptedAndTheRolesThatTrustItWorkOn(t *testing.T) {
	s := world.New(t)
	donor := begin(world.New(t))
	s.Expect(cluster.AwaitReady(t.Context(), donor.Provider, story.Readiness)).To(Succeed())
	created, err := aws.IAM.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &s.Tenant, SAMLMetadataDocument: awssdk.String(metadata(donor))})
	s.Expect(err).NotTo(HaveOccurred())

	begin(s, func(p *v1alpha1.SAMLProviderSpec) { p.Adoption = v1alpha1.AdoptionIfTagged })
	awaitWords(s, s.Provider, v1alpha1.ConditionProvidersSynced, metav1.ConditionFalse, v1alpha1.ReasonNotOwned)
	_, err = aws.IAM.TagSAMLProvider(t.Context(), &iam.TagSAMLProviderInput{
		SAMLProviderArn: created.SAMLProviderArn, Tags: []iamtypes.Tag{{Key: awssdk.String("attache.dev/adopt"), Value: &s.Tenant}},
	})
	s.Expect(err).NotTo(HaveOccurred())
	lookNow(s, s.Provider)
	apply(s, s.Mapping("uploader"))

	awaitEvent(s, s.Provider, v1alpha1.ReasonAdopted)
	s.Expect(s.Provider.Status.Accounts[0].Adopted).To(BeTrue())
	sessionOf(s).awaitCredentials(s)

	s.DeleteAndWait(t.Context(), s.Provider)
	_, err = aws.IAM.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: created.SAMLProviderArn})
	s.Expect(err).NotTo(HaveOccurred(), "it is still there")
}
