package awsiam

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Success is the outcome of a call that did not end with an error.
const Success = "Success"

// OutcomeOf returns the outcome of a call that ended with err, an error of this package.
func OutcomeOf(err error) string {
	if err == nil {
		return Success
	}
	return string(KindOf(err))
}

// Observe returns the configuration with which every call is told of once it has ended: its
// operation, such as CreateRole, and its outcome, which is Success or a Kind.
func Observe(cfg aws.Config, observe func(operation, outcome string)) aws.Config {
	tell := middleware.InitializeMiddlewareFunc("AttacheObserve", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		operation := awsmiddleware.GetOperationName(ctx)
		observe(operation, OutcomeOf(classify(operation, err)))
		return out, metadata, err
	})
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		// Behind the step that names the operation, and before all that can fail.
		if err := stack.Initialize.Add(tell, middleware.After); err != nil {
			return fmt.Errorf("observe calls to IAM: %w", err)
		}
		return nil
	})
	return cfg
}
