package awsfake

import (
	"regexp"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// chainedSessionSeconds bounds a session that another session opens (IAM User
// Guide, "Roles terms and concepts", role chaining).
const chainedSessionSeconds = 3600

var (
	sessionNameRule = rule{min: 2, max: 64, pattern: sessionNamePattern}
	externalIDRule  = rule{min: 2, max: 1224, pattern: regexp.MustCompile(`^[\w+=,.@:\/-]*$`)}
)

type assumeRoleResult struct {
	Credentials     credentialsView     `xml:"Credentials"`
	AssumedRoleUser assumedRoleUserView `xml:"AssumedRoleUser"`
	SourceIdentity  *string             `xml:"SourceIdentity"`
}

// assumeRoleRequest is a call of AssumeRole with its parameters checked, and with
// what the caller's own session hands on.
type assumeRoleRequest struct {
	// accountID is the role's, which need not be the caller's.
	roleARN, accountID, externalID string
	seconds                        int
	policies                       sessionPolicies
	granted                        attributes
	// tags are those of the call; granted has the inherited ones too.
	tags []tag
}

// assumeRole opens a session for a user or for another session. The root user may
// not open one.
func assumeRole(c *call) (any, error) {
	if c.principal.root {
		return nil, accessDenied("Roles may not be assumed by root accounts.")
	}
	request, err := c.readAssumeRole()
	if err != nil {
		return nil, err
	}
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	r := c.honouredRole(request.roleARN)
	if r == nil {
		return nil, c.notAuthorized("sts:AssumeRole", request.roleARN, nothingAllows("identity-based policy", "sts:AssumeRole"))
	}
	for _, action := range request.actions() {
		if err := c.authorizeTrusted(action, r, request); err != nil {
			return nil, err
		}
	}
	if request.seconds > r.maxSessionDuration {
		return nil, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	policies, err := request.policies.documents(c.state, c.state.accounts[request.accountID])
	if err != nil {
		return nil, err
	}
	key := c.issue(request.accountID, &session{
		role: r, name: request.granted.sessionName, policies: policies, granted: request.granted,
		expires: c.now.Add(time.Duration(request.seconds) * time.Second), context: request.granted.sessionContext(),
	})
	result := assumeRoleResult{Credentials: key.credentials(), AssumedRoleUser: c.assumedRoleUser(key)}
	if identity := request.granted.sourceIdentity; identity != "" {
		result.SourceIdentity = &identity
	}
	return result, nil
}

func (c *call) readAssumeRole() (assumeRoleRequest, error) {
	r := assumeRoleRequest{seconds: defaultSessionSeconds}
	var err error
	if r.roleARN, err = c.required("RoleArn", arnRule); err != nil {
		return r, err
	}
	r.accountID = accountIn(r.roleARN)
	if r.granted.sessionName, err = c.required("RoleSessionName", sessionNameRule); err != nil {
		return r, err
	}
	if seconds, given, err := c.integer("DurationSeconds", minSessionSeconds, maxSessionSeconds); err != nil {
		return r, err
	} else if given {
		r.seconds = seconds
	}
	if r.policies, err = c.readSessionPolicies(); err != nil {
		return r, err
	}
	if r.externalID, _, err = c.optional("ExternalId", externalIDRule); err != nil {
		return r, err
	}
	if r.granted.sourceIdentity, _, err = c.optional("SourceIdentity", sessionNameRule); err != nil {
		return r, err
	}
	if r.tags, err = c.tags(); err != nil {
		return r, err
	}
	r.granted.tags, r.granted.transitiveTagKeys = r.tags, c.list("TransitiveTagKeys")
	if key := r.granted.strayTransitiveKey(); key != "" {
		return r, validationError("The specified transitive tag key must be included in the requested tags: %s", key)
	}
	err = r.inherit(c.principal.session)
	return r, err
}

// inherit adds what a chain of sessions keeps: transitive tags, which cannot be
// replaced, and the source identity (IAM User Guide, "Pass session tags in AWS
// STS", chaining roles).
func (r *assumeRoleRequest) inherit(from *session) error {
	if from == nil {
		return nil
	}
	if r.seconds > chainedSessionSeconds {
		return validationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	own := newTagSet(r.tags)
	all := newTagSet(from.granted.tags)
	for _, key := range from.granted.transitiveTagKeys {
		inherited := all[strings.ToLower(key)]
		if _, replaced := own[strings.ToLower(key)]; replaced {
			return errorf(400, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		r.granted.tags = append(r.granted.tags, inherited)
		r.granted.transitiveTagKeys = append(r.granted.transitiveTagKeys, key)
	}
	inherited := from.granted.sourceIdentity
	switch {
	case inherited == "":
	case r.granted.sourceIdentity != "" && r.granted.sourceIdentity != inherited:
		return accessDenied("The source identity of the calling session cannot be changed")
	default:
		r.granted.sourceIdentity = inherited
	}
	return nil
}

func (r *assumeRoleRequest) actions() []string {
	actions := []string{"sts:AssumeRole"}
	if len(r.granted.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if r.granted.sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// authorizeTrusted asks the role's trust policy and then the caller's own policies.
// A trust policy that names the caller is enough in one account; one that names
// the account leaves the decision to the caller's policies, and so does any of
// another account (IAM User Guide, "Policy evaluation logic", principals of
// resource-based policies; "Cross-account policy evaluation logic").
func (c *call) authorizeTrusted(action string, r *role, request assumeRoleRequest) error {
	ctx := policy.Context{}
	ctx.Merge(c.principal.context)
	setTime(ctx, c.now)
	request.granted.addToTrust(ctx)
	if request.externalID != "" {
		ctx.Set("sts:ExternalId", request.externalID)
	}
	ask := policy.Request{Action: action, PrincipalType: policy.AWS, Context: ctx}
	byName := evaluateTrust(r.trust, ask, c.principal.namesIn(r.trusted)...)
	byAccount := evaluateTrust(r.trust, ask, c.principal.account.id, iamARN(c.state.partition, c.principal.account.id, "root"))
	switch {
	case byName == policy.ExplicitDeny || byAccount == policy.ExplicitDeny:
		return c.notAuthorized(action, r.arn, "with an explicit deny in a resource-based policy")
	case byName != policy.Allowed && byAccount != policy.Allowed:
		return c.notAuthorized(action, r.arn, nothingAllows("resource-based policy", action))
	}
	layers := c.principal.layers()
	layers[0].granted = byName == policy.Allowed && request.accountID == c.principal.account.id
	return c.evaluate(action, r.arn, conditionKeys{resource: r.tags, call: ctx}, layers)
}

// namesIn are the principals of a trust policy that stand for the caller.
func (p *principal) namesIn(trusted trustedIDs) []string {
	arns, id := []string{p.arn}, ""
	switch {
	case p.session != nil:
		arns, id = append(arns, p.session.role.arn), p.session.role.id
	case p.user != nil:
		id = p.user.id
	}
	names := []string{"*"}
	for _, arn := range arns {
		if trusted.trusts(arn, id) {
			names = append(names, arn)
		}
	}
	return names
}

func evaluateTrust(trust *policy.Document, request policy.Request, names ...string) policy.Decision {
	decision := policy.ImplicitDeny
	for _, request.Principal = range names {
		switch policy.Evaluate(request, trust) {
		case policy.ExplicitDeny:
			return policy.ExplicitDeny
		case policy.Allowed:
			decision = policy.Allowed
		}
	}
	return decision
}
