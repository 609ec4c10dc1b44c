// Package awsiam is what the operator does in AWS IAM: a small interface over the calls for SAML
// providers and roles, the kinds of error that they end with, the tags that say whose something is,
// and the policy that the operator needs.
package awsiam
