package awsiam

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// errForeign is an answer that IAM cannot have given, as by a proxy on the way.
var errForeign = errors.New("the answer is not one of IAM's; look at what stands between the operator and IAM")

// unreachable says why there is no answer of IAM. The words are equal for equal failures: those of
// Go and of the SDK hold ports, times and attempt counts that differ at each try.
func unreachable(err error) string {
	return "IAM could not be reached: " + whyUnreachable(err)
}

func whyUnreachable(err error) string {
	var (
		foreign *smithy.DeserializationError
		dns     *net.DNSError
		network net.Error
		untrust *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &foreign), errors.Is(err, errForeign):
		return errForeign.Error()
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s does not resolve", dns.Name)
	case errors.Is(err, context.Canceled):
		return "the call was given up"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "there was no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	case errors.As(err, &untrust):
		return "the TLS certificate was not accepted: " + whyUntrusted(untrust)
	default:
		return rootMessage(err)
	}
}

func whyUntrusted(err error) string {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return "its issuer is not known"
	case errors.As(err, &hostname):
		return "it is not for " + hostname.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or is not valid yet, or the clock here is wrong"
	default:
		return rootMessage(err)
	}
}

// rootMessage returns the innermost error's words.
func rootMessage(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// onlyIAM refuses answers without AWS's request ID. Of calls that answer nothing the SDK reads the
// status alone, so that a proxy's page would pass for success.
func onlyIAM(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("AttacheOnlyIAM",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			response, ok := out.RawResponse.(*smithyhttp.Response)
			if err == nil && ok && response.StatusCode < http.StatusMultipleChoices && response.Header.Get("X-Amzn-Requestid") == "" {
				return out, metadata, errForeign
			}
			return out, metadata, err
		}), middleware.After)
}
