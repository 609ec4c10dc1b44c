package rolemapping

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"attache.dev/attache/awsiam"
	"attache.dev/attache/awsiam/limit"
	"attache.dev/attache/controllers/status"
)

// failed says in words how a call to IAM failed. The request ID goes to the log alone: it would
// make each condition another one.
func (s *scope) failed(ctx context.Context, by map[awsiam.Kind]outcome, err error) status.Finding {
	log := ctrl.LoggerFrom(ctx)
	var e *awsiam.Error
	if !errors.As(err, &e) {
		log.Info("Calling IAM failed", "error", err.Error())
		return s.found(by[awsiam.Unavailable], err.Error())
	}
	if wait, ok := limit.RetryAfter(err); ok {
		return s.heldBack(by[awsiam.Throttled], e.Error(), wait)
	}
	log.Info("Calling IAM failed", "operation", e.Operation, "kind", e.Kind, "code", e.Code, "requestID", e.RequestID)
	message := e.Error()
	if e.Kind == awsiam.Denied {
		message = fmt.Sprintf("The operator's AWS identity lacks %s: allow it in the identity's policy. %s", e.Action, e.Message)
	}
	if e.Kind == awsiam.NotFound && by[e.Kind] == missing && !strings.Contains(e.Message, ":policy/") {
		// The role itself: IAM does not show everywhere yet what it has just made.
		return s.found(conflict, message)
	}
	return s.found(by[e.Kind], message)
}

// heldBack repeats what was found before, if that was good and of the same spec.
func (s *scope) heldBack(o outcome, message string, wait time.Duration) status.Finding {
	f := s.found(o, message)
	told := meta.FindStatusCondition(s.mapping.Status.Conditions, f.Condition)
	if told != nil && told.Status == metav1.ConditionTrue && told.ObservedGeneration == s.mapping.Generation {
		f.Outcome = status.Outcome{Condition: told.Type, Reason: told.Reason, Progress: status.Done}
		f.Message = told.Message
	}
	f.Retry, f.RequeueAfter, f.HeldBack = status.Every(wait), wait, true
	return f
}

// isNotFound tells that IAM answered, and that what was asked for does not exist.
func isNotFound(err error) bool { return err != nil && awsiam.KindOf(err) == awsiam.NotFound }
