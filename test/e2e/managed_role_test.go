//go:build e2e

package e2e

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

func TestApplyingTheSampleGivesEachServiceAccountItsOwnPrefixInS3(t *testing.T) {
	s := begin(world.New(t))
	bucket := s.Tenant + "-archive"
	s.Expect(aws.EnsureBucket(t.Context(), bucket)).To(Succeed())
	sample := sampleMapping(s, bucket)
	apply(s, sample)

	archiver, restorer := s.As("archiver"), s.As("restorer")
	a, b := sessionOf(archiver).awaitCredentials(archiver), sessionOf(restorer).awaitCredentials(restorer)
	s.Expect(a.Subject).To(Equal("system:serviceaccount:" + s.Tenant + ":archiver"))

	asArchiver, own, others := s3As(a), prefixOf(a), prefixOf(b)
	s.Expect(put(s, asArchiver, bucket, own+"january")).To(Succeed())
	s.Expect(put(s, s3As(b), bucket, others+"january")).To(Succeed())
	for name, act := range map[string]func() error{
		"write below another's prefix": func() error { return put(s, asArchiver, bucket, others+"february") },
		"read what another wrote": func() error {
			_, err := asArchiver.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: awssdk.String(others + "january")})
			return err
		},
		"list another's prefix": func() error {
			_, err := asArchiver.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &others})
			return err
		},
		"list the bucket": func() error {
			_, err := asArchiver.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
			return err
		},
	} {
		t.Run("may not "+name, func(t *testing.T) {
			NewWithT(t).Expect(act()).To(MatchError(ContainSubstring("AccessDenied")))
		})
	}
	listed, err := asArchiver.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &own})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(listed.Contents).To(HaveLen(1))
	s.Expect(awssdk.ToString(listed.Contents[0].Key)).To(Equal(own + "january"))
}

func TestTheRoleInIAMIsWhatTheMappingSays(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	m.Spec.Role.Managed.Description = "Uploads"
	m.Spec.Role.Managed.MaxSessionDuration = &metav1.Duration{Duration: 2 * time.Hour}
	m.Spec.Role.Managed.Tags = []v1alpha1.Tag{{Key: "team", Value: "reports"}}
	apply(s, m)

	role := roleInIAM(s, m)
	s.Expect(awssdk.ToString(role.Arn)).To(Equal(harness.RoleARN("attache/" + s.Tenant + "/" + s.Tenant + ".uploader")))
	s.Expect(awssdk.ToString(role.Description)).To(Equal("Uploads"))
	s.Expect(awssdk.ToInt32(role.MaxSessionDuration)).To(BeEquivalentTo(7200))
	document, err := url.QueryUnescape(awssdk.ToString(role.AssumeRolePolicyDocument))
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(document).To(MatchJSON(trust.ForMapping(trust.Input{
		ProviderARN: s.Provider.Status.Accounts[0].ProviderARN,
		ACS:         partition.Commercial.ACSForms(harness.Region),
		Mapping:     s.Tenant + "/uploader",
	})))
	s.Expect(tagsOf(role)).To(And(
		HaveKeyWithValue("team", "reports"),
		HaveKeyWithValue("attache.dev/object-uid", string(m.UID)),
		HaveKeyWithValue("attache.dev/namespace", s.Tenant),
		HaveKeyWithValue("attache.dev/name", "uploader"),
		HaveKey("attache.dev/cluster-uid"),
		Not(HaveKey("attache.dev/adopted")),
	))
	s.Expect(m.Status.Role.State).To(Equal(v1alpha1.RoleSynced))
	s.Expect(m.Status.Role.Adopted).To(BeFalse())
}

func TestAChangeOfTheSpecIsBroughtAboutInPlaceWhilePodsUseTheRole(t *testing.T) {
	s := begin(world.New(t), func(p *v1alpha1.SAMLProviderSpec) {
		p.Allow[1].Managed.Policies = []v1alpha1.PolicyPattern{"arn:aws:iam::aws:policy/AmazonS3*"}
	})
	s.Expect(aws.AllowOperatorRoles(t.Context(), s.Tenant, boundsOf(s, "", "arn:aws:iam::aws:policy/AmazonS3*"))).To(Succeed())
	bucket := s.Tenant + "-archive"
	s.Expect(aws.EnsureBucket(t.Context(), bucket)).To(Succeed())
	m := s.ManagedMapping("uploader")
	apply(s, m)
	held := s3As(sessionOf(s).awaitCredentials(s))
	id := roleInIAM(s, m).RoleId
	s.Expect(put(s, held, bucket, "a")).To(MatchError(ContainSubstring("AccessDenied")))

	change(s, m, func(m *v1alpha1.RoleMapping) {
		m.Spec.Role.Managed.Policies = []v1alpha1.PolicyARN{"arn:aws:iam::aws:policy/AmazonS3FullAccess"}
		m.Spec.Role.Managed.InlinePolicies = nil
		m.Spec.Role.Managed.Description = "Another"
	})
	s.Expect(cluster.AwaitReady(t.Context(), m, story.Readiness)).To(Succeed())

	s.Expect(put(s, held, bucket, "a")).To(Succeed(), "credentials that were out already follow the new policies")
	role := roleInIAM(s, m)
	s.Expect(role.RoleId).To(Equal(id))
	s.Expect(awssdk.ToString(role.Description)).To(Equal("Another"))
	inline, err := aws.IAM.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: role.RoleName})
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(inline.PolicyNames).To(BeEmpty())
	s.Expect(m.Status.Drift).To(BeNil(), "a change of the spec is no drift")
}

func TestADeletedMappingTakesItsRoleAlong(t *testing.T) {
	s := begin(world.New(t))
	m := s.ManagedMapping("uploader")
	apply(s, m)
	x := sessionOf(s)
	x.awaitCredentials(s)
	arn := m.Status.Role.ARN

	s.DeleteAndWait(t.Context(), m)

	_, err := aws.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: roleName(arn)})
	var gone *iamtypes.NoSuchEntityException
	s.Expect(errors.As(err, &gone)).To(BeTrue(), "%v", err)
	x.awaitRefusal(s)
	s.Expect(cluster.AwaitReady(t.Context(), s.Provider, story.Readiness)).To(Succeed())
}

// sampleMapping is config/samples/rolemapping-managed.yaml in the story's world.
func sampleMapping(s *story.Story, bucket string) *v1alpha1.RoleMapping {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "config", "samples", "rolemapping-managed.yaml"))
	s.Expect(err).NotTo(HaveOccurred())
	m := &v1alpha1.RoleMapping{}
	s.Expect(yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(text), "arn:aws:s3:::reports-archive", "arn:aws:s3:::"+bucket)), m)).To(Succeed())
	m.Namespace, m.Spec.ProviderRef.Name = s.Tenant, s.Tenant
	m.Spec.Role.Managed.Name, m.Spec.Role.Managed.Path = "", ""
	return m
}

func s3As(a story.Answer) *s3.Client {
	return aws.S3(a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey, a.Credentials.SessionToken)
}

// prefixOf is the place in S3 that the sample's policy gives to a session.
func prefixOf(a story.Answer) string { return a.NameQualifier + "/" + a.Subject + "/" }

func put(s *story.Story, client *s3.Client, bucket, key string) error {
	_, err := client.PutObject(s.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("content")})
	return err
}
