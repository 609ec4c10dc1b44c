package awsfake

import (
	"net/http"

	"attache.dev/attache/test/awsfake/policy"
)

// authenticate verifies the signature of a call and tells who made it.
func (c *call) authenticate(r *http.Request, body []byte) (*principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, errorf(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	signature, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	key := c.state.keys[signature.accessKeyID]
	if key == nil || !c.state.alive(key, r.Header.Get("X-Amz-Security-Token")) {
		return nil, errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if key.session != nil && !c.now.Before(key.session.expires) {
		return nil, errorf(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	if err := signature.verify(r, body, key.secret, c.scope(), c.now); err != nil {
		return nil, err
	}
	return c.state.principalOf(key), nil
}

// scope is what the call must be signed for.
func (c *call) scope() scope {
	want := scope{region: c.region, service: c.op.service.name}
	switch c.op.service {
	case iamService:
		want.region = iamRegions[c.state.partition]
	case stsService:
		if region := c.settings.endpoint(c.host).Region; region != "" {
			want.region = region
		}
	}
	return want
}

// alive says whether the key's owner still exists and the token is the key's own.
// A long-term key takes no token.
func (s *state) alive(key *accessKey, token string) bool {
	switch {
	case key.session != nil:
		r := s.accounts[key.accountID].role(key.session.role.name)
		return token == key.session.token && r != nil && r.id == key.session.role.id
	default:
		return token == ""
	}
}

func (s *state) principalOf(key *accessKey) *principal {
	account := s.accounts[key.accountID]
	p := &principal{account: account, context: policy.Context{}}
	p.context.Set("aws:PrincipalAccount", account.id)
	switch {
	case key.session != nil:
		p.session = key.session
		// An STS endpoint that lags gave the role as it was: its policies count as they are.
		r := account.role(key.session.role.name)
		p.arn = assumedRoleARN(s.partition, account.id, r.name, key.session.name)
		p.userID = r.id + ":" + key.session.name
		p.policies = append(r.policies.documents(), r.attached.documents()...)
		if r.boundary != nil {
			p.boundary = r.boundary.parsed
		}
		p.sessionPolicies = key.session.policies
		p.context.Set("aws:PrincipalArn", r.arn)
		p.context.Set("aws:PrincipalType", "AssumedRole")
		p.context.Set("aws:TokenIssueTime", timestamp(key.created))
		r.tags.addTo(p.context, "aws:PrincipalTag")
		p.context.Merge(key.session.context)
	case key.user != nil:
		p.user = key.user
		p.arn, p.userID = key.user.arn, key.user.id
		p.policies = append(key.user.policies.documents(), key.user.attached.documents()...)
		p.context.Set("aws:PrincipalArn", p.arn)
		p.context.Set("aws:PrincipalType", "User")
		p.context.Set("aws:username", key.user.name)
	default:
		p.root = true
		p.arn, p.userID = iamARN(s.partition, account.id, "root"), account.id
	}
	p.context.Set("aws:userid", p.userID)
	return p
}
