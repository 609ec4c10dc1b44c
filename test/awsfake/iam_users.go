package awsfake

import (
	"sort"
	"strings"
)

// Limits of users (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxUserInlinePolicies = 2048
	maxAccessKeysPerUser  = 2
)

var (
	userNameRule    = rule{min: 1, max: 64, pattern: nameText}
	accessKeyIDRule = rule{min: 16, max: 128}
)

type userView struct {
	Path       string `xml:"Path"`
	UserName   string `xml:"UserName,omitempty"`
	UserID     string `xml:"UserId"`
	Arn        string `xml:"Arn"`
	CreateDate string `xml:"CreateDate"`
}

type userResult struct {
	User userView `xml:"User"`
}

func (u *user) view() userView {
	return userView{Path: u.path, UserName: u.name, UserID: u.id, Arn: u.arn, CreateDate: timestamp(u.created)}
}

func createUser(c *call) (any, error) {
	name, err := c.required("UserName", userNameRule)
	if err != nil {
		return nil, err
	}
	path, given, err := c.optional("Path", pathRule)
	if err != nil {
		return nil, err
	}
	if !given {
		path = "/"
	}
	arn := iamARN(c.state.partition, c.principal.account.id, "user"+path+name)
	if err := c.authorize("iam:CreateUser", arn, conditionKeys{}); err != nil {
		return nil, err
	}
	if c.principal.account.user(name) != nil {
		return nil, alreadyExists("User with name %s already exists.", name)
	}
	u := &user{name: name, path: path, arn: arn, id: newID(prefixUser), created: c.now, policies: inlinePolicies{}, attached: attachedPolicies{}}
	c.principal.account.users[strings.ToLower(name)] = u
	return userResult{User: u.view()}, nil
}

// userFor authorizes action on the user that UserName names.
func (c *call) userFor(action string) (*user, error) { return c.userWith(action, conditionKeys{}) }

func (c *call) userWith(action string, keys conditionKeys) (*user, error) {
	name, err := c.required("UserName", userNameRule)
	if err != nil {
		return nil, err
	}
	u := c.principal.account.user(name)
	arn := iamARN(c.state.partition, c.principal.account.id, "user/"+name)
	if u != nil {
		arn = u.arn
	}
	if err := c.authorize(action, arn, keys); err != nil {
		return nil, err
	}
	if u == nil {
		return nil, noSuchEntity("The user with name %s cannot be found.", name)
	}
	return u, nil
}

// userOrSelf is userFor, or the caller if the call names no user.
func (c *call) userOrSelf(action string) (*user, error) {
	if c.form.Has("UserName") {
		return c.userFor(action)
	}
	if c.principal.user == nil {
		return nil, validationError("Must specify userName when calling with non-User credentials")
	}
	if err := c.authorize(action, c.principal.user.arn, conditionKeys{}); err != nil {
		return nil, err
	}
	return c.principal.user, nil
}

func getUser(c *call) (any, error) {
	u, err := c.userOrSelf("iam:GetUser")
	if err != nil {
		return nil, err
	}
	return userResult{User: u.view()}, nil
}

func deleteUser(c *call) (any, error) {
	u, err := c.userFor("iam:DeleteUser")
	if err != nil {
		return nil, err
	}
	if len(u.attached) > 0 {
		return nil, deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	if len(u.policies) > 0 {
		return nil, deleteConflict("Cannot delete entity, must delete policies first.")
	}
	if len(c.state.keysOf(u)) > 0 {
		return nil, deleteConflict("Cannot delete entity, must delete access keys first.")
	}
	delete(c.principal.account.users, strings.ToLower(u.name))
	c.state.forget(u.arn, u.id)
	return nil, nil
}

// keysOf returns a user's keys, the oldest first.
func (s *state) keysOf(u *user) []*accessKey {
	var keys []*accessKey
	for _, key := range s.keys {
		if key.user == u {
			keys = append(keys, key)
		}
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].created.Equal(keys[j].created) {
			return keys[i].id < keys[j].id
		}
		return keys[i].created.Before(keys[j].created)
	})
	return keys
}

type accessKeyView struct {
	UserName        string `xml:"UserName"`
	AccessKeyID     string `xml:"AccessKeyId"`
	Status          string `xml:"Status"`
	SecretAccessKey string `xml:"SecretAccessKey,omitempty"`
	CreateDate      string `xml:"CreateDate"`
}

func (k *accessKey) view() accessKeyView {
	return accessKeyView{UserName: k.user.name, AccessKeyID: k.id, Status: "Active", CreateDate: timestamp(k.created)}
}

type createAccessKeyResult struct {
	AccessKey accessKeyView `xml:"AccessKey"`
}

func createAccessKey(c *call) (any, error) {
	u, err := c.userOrSelf("iam:CreateAccessKey")
	if err != nil {
		return nil, err
	}
	if len(c.state.keysOf(u)) >= maxAccessKeysPerUser {
		return nil, limitExceeded("AccessKeysPerUser", maxAccessKeysPerUser)
	}
	key := &accessKey{
		id: newID(prefixAccessKey), secret: newSecret(), accountID: c.principal.account.id, created: c.now, user: u,
	}
	c.state.keys[key.id] = key
	view := key.view()
	view.SecretAccessKey = key.secret
	return createAccessKeyResult{AccessKey: view}, nil
}

type listAccessKeysResult struct {
	AccessKeyMetadata members[accessKeyView] `xml:"AccessKeyMetadata"`
	pageInfo
}

func listAccessKeys(c *call) (any, error) {
	u, err := c.userOrSelf("iam:ListAccessKeys")
	if err != nil {
		return nil, err
	}
	views := []accessKeyView{}
	for _, key := range c.state.keysOf(u) {
		views = append(views, key.view())
	}
	views, next, err := page(c.params, views)
	if err != nil {
		return nil, err
	}
	return listAccessKeysResult{AccessKeyMetadata: list(views), pageInfo: pageEnd(next)}, nil
}

func deleteAccessKey(c *call) (any, error) {
	u, err := c.userOrSelf("iam:DeleteAccessKey")
	if err != nil {
		return nil, err
	}
	id, err := c.required("AccessKeyId", accessKeyIDRule)
	if err != nil {
		return nil, err
	}
	if key := c.state.keys[id]; key == nil || key.user != u {
		return nil, noSuchEntity("The Access Key with id %s cannot be found.", id)
	}
	delete(c.state.keys, id)
	return nil, nil
}
