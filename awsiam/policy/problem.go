package policy

import (
	"errors"
	"fmt"
)

// problem is what is wrong at one place of a document.
type problem struct {
	// place is a path such as Statement[0].Condition.StringEquals, empty for the whole document.
	place string
	err   error
}

func (p *problem) Error() string {
	if p.place == "" {
		return p.err.Error()
	}
	return p.place + ": " + p.err.Error()
}

func (p *problem) Unwrap() error { return p.err }

// at says what to write at a place.
func at(place, format string, args ...any) error {
	return &problem{place: place, err: fmt.Errorf(format, args...)}
}

// within puts a place in front of the place of an error.
func within(place string, err error) error {
	var p *problem
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &p):
		return &problem{place: place, err: err}
	case p.place == "":
		return &problem{place: place, err: p.err}
	default:
		return &problem{place: place + "." + p.place, err: p.err}
	}
}
