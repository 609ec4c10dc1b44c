// Package awsiam is what the operator does in AWS IAM: a small interface over the SAML provider
// calls, the kinds of error that they end with, the tags that say whose a provider is, and the
// policy that the operator needs.
package awsiam
