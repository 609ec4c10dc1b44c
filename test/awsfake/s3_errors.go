package awsfake

import (
	"encoding/xml"
	"net/http"
)

// s3Error is an error answer (Amazon S3 API Reference, "Error responses").
type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	Resource  string   `xml:"Resource"`
	RequestID string   `xml:"RequestId"`
}

// renderS3Error leaves out what XML cannot say, such as a NUL in a key.
func renderS3Error(e *apiError, path, requestID string) []byte {
	body, err := xml.Marshal(s3Error{Code: e.code, Message: e.message, Resource: path, RequestID: requestID})
	if err != nil {
		return nil
	}
	return append([]byte(xml.Header), body...)
}

func s3InvalidRequest(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "InvalidRequest", format, args...)
}

func badDigest(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "BadDigest", format, args...)
}

func malformedAuthorization(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, "AuthorizationHeaderMalformed", format, args...)
}

func s3SignatureDoesNotMatch() *apiError {
	return signatureDoesNotMatch("The request signature we calculated does not match the signature you provided. Check your key and signing method.")
}
