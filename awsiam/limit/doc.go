// Package limit keeps the operator's calls to IAM below what each AWS account takes, because an
// account has one rate for everybody who works in it. It never blocks: who would have to wait is
// told when to come back.
package limit
