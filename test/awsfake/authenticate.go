package awsfake

import (
	"net/http"
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// authenticate verifies the signature of a call and tells who made it.
func (s *Server) authenticate(r *http.Request, body []byte, svc *service, now time.Time) (*principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, errorf(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	signature, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	key := s.state.keys[signature.accessKeyID]
	if key == nil || !s.state.alive(key, r.Header.Get("X-Amz-Security-Token")) {
		return nil, errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if key.session != nil && !now.Before(key.session.expires) {
		return nil, errorf(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	region := s.region
	if svc == iamService {
		region = iamRegions[s.state.partition]
	}
	if err := signature.verify(r, body, key.secret, scope{region: region, service: svc.name}, now); err != nil {
		return nil, err
	}
	return s.state.principalOf(key), nil
}

// alive says whether the key's owner still exists and the token is the key's own.
// A long-term key takes no token.
func (s *state) alive(key *accessKey, token string) bool {
	switch {
	case key.session != nil:
		return token == key.session.token && s.accounts[key.accountID].role(key.session.role.name) == key.session.role
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
		r := key.session.role
		p.arn = assumedRoleARN(s.partition, account.id, r.name, key.session.name)
		p.userID = r.id + ":" + key.session.name
		p.policies = append(r.policies.documents(), r.attached.documents()...)
		if r.boundary != nil {
			p.boundary = r.boundary.parsed
		}
		p.sessionPolicies = key.session.policies
		p.context.Set("aws:PrincipalArn", r.arn)
		r.tags.addTo(p.context, "aws:PrincipalTag")
		p.context.Merge(key.session.context)
	case key.user != nil:
		p.user = key.user
		p.arn, p.userID = key.user.arn, key.user.id
		p.policies = key.user.policies.documents()
		p.context.Set("aws:PrincipalArn", p.arn)
		p.context.Set("aws:username", key.user.name)
	default:
		p.root = true
		p.arn, p.userID = iamARN(s.partition, account.id, "root"), account.id
	}
	p.context.Set("aws:userid", p.userID)
	return p
}
