package limit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Apply returns the configuration with which every operation, each page of a list being one,
// reserves a call before anything is sent, and its answer is learnt from. Retries of the SDK are to
// be off: they would not count.
func (l *Limiter) Apply(cfg aws.Config) aws.Config {
	step := middleware.InitializeMiddlewareFunc("AttacheLimit", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		if err := l.Reserve(ctx); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		l.learnFrom(err)
		return out, metadata, err
	})
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		if err := stack.Initialize.Add(step, middleware.After); err != nil {
			return fmt.Errorf("limit calls to IAM: %w", err)
		}
		return nil
	})
	return cfg
}

// learnFrom goes by answers of AWS alone: a call that never came there tells nothing of its rate.
func (l *Limiter) learnFrom(err error) {
	var response *smithyhttp.ResponseError
	switch {
	case err == nil:
		l.Answered()
	case !errors.As(err, &response):
	case isThrottling(err, response.HTTPStatusCode()):
		l.Throttled()
	case response.HTTPStatusCode() < http.StatusInternalServerError:
		l.Answered()
	}
}

func isThrottling(err error, status int) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return status == http.StatusTooManyRequests
	}
	_, known := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	return known || status == http.StatusTooManyRequests
}
