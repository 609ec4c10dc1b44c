package awsfake

import (
	"strings"

	"attache.dev/attache/test/awsfake/policy"
)

// trustedIDs are the unique IDs of the users and roles that a trust policy names, by
// ARN. IAM stores the IDs, so that who is made again under the name of another is
// not trusted (IAM User Guide, "AWS JSON policy elements: Principal", role
// principals). Of accounts that are not served here no ID is known.
type trustedIDs map[string]string

// trusts says whether the ARN in the policy means the user or role of that ID.
func (t trustedIDs) trusts(arn, id string) bool {
	trusted, known := t[arn]
	return !known || trusted == id
}

// identify finds the users and roles that a trust policy names, in whatever account;
// they must exist. Whether SAML providers do IAM does not ask.
func (s *state) identify(trust *policy.Document) (trustedIDs, error) {
	ids := trustedIDs{}
	for _, statement := range trust.Statements {
		for _, kind := range []string{policy.AWS, policy.Federated} {
			for _, name := range statement.Principals[kind] {
				id, valid := s.principalID(name)
				if !valid {
					return nil, &policy.MalformedError{Message: `Invalid principal in policy: "` + kind + `":"` + name + `"`}
				}
				if id != "" {
					ids[name] = id
				}
			}
		}
	}
	return ids, nil
}

// principalID returns the unique ID of a principal, "" of one that has none here, and
// whether IAM takes it: nobody of another partition can be trusted (IAM User Guide,
// "Cross account resource access in IAM").
func (s *state) principalID(principal string) (id string, valid bool) {
	if !strings.HasPrefix(principal, "arn:") {
		return "", true
	}
	if !strings.HasPrefix(principal, "arn:"+s.partition+":") {
		return "", false
	}
	account := s.accounts[accountIn(principal)]
	if account == nil {
		return "", true
	}
	_, resource, _ := strings.Cut(principal, ":"+account.id+":")
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "user":
		id = account.userID(name, principal)
	case "role":
		id = account.roleID(name, principal)
	case "assumed-role": // the role must exist, its session may have any name
		name, _, _ = strings.Cut(name, "/")
		if r := account.role(name); r != nil {
			id = r.id
		}
	default:
		return "", true
	}
	return id, id != ""
}

func (a *account) userID(pathAndName, arn string) string {
	if u := a.user(baseName(pathAndName)); u != nil && u.arn == arn {
		return u.id
	}
	return ""
}

func (a *account) roleID(pathAndName, arn string) string {
	if r := a.role(baseName(pathAndName)); r != nil && r.arn == arn {
		return r.id
	}
	return ""
}

// baseName drops the path of a user or a role.
func baseName(pathAndName string) string { return pathAndName[strings.LastIndex(pathAndName, "/")+1:] }

// forget makes every trust policy print a user or role that is deleted by its ID, as
// IAM does from then on, even when another one has the name.
func (s *state) forget(arn, id string) {
	for _, account := range s.accounts {
		for _, r := range account.roles {
			if r.trusted[arn] == id {
				r.trustDocument = strings.ReplaceAll(r.trustDocument, `"`+arn+`"`, `"`+id+`"`)
			}
		}
	}
}
