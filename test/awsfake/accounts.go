package awsfake

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Account is an AWS account with a key of its root user.
type Account struct {
	// ID has 12 digits.
	ID string `json:"id"`
	// AdminAccessKeyID has 16 to 128 letters and digits; no other key may have it.
	AdminAccessKeyID     string `json:"adminAccessKeyID"`
	AdminSecretAccessKey string `json:"adminSecretAccessKey"`
}

var (
	accountIDPattern   = regexp.MustCompile(`^\d{12}$`)
	accessKeyIDPattern = regexp.MustCompile(`^\w{16,128}$`)
)

func (a Account) validate() error {
	switch {
	case !accountIDPattern.MatchString(a.ID):
		return fmt.Errorf("account ID %q is not 12 digits", a.ID)
	case !accessKeyIDPattern.MatchString(a.AdminAccessKeyID):
		return fmt.Errorf("access key ID %q of account %s is not 16-128 letters and digits", a.AdminAccessKeyID, a.ID)
	case a.AdminSecretAccessKey == "":
		return fmt.Errorf("account %s has no secret access key for its root user", a.ID)
	}
	return nil
}

// addAccount opens an account, or gives one that exists another root key. To do it
// again changes nothing.
func (s *Server) addAccount(a Account) error {
	if err := a.validate(); err != nil {
		return err
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	key := &accessKey{id: a.AdminAccessKeyID, secret: a.AdminSecretAccessKey, accountID: a.ID, root: true}
	if taken := s.state.keys[key.id]; taken != nil && *taken != *key {
		return fmt.Errorf("access key ID %s is taken: give account %s another one", key.id, a.ID)
	}
	s.state.openAccount(a.ID)
	s.state.keys[key.id] = key
	return nil
}

// accountIDs returns the accounts that exist, in order.
func (s *state) accountIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.accounts))
}

func (s *state) checkExists(accountID string) error {
	if !slices.Contains(s.accountIDs(), accountID) {
		return fmt.Errorf("accountID %q is not one that exists here", accountID)
	}
	return nil
}

// arnParams are the parameters by which STS's calls reach into another account.
var arnParams = []string{"RoleArn", "PrincipalArn"}

// touchedAccounts are the accounts that a call is about: that of the key which the
// call says it is signed with, and those of STS's role and SAML provider.
func (c *call) touchedAccounts(r *http.Request) []string {
	var ids []string
	if signature, err := parseAuthorization(r.Header.Get("Authorization")); err == nil && !c.op.unsigned {
		c.state.mu.Lock()
		defer c.state.mu.Unlock()
		if key := c.state.keys[signature.accessKeyID]; key != nil {
			ids = append(ids, key.accountID)
		}
	}
	if c.op.service != stsService {
		return ids
	}
	for _, name := range arnParams {
		if id := accountIn(c.form.Get(name)); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// accountIn returns the account that an ARN names, or "".
func accountIn(arn string) string {
	const accountPart, parts = 4, 6
	fields := strings.SplitN(arn, ":", parts)
	if len(fields) < parts {
		return ""
	}
	return fields[accountPart]
}
