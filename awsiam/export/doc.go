// Package export writes down what an AWS account needs where the operator may not write to IAM itself:
// for Terraform, for CloudFormation, or as commands of the AWS CLI. Some of the texts come from those
// who write RoleMappings, and an administrator runs the result: nothing in a text is ever taken for
// anything but text.
package export
