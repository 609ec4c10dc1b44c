// Package awsfake is a strict stand-in for AWS IAM and AWS STS over HTTP, in the
// Query protocol with XML answers, and for the part of S3 that proves policies, for
// tests.
//
// It refuses what AWS refuses: unsigned or wrongly signed calls, SAML assertions
// that do not verify, trust policies that do not hold, identity policies that do
// not allow. What it does not implement it refuses too, in words, with status 501.
// It imports nothing of the product.
//
// A Server is an http.Handler with its state in memory and its clock injected. It has
// one account or several, which trust each other as far as their policies go:
//
//	fake := awsfake.New(awsfake.Options{AccountID: "111122223333", Region: "eu-west-1", ...})
//	endpoint := httptest.NewServer(fake)
//
// IAM's calls are signed for us-east-1 whatever the region, as in AWS (see
// README.md).
package awsfake
