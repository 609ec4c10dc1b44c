package awsfake

import "strings"

func tagRole(c *call) (any, error) {
	tags, err := c.requiredTags()
	if err != nil {
		return nil, err
	}
	r, err := c.roleWith("iam:TagRole", conditionKeys{request: tags})
	if err != nil {
		return nil, err
	}
	merged, err := r.tags.merged(tags, "TagsPerRole")
	if err != nil {
		return nil, err
	}
	r.tags = merged
	return nil, nil
}

func untagRole(c *call) (any, error) {
	keys, err := c.tagKeys()
	if err != nil {
		return nil, err
	}
	r, err := c.roleWith("iam:UntagRole", conditionKeys{keys: keys})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		delete(r.tags, strings.ToLower(key))
	}
	return nil, nil
}

func listRoleTags(c *call) (any, error) {
	r, err := c.roleFor("iam:ListRoleTags")
	if err != nil {
		return nil, err
	}
	tags, next, err := page(c.params, r.tags.sorted())
	if err != nil {
		return nil, err
	}
	return listTagsResult{Tags: list(tags), pageInfo: pageEnd(next)}, nil
}
