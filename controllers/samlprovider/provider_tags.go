package samlprovider

import (
	"context"
	"maps"
	"slices"

	"attache.dev/attache/awsiam"
)

// isAdopted is the value of awsiam.TagAdopted.
const isAdopted = "true"

func adoptedBy(tags map[string]string) bool { return tags[awsiam.TagAdopted] == isAdopted }

// tags returns those that the IAM provider must carry. Any other, but for the offer that an adoption
// accepts, is somebody else's and stays.
func (a *account) tags(adopted bool) map[string]string {
	tags := a.owner.Tags()
	if adopted {
		tags[awsiam.TagAdopted] = isAdopted
	}
	return tags
}

// writeTags sets the wanted tags that are missing or another and then takes off the offer, in this
// order, so that there is never neither.
func writeTags(ctx context.Context, iam awsiam.SAMLProviders, arn string, wanted, held map[string]string) error {
	missing := maps.Clone(wanted)
	maps.DeleteFunc(missing, func(key, value string) bool {
		has, found := held[key]
		return found && has == value
	})
	if len(missing) > 0 {
		if err := iam.AddTags(ctx, arn, missing); err != nil {
			return err
		}
	}
	if _, offered := held[awsiam.TagAdopt]; offered {
		return iam.RemoveTags(ctx, arn, awsiam.TagAdopt)
	}
	return nil
}

func sortedKeys(tags map[string]string) []string { return slices.Sorted(maps.Keys(tags)) }
