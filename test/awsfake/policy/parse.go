package policy

import (
	"encoding/json"
	"regexp"
	"strings"
)

const (
	currentVersion = "2012-10-17"
	oldVersion     = "2008-10-17"
)

var (
	sidPattern    = regexp.MustCompile(`^[a-zA-Z0-9]*$`)
	actionPattern = regexp.MustCompile(`^[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+$`)
)

// kind holds what tells a trust policy from an identity policy.
type kind struct {
	elements map[string]bool
	finish   func(*Statement, object) error
}

// ParseIdentity parses a policy of a user, a role or a session. Errors are
// *MalformedError or *UnsupportedError.
func ParseIdentity(text string) (*Document, error) {
	return parse(text, kind{
		elements: map[string]bool{
			"Sid": true, "Effect": true, "Action": true, "NotAction": true,
			"Resource": true, "NotResource": true, "Condition": true,
		},
		finish: finishIdentity,
	})
}

// ParseTrust parses the trust policy of a role. Errors are *MalformedError or
// *UnsupportedError.
func ParseTrust(text string) (*Document, error) {
	return parse(text, kind{
		elements: map[string]bool{
			"Sid": true, "Effect": true, "Principal": true, "Action": true, "Condition": true,
		},
		finish: finishTrust,
	})
}

func parse(text string, k kind) (*Document, error) {
	if !json.Valid([]byte(text)) {
		return nil, malformed("This policy contains invalid Json")
	}
	o, err := decodeObject([]byte(text))
	if err != nil {
		return nil, err
	}
	d := &Document{}
	for _, key := range o.keys {
		switch key {
		case "Version":
			version, err := decodeString(o.values[key])
			if err != nil || (version != currentVersion && version != oldVersion) {
				return nil, malformed("The policy must contain a valid version string")
			}
			d.variables = version == currentVersion
		case "Id":
			if _, err := decodeString(o.values[key]); err != nil {
				return nil, err
			}
		case "Statement":
		default:
			return nil, errSyntax
		}
	}
	if d.Statements, err = parseStatements(o.values["Statement"], k); err != nil {
		return nil, err
	}
	return d, nil
}

func parseStatements(raw json.RawMessage, k kind) ([]Statement, error) {
	if raw == nil {
		return nil, errSyntax
	}
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		items = nil
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, errSyntax
		}
	}
	if len(items) == 0 {
		return nil, errSyntax
	}
	statements := make([]Statement, 0, len(items))
	sids := map[string]bool{}
	for _, item := range items {
		s, err := parseStatement(item, k)
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.Sid] = true
		statements = append(statements, s)
	}
	return statements, nil
}

func parseStatement(raw json.RawMessage, k kind) (Statement, error) {
	s := Statement{}
	o, err := decodeObject(raw)
	if err != nil {
		return s, err
	}
	for _, key := range o.keys {
		if k.elements[key] {
			continue
		}
		switch key {
		case "Principal", "NotPrincipal":
			return s, malformed("Policy document should not specify a principal.")
		case "Resource", "NotResource", "NotAction":
			return s, malformed("Has prohibited field %s", key)
		default:
			return s, errSyntax
		}
	}
	if err := s.parseCommon(o); err != nil {
		return s, err
	}
	err = k.finish(&s, o)
	return s, err
}

func (s *Statement) parseCommon(o object) error {
	if raw, found := o.values["Sid"]; found {
		sid, err := decodeString(raw)
		if err != nil {
			return err
		}
		if !sidPattern.MatchString(sid) {
			return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
		s.Sid = sid
	}
	raw, found := o.values["Effect"]
	if !found {
		return malformed("Missing required field Effect")
	}
	effect, err := decodeString(raw)
	if err != nil {
		return err
	}
	if s.Effect = Effect(effect); s.Effect != Allow && s.Effect != Deny {
		return malformed("Invalid effect: %s", effect)
	}
	if err := s.parseActions(o); err != nil {
		return err
	}
	return s.parseConditions(o.values["Condition"])
}

func (s *Statement) parseActions(o object) error {
	raw, not, err := oneOf(o, "Action", "NotAction")
	if err != nil {
		return err
	}
	if raw == nil {
		return malformed("Policy statement must contain actions.")
	}
	s.notActions = not
	if s.actions, err = decodeStrings(raw); err != nil {
		return err
	}
	if len(s.actions) == 0 {
		return malformed("Policy statement must contain actions.")
	}
	for _, action := range s.actions {
		if action != "*" && !actionPattern.MatchString(action) {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
	}
	return nil
}

func (s *Statement) parseConditions(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	byOperator, err := decodeObject(raw)
	if err != nil {
		return err
	}
	for _, name := range byOperator.keys {
		byKey, err := decodeObject(byOperator.values[name])
		if err != nil {
			return err
		}
		for _, key := range byKey.keys {
			values, err := decodeScalars(byKey.values[key])
			if err != nil {
				return err
			}
			c, err := newCondition(name, key, values)
			if err != nil {
				return err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

func oneOf(o object, name, opposite string) (raw json.RawMessage, negated bool, err error) {
	plain, hasPlain := o.values[name]
	not, hasNot := o.values[opposite]
	switch {
	case hasPlain && hasNot:
		return nil, false, errSyntax
	case hasNot:
		return not, true, nil
	default:
		return plain, false, nil
	}
}

func finishIdentity(s *Statement, o object) error {
	raw, not, err := oneOf(o, "Resource", "NotResource")
	if err != nil {
		return err
	}
	if raw == nil {
		return malformed("Policy statement must contain resources.")
	}
	s.notResource = not
	if s.resources, err = decodeStrings(raw); err != nil {
		return err
	}
	if len(s.resources) == 0 {
		return malformed("Policy statement must contain resources.")
	}
	for _, resource := range s.resources {
		if resource != "*" && !isResourceARN(resource) {
			return malformed("Resource %s must be in ARN format or \"*\".", resource)
		}
	}
	return nil
}

func isResourceARN(s string) bool {
	if !strings.HasPrefix(s, "arn:") {
		return false
	}
	return strings.Count(s, ":") >= arnParts-1 || strings.HasSuffix(s, "*")
}
