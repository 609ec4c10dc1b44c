package awsfake_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
)

func allow(action, resource, condition string) string {
	return `{"Effect":"Allow","Action":` + action + `,"Resource":"` + resource + `","Condition":{` + condition + `}}`
}

// An operator's user creates a provider with a tag: everything that this needs.
func TestAUserMayDoWhatItsPolicyAllows(t *testing.T) {
	const (
		both   = `["iam:CreateSAMLProvider","iam:TagSAMLProvider"]`
		mine   = "arn:aws:iam::111122223333:saml-provider/attache-*"
		denied = "User: arn:aws:iam::111122223333:user/operator is not authorized to perform: "
		on     = " on resource: arn:aws:iam::111122223333:saml-provider/attache-corp "
	)
	for name, row := range map[string]struct{ statements, message string }{
		"both actions on the resource are enough": {statements: allow(both, mine, "")},
		"a condition on the tag may hold":         {statements: allow(both, mine, `"StringEquals":{"aws:RequestTag/cluster":"a"}`)},
		"a condition on the tag may not hold": {statements: allow(both, mine, `"StringEquals":{"aws:RequestTag/cluster":"b"}`),
			message: denied + "iam:CreateSAMLProvider" + on + "because no identity-based policy allows the iam:CreateSAMLProvider action"},
		"other tag keys may be shut out": {statements: allow(both, mine, `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`),
			message: denied + "iam:CreateSAMLProvider" + on + "because no identity-based policy allows the iam:CreateSAMLProvider action"},
		"tags need the tagging action": {statements: allow(`"iam:CreateSAMLProvider"`, mine, ""),
			message: denied + "iam:TagSAMLProvider" + on + "because no identity-based policy allows the iam:TagSAMLProvider action"},
		"another resource is not this one": {statements: allow(both, "arn:aws:iam::111122223333:saml-provider/other", ""),
			message: denied + "iam:CreateSAMLProvider" + on + "because no identity-based policy allows the iam:CreateSAMLProvider action"},
		"a deny wins": {statements: allow(both, mine, "") + `,{"Effect":"Deny","Action":"iam:Create*","Resource":"*"}`,
			message: denied + "iam:CreateSAMLProvider" + on + "with an explicit deny in an identity-based policy"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t)
			client := w.createUser(t, "operator", `{"Version":"2012-10-17","Statement":[`+row.statements+`]}`)
			_, err := client.CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{
				Name: aws.String("attache-corp"), SAMLMetadataDocument: aws.String(newMetadata(t)),
				Tags: []types.Tag{{Key: aws.String("cluster"), Value: aws.String("a")}},
			})
			if row.message == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			code, message := apiErrorOf(g, err)
			g.Expect(code).To(Equal("AccessDenied"))
			g.Expect(message).To(Equal(row.message))
		})
	}
}

func TestTagsOfTheResourceDecide(t *testing.T) {
	g := NewWithT(t)
	w := newWorld(t)
	client := w.createUser(t, "operator", `{"Version":"2012-10-17","Statement":[`+
		allow(`"iam:DeleteSAMLProvider"`, "*", `"StringEquals":{"aws:ResourceTag/cluster":"a"}`)+`]}`)
	arn := w.createProvider(t, "corp", newMetadata(t))
	_, err := client.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &arn})
	code, _ := apiErrorOf(g, err)
	g.Expect(code).To(Equal("AccessDenied"))
	_, err = w.iam.TagSAMLProvider(t.Context(), &iam.TagSAMLProviderInput{SAMLProviderArn: &arn, Tags: []types.Tag{
		{Key: aws.String("cluster"), Value: aws.String("a")},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = client.DeleteSAMLProvider(t.Context(), &iam.DeleteSAMLProviderInput{SAMLProviderArn: &arn})
	g.Expect(err).NotTo(HaveOccurred())
}
