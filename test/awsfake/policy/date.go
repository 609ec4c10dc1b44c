package policy

import (
	"strconv"
	"time"
)

// dateLayouts are the forms of ISO 8601 that W3C's note on dates and times names.
var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006",
}

// epochDigits tells a year from seconds since 1970: a number that is longer than a
// year is a time of the epoch.
const epochDigits = 5

// parseDate reads a date of a condition: ISO 8601 or seconds since 1970 (IAM User
// Guide, "Date condition operators").
func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= epochDigits {
		return time.Unix(seconds, 0).UTC(), true
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func isDate(s string) bool {
	_, ok := parseDate(s)
	return ok
}

// dateMatcher compares the request's date with the policy's; order is as that of
// time.Time.Compare.
func dateMatcher(holds func(order int) bool) func(string, string, Context, bool) bool {
	return func(want, got string, _ Context, _ bool) bool {
		w, wantOK := parseDate(want)
		g, gotOK := parseDate(got)
		return wantOK && gotOK && holds(g.Compare(w))
	}
}
