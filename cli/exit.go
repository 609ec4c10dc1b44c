package cli

import "errors"

// Exit codes of the binary.
const (
	exitFailed = 1
	// exitNotBegun: nothing was changed, and the message says what to do first.
	exitNotBegun = 2
	// exitUnfinished: what was begun was not finished in time.
	exitUnfinished = 3
)

// exitError gives an error an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func notBegun(err error) error { return &exitError{exitNotBegun, err} }

// ExitCode returns the exit code that tells of an error of Execute: 0 if there is none, 2 if a
// command refused to begin, 3 if it did not finish in time, and 1 otherwise.
func ExitCode(err error) int {
	var coded *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.code
	default:
		return exitFailed
	}
}
