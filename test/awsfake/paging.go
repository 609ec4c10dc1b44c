package awsfake

import "strconv"

const (
	defaultPage = 100
	maxPage     = 1000
)

// paging is how the settings cut pages shorter than a call asks. IAM may do so at
// any time (IAM API Reference, ListRoles: "IAM might return fewer than the
// MaxItems number of results, even when there are more results available").
type paging struct {
	// size is the most items that a page has; 0 is no limit.
	size int
	// emptyFirst makes the page of a call without a marker empty and not the last.
	emptyFirst bool
}

// page cuts items, which are in a stable order, to the page that Marker and
// MaxItems name. A marker is the position to go on from.
func page[T any](p params, items []T) (cut []T, next *string, err error) {
	size, given, err := p.integer("MaxItems", 1, maxPage)
	if err != nil {
		return nil, nil, err
	}
	if !given {
		size = defaultPage
	}
	start := 0
	switch {
	case p.form.Has("Marker"):
		start, err = strconv.Atoi(p.form.Get("Marker"))
		if err != nil || start < 0 || start > len(items) {
			return nil, nil, validationError("Invalid Marker.")
		}
	case p.paging.emptyFirst:
		return []T{}, markerAt(0), nil
	}
	if p.paging.size > 0 {
		size = min(size, p.paging.size)
	}
	end := min(start+size, len(items))
	if end < len(items) {
		next = markerAt(end)
	}
	return items[start:end], next, nil
}

func markerAt(position int) *string {
	marker := strconv.Itoa(position)
	return &marker
}
