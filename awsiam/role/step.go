package role

import (
	"fmt"
	"strings"
	"time"
)

// Operation is the IAM API operation of a step.
type Operation string

// The operations by which a role changes.
const (
	UpdateAssumeRolePolicy        Operation = "UpdateAssumeRolePolicy"
	PutRolePermissionsBoundary    Operation = "PutRolePermissionsBoundary"
	DeleteRolePermissionsBoundary Operation = "DeleteRolePermissionsBoundary"
	AttachRolePolicy              Operation = "AttachRolePolicy"
	DetachRolePolicy              Operation = "DetachRolePolicy"
	PutRolePolicy                 Operation = "PutRolePolicy"
	DeleteRolePolicy              Operation = "DeleteRolePolicy"
	UpdateRole                    Operation = "UpdateRole"
	TagRole                       Operation = "TagRole"
	UntagRole                     Operation = "UntagRole"
	DeleteRole                    Operation = "DeleteRole"
)

// Step is one call to IAM that changes a role. Which fields count depends on Operation.
type Step struct {
	Operation Operation
	// PolicyARN of AttachRolePolicy, DetachRolePolicy and PutRolePermissionsBoundary.
	PolicyARN string
	// PolicyName of PutRolePolicy and DeleteRolePolicy.
	PolicyName string
	// Document of PutRolePolicy and UpdateAssumeRolePolicy.
	Document string
	// Description and MaxSessionDuration of UpdateRole, which sets both.
	Description        string
	MaxSessionDuration time.Duration
	// Tags of TagRole.
	Tags map[string]string
	// TagKeys of UntagRole.
	TagKeys []string
}

// Tag sets tags.
func Tag(tags map[string]string) Step { return Step{Operation: TagRole, Tags: tags} }

// Untag takes tags away. Keys that the role does not have are no error.
func Untag(keys ...string) Step { return Step{Operation: UntagRole, TagKeys: keys} }

// String says what the step does, such as "AttachRolePolicy arn:aws:iam::aws:policy/ReadOnlyAccess".
// It leaves out the text of documents.
func (s Step) String() string {
	about := ""
	switch s.Operation {
	case PutRolePermissionsBoundary, AttachRolePolicy, DetachRolePolicy:
		about = s.PolicyARN
	case PutRolePolicy, DeleteRolePolicy:
		about = s.PolicyName
	case UpdateRole:
		about = fmt.Sprintf("description %q, maximum session duration %s", s.Description, durationText(s.MaxSessionDuration))
	case TagRole:
		about = strings.Join(keysOf(s.Tags), ", ")
	case UntagRole:
		about = strings.Join(s.TagKeys, ", ")
	default:
		return string(s.Operation)
	}
	return string(s.Operation) + " " + about
}
