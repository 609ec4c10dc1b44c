package policy

import "strings"

// Context holds the values of condition keys. Keys are kept in lower case
// because IAM compares them without regard to case.
type Context map[string][]string

// Set replaces the values of key. No values means that the key is absent.
func (c Context) Set(key string, values ...string) {
	if len(values) == 0 {
		delete(c, strings.ToLower(key))
		return
	}
	c[strings.ToLower(key)] = values
}

// Get returns the values of key and whether the request carries it.
func (c Context) Get(key string) ([]string, bool) {
	values, ok := c[strings.ToLower(key)]
	return values, ok
}

// Merge copies every key of other into c.
func (c Context) Merge(other Context) {
	for key, values := range other {
		c[key] = values
	}
}
