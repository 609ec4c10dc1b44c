package idp_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/partition"
	"attache.dev/attache/awsiam/trust"
	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
	"attache.dev/attache/idp/exchange"
	"attache.dev/attache/idp/mapping"
)

// One id_token walks through each package in the order of the picture in doc.go, and each arrow is
// looked at. What asks is real: the API server, the signature, and an STS that checks both.
func TestOneIDTokenWalksTheWholeWay(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)

	// token ──> authn
	token := w.token(t)
	g.Expect(strings.Count(token, ".")).To(Equal(2))

	// authn ──> Subject
	subject, err := reviewer(t).Authenticate(t.Context(), token, w.provider.Audience(), w.provider.RequiresBoundPod())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(subject).To(MatchFields(IgnoreExtras, Fields{
		"Kind":      Equal(idp.KindServiceAccount),
		"Namespace": Equal(w.pod.Namespace),
		"Name":      Equal("uploader"),
		"Pod":       Equal(idp.Pod{Name: w.pod.Name, UID: string(w.pod.UID)}),
	}))

	// Subject ──> mapping ──> Grant
	index := mapping.NewIndex()
	index.Set(w.mapping)
	grant, err := mapping.Decide(w.provider, index.Candidates(subject), index.Facts, subject, mapping.Want{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(grant).To(Equal(idp.Grant{
		Mapping: w.pod.Namespace + "/uploader", RoleARN: roleARN, ProviderARN: w.providerARN, AccountID: accountID,
		SessionName: w.pod.Name, Duration: time.Hour, Region: region, STSEndpoint: w.awsURL,
	}))

	// Grant ──> assertion
	statement, err := assertion.ForAWS(w.provider.Spec.Issuer, subject, grant)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(statement).To(MatchFields(IgnoreExtras, Fields{
		"Issuer":    Equal(issuer),
		"NameID":    Equal("system:serviceaccount:" + w.pod.Namespace + ":uploader"),
		"Audience":  Equal("urn:amazon:webservices"),
		"Recipient": Equal("https://signin.aws.amazon.com/saml"),
		"Attributes": ContainElements(
			idp.Attribute{Name: "https://aws.amazon.com/SAML/Attributes/Role", Values: []string{roleARN + "," + w.providerARN}},
			idp.Attribute{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{w.pod.Name}},
		),
	}))
	asserted := 0
	assert := func(context.Context) (string, error) {
		asserted++
		response, err := assertion.Response(statement, w.key, time.Now(), rand.Reader)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(response)).To(And(ContainSubstring(roleARN), ContainSubstring("SignatureValue")))
		return assertion.Encode(response)
	}

	// assertion ──> exchange ──> Credentials
	exchanger, err := exchange.New(exchange.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	credentials, cached, err := exchanger.Credentials(t.Context(), grant, subject, assert)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cached).To(BeFalse())
	g.Expect(asserted).To(Equal(1))
	sessionARN := "arn:aws:sts::" + accountID + ":assumed-role/" + roleName + "/" + w.pod.Name
	g.Expect(credentials).To(MatchFields(IgnoreExtras, Fields{
		"AccessKeyID":     HavePrefix("ASIA"),
		"SecretAccessKey": Not(BeEmpty()),
		"SessionToken":    Not(BeEmpty()),
		"Expiration":      BeTemporally("~", time.Now().Add(time.Hour), time.Minute),
		"AssumedRoleID":   HaveSuffix(":" + w.pod.Name),
		"AssumedRoleARN":  Equal(sessionARN),
		"Subject":         Equal(statement.NameID),
		"SubjectType":     Equal("persistent"),
		"Issuer":          Equal(issuer),
		"Audience":        Equal("https://signin.aws.amazon.com/saml"),
		"NameQualifier":   Not(BeEmpty()),
		"RequestID":       Not(BeEmpty()),
	}))

	// Credentials ──> AWS
	identity := w.identity(t, credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken)
	g.Expect(*identity.Arn).To(Equal(sessionARN))
	g.Expect(*identity.Account).To(Equal(accountID))
	g.Expect(*identity.UserId).To(Equal(credentials.AssumedRoleID))

	again, cached, err := exchanger.Credentials(t.Context(), grant, subject, assert)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cached).To(BeTrue())
	g.Expect(asserted).To(Equal(1), "what is remembered is not asserted again")
	g.Expect(again).To(Equal(credentials))
}

// A managed role's trust policy admits the sessions of one mapping. Another namespace may name the
// role, and its provider may even allow that: AWS refuses, because only the one mapping's Grants carry
// its tag.
func TestAManagedRoleServesItsMappingAlone(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	const managedARN = "arn:aws:iam::" + accountID + ":role/attache/reports/uploader"
	owner := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader", Pod: idp.Pod{Name: "uploader-x2x4p"}}
	thief := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "billing", Name: "uploader", Pod: idp.Pod{Name: "thief-x2x4p"}}
	w.provider.Spec.Allow = []v1alpha1.AllowRule{
		{
			Namespaces: v1alpha1.NamespaceSelection{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "reports"}}},
			Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
			Managed:    &v1alpha1.AllowManaged{PathPrefix: "/attache/"},
		},
		{
			Namespaces: v1alpha1.NamespaceSelection{Names: []string{"billing"}},
			Subjects:   []v1alpha1.SubjectKind{v1alpha1.SubjectServiceAccount},
			Roles:      []v1alpha1.RolePattern{"arn:aws:iam::" + accountID + ":role/attache/reports/*"},
		},
	}
	index := mapping.NewIndex()
	index.SetNamespace("reports", map[string]string{"team": "reports"})
	role := v1alpha1.Role{Managed: &v1alpha1.ManagedRole{AccountID: accountID, Path: "/attache/reports/", Name: "uploader"}}
	made := func(m *v1alpha1.RoleMapping) *v1alpha1.RoleMapping {
		m.Status.Role = &v1alpha1.RoleStatus{ARN: managedARN, State: v1alpha1.RoleSynced, Hash: "5e"}
		return m
	}
	index.Set(made(w.mappingOf(owner, role)))
	index.Set(w.mappingOf(thief, v1alpha1.Role{ARN: managedARN}))
	_, err := w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("uploader"), Path: aws.String("/attache/reports/"),
		AssumeRolePolicyDocument: aws.String(trust.ForMapping(trust.Input{
			ProviderARN: w.providerARN, ACS: partition.Commercial.ACSForms(region), Mapping: "reports/uploader",
		})),
	})
	g.Expect(err).NotTo(HaveOccurred())

	grant, credentials, err := w.walk(t, index, owner)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(grant.RoleARN).To(Equal(managedARN))
	g.Expect(grant.Tags).To(Equal([]idp.Tag{{Key: "attache.dev/mapping", Value: "reports/uploader"}}))
	identity := w.identity(t, credentials.AccessKeyID, credentials.SecretAccessKey, credentials.SessionToken)
	g.Expect(*identity.Arn).To(Equal("arn:aws:sts::" + accountID + ":assumed-role/uploader/uploader-x2x4p"))

	grant, _, err = w.walk(t, index, thief)
	g.Expect(grant.RoleARN).To(Equal(managedARN), "the provider allows it")
	g.Expect(grant.Tags).To(BeEmpty())
	var refusal *idp.Refusal
	g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
	g.Expect(refusal.Reason).To(Equal(exchange.ReasonAssumeRoleDenied))
	g.Expect(refusal.Message).To(ContainSubstring("another RoleMapping's managed role"))

	w.provider.Spec.Allow[1].Managed = &v1alpha1.AllowManaged{PathPrefix: "/attache/"}
	index.Set(w.mappingOf(thief, role))
	_, err = mapping.Decide(w.provider, index.Candidates(thief), index.Facts, thief, mapping.Want{})
	g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
	g.Expect(refusal.Reason).To(Equal(mapping.ReasonRoleNotReady), "the operator did not make the role for this one")

	index.Set(made(w.mappingOf(thief, role)))
	grant, _, err = w.walk(t, index, thief)
	g.Expect(grant.Tags).To(Equal([]idp.Tag{{Key: "attache.dev/mapping", Value: "billing/uploader"}}), "who manages the role by the same name has another tag")
	g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
	g.Expect(refusal.Reason).To(Equal(exchange.ReasonRoleNotReady))
}

func (w *world) mappingOf(s idp.Subject, role v1alpha1.Role) *v1alpha1.RoleMapping {
	return &v1alpha1.RoleMapping{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: v1alpha1.RoleMappingSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: w.provider.Name},
			Subjects:    []v1alpha1.Subject{{Kind: v1alpha1.SubjectServiceAccount, Name: s.Name}},
			Role:        role,
		},
	}
}

// walk takes a subject through mapping, assertion and exchange, and fails only in the last step.
func (w *world) walk(t *testing.T, index *mapping.Index, s idp.Subject) (idp.Grant, idp.Credentials, error) {
	t.Helper()
	grant, err := mapping.Decide(w.provider, index.Candidates(s), index.Facts, s, mapping.Want{})
	must(t, err)
	statement, err := assertion.ForAWS(w.provider.Spec.Issuer, s, grant)
	must(t, err)
	exchanger, err := exchange.New(exchange.Options{})
	must(t, err)
	credentials, _, err := exchanger.Credentials(t.Context(), grant, s, func(context.Context) (string, error) {
		response, err := assertion.Response(statement, w.key, time.Now(), rand.Reader)
		must(t, err)
		return assertion.Encode(response)
	})
	return grant, credentials, err
}
