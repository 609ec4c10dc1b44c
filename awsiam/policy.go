package awsiam

import (
	"encoding/json"
	"fmt"

	"attache.dev/attache/awsiam/partition"
)

// operatorActions are all that the operator calls. TagSAMLProvider is what IAM asks of a
// CreateSAMLProvider with tags (Service Authorization Reference, "Actions defined by IAM").
var operatorActions = []string{
	"iam:CreateSAMLProvider",
	"iam:DeleteSAMLProvider",
	"iam:GetSAMLProvider",
	"iam:TagSAMLProvider",
	"iam:UpdateSAMLProvider",
}

// OperatorPolicy returns the identity policy that the operator needs for one SAMLProvider, as an
// indented JSON document: the calls it makes, on that IAM provider alone.
func OperatorPolicy(p partition.Partition, accountID, providerName string) (string, error) {
	type statement struct {
		Sid      string
		Effect   string
		Action   []string
		Resource string
	}
	document := struct {
		Version   string
		Statement []statement
	}{
		Version: "2012-10-17",
		Statement: []statement{{
			Sid:      "AttacheSAMLProvider",
			Effect:   "Allow",
			Action:   operatorActions,
			Resource: p.SAMLProviderARN(accountID, providerName),
		}},
	}
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the operator's policy: %w", err)
	}
	return string(out), nil
}
