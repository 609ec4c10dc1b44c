package awsfake

import (
	"fmt"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// awsDocuments are a few managed policies of AWS. That of ReadOnlyAccess, which
// lists every service of AWS, is cut down to the services that awsfake has.
var awsDocuments = map[string]string{
	"AdministratorAccess":    awsStatement("Allow", `"*"`),
	"AWSDenyAll":             awsStatement("Deny", `"*"`),
	"AmazonS3FullAccess":     awsStatement("Allow", `"s3:*","s3-object-lambda:*"`),
	"AmazonS3ReadOnlyAccess": awsStatement("Allow", `"s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"`),
	"IAMFullAccess":          awsStatement("Allow", `"iam:*"`),
	"IAMReadOnlyAccess":      awsStatement("Allow", `"iam:Generate*","iam:Get*","iam:List*","iam:Simulate*"`),
	"ReadOnlyAccess":         awsStatement("Allow", `"iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","s3:Get*","s3:List*","s3:DescribeJob"`),
}

func awsStatement(effect, actions string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":[%s],"Resource":"*"}]}`, effect, actions)
}

// awsPoliciesSince is when AWS made its first managed policies.
var awsPoliciesSince = time.Date(2015, time.February, 6, 18, 0, 0, 0, time.UTC)

// newAWSPolicies returns the policies that exist in every account, by ARN.
func newAWSPolicies(partition string) map[string]*managedPolicy {
	policies := map[string]*managedPolicy{}
	for name, document := range awsDocuments {
		parsed, err := policy.ParseIdentity(document)
		if err != nil {
			panic(fmt.Sprintf("the document of %s: %v", name, err)) // the documents are constants
		}
		p := &managedPolicy{
			name: name, path: "/", arn: iamARN(partition, "aws", "policy/"+name), id: newID(prefixManagedPolicy),
			description: "Stands for the policy of AWS", document: document, parsed: parsed,
			created: awsPoliciesSince,
		}
		policies[p.arn] = p
	}
	return policies
}
