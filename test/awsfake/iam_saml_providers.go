package awsfake

import (
	"errors"
	"regexp"
	"sort"
	"strings"
	"time"

	"attache.dev/attache/test/awsfake/saml"
)

// Quotas of SAML providers (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxSAMLProviders   = 100
	maxKeysPerProvider = 10
)

// validityYears is how long IAM says a provider is valid after its metadata
// changed; validUntil in the metadata does not count.
const validityYears = 100

var (
	providerNameRule = rule{min: 1, max: 128, pattern: regexp.MustCompile(`^[\w._-]+$`)}
	metadataRule     = rule{min: 1000, max: 10000000, sensitive: true}
)

type createSAMLProviderResult struct {
	SAMLProviderArn string        `xml:"SAMLProviderArn"`
	Tags            *members[tag] `xml:"Tags"`
}

func createSAMLProvider(c *call) (any, error) {
	name, err := c.required("Name", providerNameRule)
	if err != nil {
		return nil, err
	}
	document, err := c.required("SAMLMetadataDocument", metadataRule)
	if err != nil {
		return nil, err
	}
	tags, err := c.tags()
	if err != nil {
		return nil, err
	}
	arn := iamARN(c.state.partition, c.principal.account.id, "saml-provider/"+name)
	if err := c.authorizeCreate("iam:CreateSAMLProvider", "iam:TagSAMLProvider", arn, conditionKeys{request: tags}); err != nil {
		return nil, err
	}
	metadata, err := parseMetadata(document)
	if err != nil {
		return nil, err
	}
	encryption, _, err := c.changedEncryption(samlEncryption{})
	if err != nil {
		return nil, err
	}
	providers := c.principal.account.samlProviders
	if providers[name] != nil {
		return nil, alreadyExists("SAMLProvider with name %s already exists.", name)
	}
	if len(providers) >= maxSAMLProviders {
		return nil, limitExceeded("SAMLProvidersPerAccount", maxSAMLProviders)
	}
	p := &samlProvider{name: name, arn: arn, uuid: newLongID(), created: c.now, encryption: encryption, tags: newTagSet(tags)}
	p.store(document, metadata, c.now)
	providers[name] = p
	result := createSAMLProviderResult{SAMLProviderArn: arn}
	if len(tags) > 0 {
		shown := list(tags)
		result.Tags = &shown
	}
	return result, nil
}

func (p *samlProvider) store(document string, metadata saml.Metadata, now time.Time) {
	p.document, p.metadata = document, metadata
	p.validUntil = now.AddDate(validityYears, 0, 0)
}

func parseMetadata(document string) (saml.Metadata, error) {
	metadata, err := saml.ParseMetadata(document)
	switch {
	case errors.Is(err, saml.ErrNoIssuer):
		return metadata, invalidInput("SAML Providers must reference at least one SAML assertion issuer.")
	case err != nil:
		return metadata, invalidInput("Could not parse metadata")
	case len(metadata.Certificates) > maxKeysPerProvider:
		return metadata, limitExceeded("KeysPerSAMLProvider", maxKeysPerProvider)
	}
	return metadata, nil
}

// samlProvider authorizes action on the provider that SAMLProviderArn names.
func (c *call) samlProvider(action string, tags []tag, keys []string) (*samlProvider, error) {
	arn, err := c.required("SAMLProviderArn", arnRule)
	if err != nil {
		return nil, err
	}
	accountID, name, ok := accountOf(arn, c.state.partition, "saml-provider")
	if !ok {
		return nil, invalidInput("Invalid ARN: %s", arn)
	}
	var p *samlProvider
	if accountID == c.principal.account.id {
		p = c.principal.account.samlProviders[name]
	}
	about := conditionKeys{request: tags, keys: keys}
	if p != nil {
		about.resource = p.tags
	}
	if err := c.authorize(action, arn, about); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchEntity("Manifest not found for arn %s", arn)
	}
	return p, nil
}

type updateSAMLProviderResult struct {
	SAMLProviderArn string `xml:"SAMLProviderArn"`
}

func updateSAMLProvider(c *call) (any, error) {
	p, err := c.samlProvider("iam:UpdateSAMLProvider", nil, nil)
	if err != nil {
		return nil, err
	}
	document, given, err := c.optional("SAMLMetadataDocument", metadataRule)
	if err != nil {
		return nil, err
	}
	encryption, encrypts, err := c.changedEncryption(p.encryption)
	if err != nil {
		return nil, err
	}
	if !given && !encrypts {
		return nil, validationError("Unable to update identity provider. No updates are defined for metadata or encryption assertion.")
	}
	if given {
		metadata, err := parseMetadata(document)
		if err != nil {
			return nil, err
		}
		p.store(document, metadata, c.now)
	}
	p.encryption = encryption
	return updateSAMLProviderResult{SAMLProviderArn: p.arn}, nil
}

type getSAMLProviderResult struct {
	SAMLProviderUUID     string       `xml:"SAMLProviderUUID"`
	SAMLMetadataDocument string       `xml:"SAMLMetadataDocument"`
	CreateDate           string       `xml:"CreateDate"`
	ValidUntil           string       `xml:"ValidUntil"`
	Tags                 members[tag] `xml:"Tags"`
	// The last two are there once encryption was set up.
	AssertionEncryptionMode *string                  `xml:"AssertionEncryptionMode"`
	PrivateKeyList          *members[privateKeyView] `xml:"PrivateKeyList"`
}

func getSAMLProvider(c *call) (any, error) {
	p, err := c.samlProvider("iam:GetSAMLProvider", nil, nil)
	if err != nil {
		return nil, err
	}
	mode, keys := p.encryption.view()
	return getSAMLProviderResult{
		SAMLProviderUUID:        p.uuid,
		SAMLMetadataDocument:    p.document,
		CreateDate:              timestamp(p.created),
		ValidUntil:              timestamp(p.validUntil),
		Tags:                    list(p.tags.sorted()),
		AssertionEncryptionMode: mode,
		PrivateKeyList:          keys,
	}, nil
}

type samlProviderEntry struct {
	Arn        string `xml:"Arn"`
	ValidUntil string `xml:"ValidUntil"`
	CreateDate string `xml:"CreateDate"`
}

type listSAMLProvidersResult struct {
	SAMLProviderList members[samlProviderEntry] `xml:"SAMLProviderList"`
}

func listSAMLProviders(c *call) (any, error) {
	every := iamARN(c.state.partition, c.principal.account.id, "saml-provider/*")
	if err := c.authorize("iam:ListSAMLProviders", every, conditionKeys{}); err != nil {
		return nil, err
	}
	entries := []samlProviderEntry{}
	for _, p := range c.principal.account.samlProviders {
		entries = append(entries, samlProviderEntry{Arn: p.arn, ValidUntil: timestamp(p.validUntil), CreateDate: timestamp(p.created)})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Arn < entries[j].Arn })
	return listSAMLProvidersResult{SAMLProviderList: list(entries)}, nil
}

// deleteSAMLProvider does not look whether a role trusts the provider: IAM does
// not either.
func deleteSAMLProvider(c *call) (any, error) {
	p, err := c.samlProvider("iam:DeleteSAMLProvider", nil, nil)
	if err != nil {
		return nil, err
	}
	delete(c.principal.account.samlProviders, p.name)
	return nil, nil
}

func tagSAMLProvider(c *call) (any, error) {
	tags, err := c.requiredTags()
	if err != nil {
		return nil, err
	}
	p, err := c.samlProvider("iam:TagSAMLProvider", tags, nil)
	if err != nil {
		return nil, err
	}
	merged, err := p.tags.merged(tags, "TagsPerSAMLProvider")
	if err != nil {
		return nil, err
	}
	p.tags = merged
	return nil, nil
}

func untagSAMLProvider(c *call) (any, error) {
	keys, err := c.tagKeys()
	if err != nil {
		return nil, err
	}
	p, err := c.samlProvider("iam:UntagSAMLProvider", nil, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		delete(p.tags, strings.ToLower(key))
	}
	return nil, nil
}

type listTagsResult struct {
	Tags members[tag] `xml:"Tags"`
	pageInfo
}

func listSAMLProviderTags(c *call) (any, error) {
	p, err := c.samlProvider("iam:ListSAMLProviderTags", nil, nil)
	if err != nil {
		return nil, err
	}
	tags, next, err := page(c.params, p.tags.sorted())
	if err != nil {
		return nil, err
	}
	return listTagsResult{Tags: list(tags), pageInfo: pageEnd(next)}, nil
}
