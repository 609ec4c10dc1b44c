package awsfake

import "attache.dev/attache/test/awsfake/policy"

// directoryKeys are the condition keys that attributes of eduPerson and eduOrg
// become (IAM User Guide, "Configure SAML assertions for the authentication
// response", mapping of attributes).
var directoryKeys = map[string]string{
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":  "saml:eduPersonAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.2":  "saml:eduPersonNickname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.3":  "saml:eduPersonOrgDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.4":  "saml:eduPersonOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.5":  "saml:eduPersonPrimaryAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":  "saml:eduPersonPrincipalName",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":  "saml:eduPersonEntitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.8":  "saml:eduPersonPrimaryOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":  "saml:eduPersonScopedAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10": "saml:eduPersonTargetedID",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "saml:eduPersonAssurance",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.2":  "saml:eduOrgHomePageURI",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.3":  "saml:eduOrgIdentityAuthNPolicyURI",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.4":  "saml:eduOrgLegalName",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.5":  "saml:eduOrgSuperiorURI",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.6":  "saml:eduOrgWhitePagesURI",
}

// lastingContext holds the SAML keys that the session's own policies see.
func (i samlIdentity) lastingContext() policy.Context {
	ctx := policy.Context{}
	ctx.Set("saml:sub", i.assertion.NameID)
	ctx.Set("saml:sub_type", i.subjectType())
	ctx.Set("saml:namequalifier", i.nameQualifier())
	return ctx
}

// trustContext holds the keys that a trust policy sees.
func (i samlIdentity) trustContext() policy.Context {
	ctx := i.lastingContext()
	ctx.Set("saml:aud", i.assertion.Recipient)
	ctx.Set("saml:iss", i.assertion.Issuer)
	ctx.Set("saml:doc", i.provider.accountID+"/"+i.provider.name)
	for attribute, key := range directoryKeys {
		ctx.Set(key, i.assertion.Attributes[attribute]...)
	}
	return ctx
}
