package awsfake

type getCallerIdentityResult struct {
	Arn     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

// getCallerIdentity needs no permission and cannot be denied one (STS API
// Reference, GetCallerIdentity).
func getCallerIdentity(c *call) (any, error) {
	return getCallerIdentityResult{Arn: c.principal.arn, UserID: c.principal.userID, Account: c.principal.account.id}, nil
}
