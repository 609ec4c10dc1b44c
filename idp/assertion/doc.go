// Package assertion puts a Statement into SAML 2.0: it says what AWS is to be told about a subject
// and its grant, writes and signs the response, and publishes the metadata by which it is verified.
//
// The types are crewjam/saml's. The bytes are written here, in canonical form from the start: what
// is digested is what is sent, one RSA signature is nearly all that a response costs, and no value
// can make the two differ.
package assertion
