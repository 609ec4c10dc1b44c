// Package role knows what an IAM role consists of, how one differs from another, and in which steps
// the one becomes the other. It is pure: package awsiam carries the steps out.
package role
