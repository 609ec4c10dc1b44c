package policy

import (
	"encoding/json"
	"regexp"
	"strings"
)

var (
	servicePattern = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
	samlProvider   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:saml-provider/[\w._-]{1,128}$`)
	oidcProvider   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:oidc-provider/\S+$`)
	accountID      = regexp.MustCompile(`^\d{12}$`)
	principalARN   = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/[^*]+)$`)
)

// webIdentity lists the identity providers that a trust policy names without an
// ARN (IAM User Guide, "AWS JSON policy elements: Principal").
var webIdentity = map[string]bool{
	"cognito-identity.amazonaws.com": true, "www.amazon.com": true,
	"graph.facebook.com": true, "accounts.google.com": true,
}

func finishTrust(s *Statement, o object) error {
	for _, action := range s.actions {
		if vendor, _, _ := strings.Cut(action, ":"); !strings.EqualFold(vendor, "sts") {
			return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
		}
	}
	raw, found := o.values["Principal"]
	if !found {
		return malformed("Missing required field Principal")
	}
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return errSyntax
		}
		return malformed("AssumeRolePolicy contained an invalid principal: %q.", text)
	}
	byType, err := decodeObject(raw)
	if err != nil {
		return err
	}
	if len(byType.keys) == 0 {
		return malformed("Missing required field Principal cannot be empty!")
	}
	s.Principals = map[string][]string{}
	for _, name := range byType.keys {
		values, err := decodeStrings(byType.values[name])
		if err != nil {
			return err
		}
		for _, value := range values {
			if !validPrincipal(name, value) {
				return malformed("Invalid principal in policy: %q:%q", name, value)
			}
		}
		s.Principals[name] = values
	}
	return nil
}

func validPrincipal(name, value string) bool {
	switch name {
	case AWS:
		return value == "*" || accountID.MatchString(value) || principalARN.MatchString(value)
	case Federated:
		return samlProvider.MatchString(value) || oidcProvider.MatchString(value) || webIdentity[value]
	case Service:
		return servicePattern.MatchString(value)
	default:
		return false
	}
}
