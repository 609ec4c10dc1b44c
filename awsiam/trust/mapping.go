package trust

import (
	"encoding/json"

	"attache.dev/attache/awsiam/policy"
	"attache.dev/attache/idp"
)

// Actions of STS that a trust policy allows.
const (
	assumeRole        = "sts:AssumeRoleWithSAML"
	tagSession        = "sts:TagSession"
	setSourceIdentity = "sts:SetSourceIdentity"
)

// Input is what the trust policy of a managed role depends on.
type Input struct {
	// ProviderARN of the IAM SAML provider.
	ProviderARN string
	// ACS are the sign-in addresses that an assertion may be for (partition.Partition.ACSForms).
	ACS []string
	// Mapping is the namespace/name of the RoleMapping.
	Mapping string
}

type statement struct {
	Effect    string
	Principal map[string]string
	Action    string
	Condition map[string]map[string][]string
}

// ForMapping returns the trust policy of a managed role, as JSON: it admits assertions of the one
// provider that are for AWS and carry the reserved session tag of the one mapping. That
// aws:RequestTag binds the assume statement is what the IAM User Guide shows for AssumeRole ("Pass
// session tags in AWS STS"); for SAML it says nothing.
func ForMapping(in Input) string {
	provider := map[string]string{federated: in.ProviderARN}
	carriesMapping := func(conditions map[string][]string) map[string][]string {
		conditions["aws:RequestTag/"+idp.MappingTag] = []string{in.Mapping}
		return conditions
	}
	document := struct {
		Version   string
		Statement []statement
	}{
		Version: "2012-10-17",
		Statement: []statement{{
			Effect: policy.Allow, Principal: provider, Action: assumeRole,
			Condition: map[string]map[string][]string{
				"StringEquals": carriesMapping(map[string][]string{audienceKey: in.ACS}),
			},
		}, {
			Effect: policy.Allow, Principal: provider, Action: tagSession,
			Condition: map[string]map[string][]string{
				"StringEquals":              carriesMapping(map[string][]string{}),
				"ForAllValues:StringEquals": {"aws:TagKeys": {idp.MappingTag}},
			},
		}},
	}
	// A struct of strings, lists and maps of them: no such value fails.
	out, _ := json.Marshal(document)
	return string(out)
}
