package awsfake

import (
	"net/http"
	"strings"
)

// service is one of the two APIs. Both listen at one address: the parameter
// Version tells them apart, as it is part of each API's name.
type service struct {
	name, version, namespace string
}

var (
	iamService = &service{name: "iam", version: "2010-05-08", namespace: "https://iam.amazonaws.com/doc/2010-05-08/"}
	stsService = &service{name: "sts", version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}
)

// operation is one action. params lists every parameter it honours: a call with
// another one is refused, so that nothing is dropped in silence.
type operation struct {
	service  *service
	name     string
	unsigned bool
	// free says that IAM needs no permission for it.
	free   bool
	params []string
	handle func(*call) (any, error)
}

var operations = func() map[string]*operation {
	table := map[string]*operation{}
	add := func(s *service, name string, handle func(*call) (any, error), params ...string) *operation {
		op := &operation{service: s, name: name, handle: handle, params: params}
		table[name] = op
		return op
	}
	add(stsService, "AssumeRoleWithSAML", assumeRoleWithSAML,
		"RoleArn", "PrincipalArn", "SAMLAssertion", "DurationSeconds", "Policy", "PolicyArns").unsigned = true
	add(stsService, "AssumeRole", assumeRole, "RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "PolicyArns",
		"ExternalId", "SourceIdentity", "Tags", "TransitiveTagKeys")
	add(stsService, "GetCallerIdentity", getCallerIdentity).free = true

	iam := func(name string, handle func(*call) (any, error), params ...string) {
		add(iamService, name, locked(handle), params...)
	}
	iam("CreateSAMLProvider", createSAMLProvider, "Name", "SAMLMetadataDocument", "AssertionEncryptionMode", "AddPrivateKey", "Tags")
	iam("UpdateSAMLProvider", updateSAMLProvider, "SAMLProviderArn", "SAMLMetadataDocument",
		"AssertionEncryptionMode", "AddPrivateKey", "RemovePrivateKey")
	iam("GetSAMLProvider", getSAMLProvider, "SAMLProviderArn")
	iam("ListSAMLProviders", listSAMLProviders)
	iam("DeleteSAMLProvider", deleteSAMLProvider, "SAMLProviderArn")
	iam("TagSAMLProvider", tagSAMLProvider, "SAMLProviderArn", "Tags")
	iam("UntagSAMLProvider", untagSAMLProvider, "SAMLProviderArn", "TagKeys")
	iam("ListSAMLProviderTags", listSAMLProviderTags, "SAMLProviderArn", "Marker", "MaxItems")

	iam("CreateRole", createRole, "RoleName", "Path", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration",
		"PermissionsBoundary", "Tags")
	iam("GetRole", getRole, "RoleName")
	iam("UpdateRole", updateRole, "RoleName", "Description", "MaxSessionDuration")
	iam("UpdateAssumeRolePolicy", updateAssumeRolePolicy, "RoleName", "PolicyDocument")
	iam("DeleteRole", deleteRole, "RoleName")
	iam("ListRoles", listRoles, "PathPrefix", "Marker", "MaxItems")
	iam("TagRole", tagRole, "RoleName", "Tags")
	iam("UntagRole", untagRole, "RoleName", "TagKeys")
	iam("ListRoleTags", listRoleTags, "RoleName", "Marker", "MaxItems")
	iam("PutRolePermissionsBoundary", putRolePermissionsBoundary, "RoleName", "PermissionsBoundary")
	iam("DeleteRolePermissionsBoundary", deleteRolePermissionsBoundary, "RoleName")
	iam("AttachRolePolicy", attachRolePolicy, "RoleName", "PolicyArn")
	iam("DetachRolePolicy", detachRolePolicy, "RoleName", "PolicyArn")
	iam("ListAttachedRolePolicies", listAttachedRolePolicies, "RoleName", "PathPrefix", "Marker", "MaxItems")
	iam("PutRolePolicy", putPolicy(roleOwner), "RoleName", "PolicyName", "PolicyDocument")
	iam("GetRolePolicy", getPolicy(roleOwner), "RoleName", "PolicyName")
	iam("ListRolePolicies", listPolicies(roleOwner), "RoleName", "Marker", "MaxItems")
	iam("DeleteRolePolicy", deletePolicy(roleOwner), "RoleName", "PolicyName")

	iam("CreatePolicy", createPolicy, "PolicyName", "Path", "PolicyDocument", "Description", "Tags")
	iam("GetPolicy", getManagedPolicy, "PolicyArn")
	iam("GetPolicyVersion", getPolicyVersion, "PolicyArn", "VersionId")
	iam("ListPolicies", listManagedPolicies, "Scope", "PathPrefix", "Marker", "MaxItems")
	iam("DeletePolicy", deleteManagedPolicy, "PolicyArn")

	iam("CreateInstanceProfile", createInstanceProfile, "InstanceProfileName", "Path", "Tags")
	iam("AddRoleToInstanceProfile", addRoleToInstanceProfile, "InstanceProfileName", "RoleName")
	iam("RemoveRoleFromInstanceProfile", removeRoleFromInstanceProfile, "InstanceProfileName", "RoleName")
	iam("DeleteInstanceProfile", deleteInstanceProfile, "InstanceProfileName")
	iam("ListInstanceProfilesForRole", listInstanceProfilesForRole, "RoleName", "Marker", "MaxItems")

	iam("GetAccountAuthorizationDetails", getAccountAuthorizationDetails, "Filter", "Marker", "MaxItems")

	iam("CreateUser", createUser, "UserName", "Path")
	iam("GetUser", getUser, "UserName")
	iam("DeleteUser", deleteUser, "UserName")
	iam("PutUserPolicy", putPolicy(userOwner), "UserName", "PolicyName", "PolicyDocument")
	iam("GetUserPolicy", getPolicy(userOwner), "UserName", "PolicyName")
	iam("ListUserPolicies", listPolicies(userOwner), "UserName", "Marker", "MaxItems")
	iam("DeleteUserPolicy", deletePolicy(userOwner), "UserName", "PolicyName")
	iam("AttachUserPolicy", attachUserPolicy, "UserName", "PolicyArn")
	iam("DetachUserPolicy", detachUserPolicy, "UserName", "PolicyArn")
	iam("ListAttachedUserPolicies", listAttachedUserPolicies, "UserName", "PathPrefix", "Marker", "MaxItems")
	iam("CreateAccessKey", createAccessKey, "UserName")
	iam("ListAccessKeys", listAccessKeys, "UserName", "Marker", "MaxItems")
	iam("DeleteAccessKey", deleteAccessKey, "UserName", "AccessKeyId")
	return table
}()

// reads says whether the operation changes nothing.
func (o *operation) reads() bool {
	return strings.HasPrefix(o.name, "Get") || strings.HasPrefix(o.name, "List")
}

// locked runs a handler with the state's lock held: IAM's calls are short and
// see each other's effects whole, reads perhaps late.
func locked(handle func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		c.state.mu.Lock()
		defer c.state.mu.Unlock()
		if !c.op.reads() {
			return c.remembering(handle)
		}
		c.principal.account = c.readable()
		return handle(c)
	}
}

// lookupOperation finds the operation that a call names.
func lookupOperation(action, version string) (*operation, error) {
	if action == "" {
		return nil, errorf(http.StatusBadRequest, "MissingAction", "The request is missing an Action parameter.")
	}
	op := operations[action]
	if op == nil || op.service.version != version {
		return nil, errorf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", action, version)
	}
	return op, nil
}
