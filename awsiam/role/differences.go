package role

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam/policy"
)

// Limits of what a Difference holds (api/v1alpha1).
const (
	maxDifferences = 64
	maxField       = 256
	maxValue       = 512
)

// Differences returns in which fields of the spec the role that IAM holds is not as it is wanted,
// in the order of the spec's fields. Policies are compared by what they say, not by how they are
// written. Tags that are not wanted, and a description and duration that are not known, are no
// difference. Of more than 64 differences the first are returned.
func Differences(want, held Role) []v1alpha1.Difference {
	d := &differences{}
	d.compare("arn", want.ARN, held.ARN)
	if held.MaxSessionDuration != 0 {
		d.compare("description", want.Description, held.Description)
		d.compare("maxSessionDuration", durationText(want.MaxSessionDuration), durationText(held.MaxSessionDuration))
	}
	if !policy.Equal(want.TrustPolicy, held.TrustPolicy) {
		d.add("trustPolicy", want.TrustPolicy, held.TrustPolicy)
	}
	d.compare("permissionsBoundary", want.PermissionsBoundary, held.PermissionsBoundary)
	d.comparePolicies(want.Policies, held.Policies)
	d.compareInline(want.InlinePolicies, held.InlinePolicies)
	d.compareTags(want.Tags, held.Tags)
	return d.found
}

type differences struct{ found []v1alpha1.Difference }

func (d *differences) compare(field, want, held string) {
	if want != held {
		d.add(field, want, held)
	}
}

func (d *differences) add(field, want, held string) {
	if len(d.found) < maxDifferences {
		d.found = append(d.found, v1alpha1.Difference{
			Field: shorten(field, maxField), Wanted: shorten(want, maxValue), Found: shorten(held, maxValue),
		})
	}
}

func (d *differences) comparePolicies(want, held []string) {
	for _, arn := range sorted(append(slices.Clone(want), held...)) {
		switch wanted, found := slices.Contains(want, arn), slices.Contains(held, arn); {
		case wanted && !found:
			d.add(fmt.Sprintf("policies[%s]", Name(arn)), arn, "")
		case found && !wanted:
			d.add(fmt.Sprintf("policies[%s]", Name(arn)), "", arn)
		}
	}
}

func (d *differences) compareInline(want, held map[string]string) {
	for _, name := range keysOf(want, held) {
		if !sameInline(want, held, name) {
			d.add(fmt.Sprintf("inlinePolicies[%s]", name), want[name], held[name])
		}
	}
}

func (d *differences) compareTags(want, held map[string]string) {
	for _, key := range keysOf(want) {
		value, found := tagOf(held, key)
		if !found || value != want[key] {
			d.add(fmt.Sprintf("tags[%s]", key), shown(want[key], true), shown(value, found))
		}
	}
}

// shown tells an empty value from none.
func shown(value string, found bool) string {
	if found && value == "" {
		return `""`
	}
	return value
}

func sameInline(want, held map[string]string, name string) bool {
	w, wanted := want[name]
	h, found := held[name]
	return wanted == found && (!wanted || policy.Equal(w, h))
}

// tagOf finds a tag without regard to the case of its key (IAM User Guide, "Tags for IAM
// resources").
func tagOf(tags map[string]string, key string) (value string, found bool) {
	if value, found = tags[key]; found {
		return value, true
	}
	for k, v := range tags {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return "", false
}

// keysOf returns the keys of all maps, sorted.
func keysOf(all ...map[string]string) []string {
	var keys []string
	for _, m := range all {
		keys = slices.AppendSeq(keys, maps.Keys(m))
	}
	return sorted(keys)
}

// durationText is 1h30m where time.Duration says 1h30m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// shorten cuts to a number of bytes, between characters.
func shorten(s string, limit int) string {
	const mark = "…"
	if len(s) <= limit {
		return s
	}
	s = s[:limit-len(mark)]
	for !utf8.ValidString(s) && s != "" {
		s = s[:len(s)-1]
	}
	return s + mark
}
