package awsfake

import (
	"time"

	"attache.dev/attache/test/awsfake/policy"
)

// openSession asks the role's trust policy and issues the session's credentials.
func (c *call) openSession(request samlRequest, identity samlIdentity, granted attributes) (any, error) {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	r := c.honouredRole(request.roleARN)
	accountID, _, _ := accountOf(request.roleARN, c.state.partition, "role")
	if r == nil || accountID != identity.provider.accountID || c.denied {
		return nil, accessDenied("Not authorized to perform sts:AssumeRoleWithSAML")
	}
	if err := c.checkTrust(r.trust, request.providerARN, identity, granted); err != nil {
		return nil, err
	}
	if request.seconds > r.maxSessionDuration {
		return nil, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	policies, err := request.policies.documents(c.state, c.state.accounts[accountID])
	if err != nil {
		return nil, err
	}
	key := c.issue(accountID, &session{
		role: r, name: granted.sessionName, policies: policies, granted: granted,
		expires: sessionEnd(c.now, request, identity, granted), context: sessionContext(request.providerARN, identity, granted),
	})
	return c.sessionResult(key, identity, granted), nil
}

// issue makes the credentials of a session.
func (c *call) issue(accountID string, s *session) *accessKey {
	s.token, s.expires = newSessionToken(), c.settings.shorten(s.expires, c.now)
	key := &accessKey{id: newID(prefixTemporaryAccessKey), secret: newSecret(), accountID: accountID, created: c.now, session: s}
	c.state.keys[key.id] = key
	return key
}

// checkTrust asks for each action that the assertion needs: a session tag or a
// source identity is an action of its own (IAM User Guide, "Pass session tags in
// AWS STS", "Monitor and control actions taken with assumed roles").
func (c *call) checkTrust(trust *policy.Document, providerARN string, identity samlIdentity, granted attributes) error {
	actions := []string{"sts:AssumeRoleWithSAML"}
	if len(granted.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if granted.sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	ctx := identity.trustContext()
	setTime(ctx, c.now)
	granted.addToTrust(ctx)
	for _, action := range actions {
		request := policy.Request{
			Action: action, PrincipalType: policy.Federated, Principal: providerARN, Context: ctx,
		}
		if policy.Evaluate(request, trust) != policy.Allowed {
			return accessDenied("Not authorized to perform %s", action)
		}
	}
	return nil
}

// sessionEnd is the earliest of DurationSeconds, the attribute SessionDuration and
// SessionNotOnOrAfter.
func sessionEnd(now time.Time, request samlRequest, identity samlIdentity, granted attributes) time.Time {
	length := min(time.Duration(request.seconds)*time.Second, granted.maxDuration)
	end := now.Add(length)
	if limit := identity.assertion.SessionNotOnOrAfter; !limit.IsZero() && limit.Before(end) {
		end = limit
	}
	return end
}

func sessionContext(providerARN string, identity samlIdentity, granted attributes) policy.Context {
	ctx := identity.lastingContext()
	ctx.Set("aws:FederatedProvider", providerARN)
	ctx.Merge(granted.sessionContext())
	return ctx
}

// sessionContext holds the keys that every kind of session has.
func (g *attributes) sessionContext() policy.Context {
	ctx := policy.Context{}
	newTagSet(g.tags).addTo(ctx, "aws:PrincipalTag")
	if g.sourceIdentity != "" {
		ctx.Set("aws:SourceIdentity", g.sourceIdentity)
	}
	return ctx
}

type credentialsView struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

func (k *accessKey) credentials() credentialsView {
	return credentialsView{
		AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.session.token, Expiration: timestamp(k.session.expires),
	}
}

type assumedRoleUserView struct {
	Arn           string `xml:"Arn"`
	AssumedRoleID string `xml:"AssumedRoleId"`
}

func (c *call) assumedRoleUser(k *accessKey) assumedRoleUserView {
	return assumedRoleUserView{
		Arn:           assumedRoleARN(c.state.partition, k.accountID, k.session.role.name, k.session.name),
		AssumedRoleID: k.session.role.id + ":" + k.session.name,
	}
}

func (c *call) sessionResult(key *accessKey, identity samlIdentity, granted attributes) assumeRoleWithSAMLResult {
	result := assumeRoleWithSAMLResult{Credentials: key.credentials(), AssumedRoleUser: c.assumedRoleUser(key)}
	result.Subject = identity.assertion.NameID
	result.SubjectType = identity.subjectType()
	result.Issuer = identity.assertion.Issuer
	result.Audience = identity.assertion.Recipient
	result.NameQualifier = identity.nameQualifier()
	if granted.sourceIdentity != "" {
		result.SourceIdentity = &granted.sourceIdentity
	}
	return result
}
