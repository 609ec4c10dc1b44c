// Package exchange turns a signed assertion into AWS credentials with AssumeRoleWithSAML, and
// remembers the answer.
//
// What it remembers is keyed by everything the grant says, so no two grants can share an answer;
// callers that ask for the same at the same time share one call to STS. Whatever goes wrong is a
// *idp.Refusal that tells the caller what to write. No error and no log holds an assertion.
package exchange
