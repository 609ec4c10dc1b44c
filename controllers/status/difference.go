package status

import (
	"fmt"
	"strings"

	"attache.dev/attache/api/v1alpha1"
)

// Bounds of a description: as many differences, and as much of each value, as people read.
const (
	maxDescribed = 8
	maxValue     = 80
)

// Describe tells differences in a line, each from what was found to what is wanted.
func Describe(differences []v1alpha1.Difference) string {
	told := make([]string, 0, maxDescribed+1)
	for i, d := range differences {
		if i == maxDescribed {
			told = append(told, fmt.Sprintf("and %d more", len(differences)-i))
			break
		}
		told = append(told, fmt.Sprintf("%s %s -> %s", d.Field, brief(d.Found), brief(d.Wanted)))
	}
	return strings.Join(told, "; ")
}

func brief(value string) string {
	if value == "" {
		return "none"
	}
	return Shorten(value, maxValue)
}
