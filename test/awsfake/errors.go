package awsfake

import (
	"errors"
	"fmt"
	"net/http"

	"attache.dev/attache/test/awsfake/policy"
)

// apiError is an error answer of the Query protocol.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func errorf(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// Codes that several operations answer with; statuses as in the service models.

func accessDenied(format string, args ...any) *apiError {
	return errorf(http.StatusForbidden, "AccessDenied", format, args...)
}

func validationError(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

// constraintError is the wording of AWS's request validation. The value is left
// out where it is null or sensitive.
func constraintError(value *string, member, constraint string) *apiError {
	shown := "Value"
	if value != nil {
		shown = fmt.Sprintf("Value '%s'", *value)
	}
	return validationError("1 validation error detected: %s at '%s' failed to satisfy constraint: %s", shown, member, constraint)
}

func invalidInput(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "InvalidInput", format, args...)
}

func noSuchEntity(format string, args ...any) *apiError {
	return errorf(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) *apiError {
	return errorf(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func deleteConflict(format string, args ...any) *apiError {
	return errorf(http.StatusConflict, "DeleteConflict", format, args...)
}

func limitExceeded(quota string, limit int) *apiError {
	return errorf(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, limit)
}

// throttling is how IAM and STS answer what exceeds a rate.
func throttling() *apiError { return errorf(http.StatusBadRequest, "Throttling", "Rate exceeded") }

func notImplemented(format string, args ...any) *apiError {
	return errorf(http.StatusNotImplemented, "NotImplemented", "awsfake does not implement "+format, args...)
}

func policyError(err error) *apiError {
	var unsupported *policy.UnsupportedError
	if errors.As(err, &unsupported) {
		return errorf(http.StatusNotImplemented, "NotImplemented", "%s", unsupported.Error())
	}
	return errorf(http.StatusBadRequest, "MalformedPolicyDocument", "%s", err.Error())
}

// asAPIError turns an error that no handler expected into InternalFailure.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return errorf(http.StatusInternalServerError, "InternalFailure", "%s", err.Error())
}
