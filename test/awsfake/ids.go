package awsfake

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Prefixes of unique identifiers (IAM User Guide, "IAM identifiers").
const (
	prefixAccessKey          = "AKIA"
	prefixTemporaryAccessKey = "ASIA"
	prefixRole               = "AROA"
	prefixUser               = "AIDA"
	prefixManagedPolicy      = "ANPA"
	prefixInstanceProfile    = "AIPA"
)

const (
	idLetters           = 16
	longIDLetters       = 26
	secretBytes         = 30 // 40 characters of base64
	sessionTokenBytes   = 240
	sessionTokenPrefix  = "IQoJb3JpZ2luX2Vj"
	bitsPerBase32Letter = 5
)

func newID(prefix string) string { return prefix + randomLetters(idLetters) }

// newLongID makes the ID of a SAML provider or of its private key.
func newLongID() string { return randomLetters(longIDLetters) }

func randomLetters(n int) string {
	raw := randomBytes((n*bitsPerBase32Letter + 7) / 8)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)[:n]
}

func newSecret() string { return base64.StdEncoding.EncodeToString(randomBytes(secretBytes)) }

func newSessionToken() string {
	return sessionTokenPrefix + base64.StdEncoding.EncodeToString(randomBytes(sessionTokenBytes))
}

func newRequestID() string { return uuid.NewString() }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// partitionOf tells a region's partition.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	default:
		return "aws"
	}
}

// iamRegions are the regions that calls to IAM are signed for (AWS General
// Reference, "IAM endpoints").
var iamRegions = map[string]string{
	"aws":        "us-east-1",
	"aws-us-gov": "us-gov-west-1",
	"aws-cn":     "cn-north-1",
}

func iamARN(partition, accountID, resource string) string {
	return fmt.Sprintf("arn:%s:iam::%s:%s", partition, accountID, resource)
}

func assumedRoleARN(partition, accountID, roleName, sessionName string) string {
	return fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, accountID, roleName, sessionName)
}

// accountOf returns the account of an IAM ARN of that resource type, and the
// resource's name with its path.
func accountOf(arn, partition, resourceType string) (accountID, name string, ok bool) {
	rest, found := strings.CutPrefix(arn, "arn:"+partition+":iam::")
	if !found {
		return "", "", false
	}
	accountID, resource, found := strings.Cut(rest, ":")
	if !found {
		return "", "", false
	}
	name, found = strings.CutPrefix(resource, resourceType+"/")
	return accountID, name, found && name != ""
}
