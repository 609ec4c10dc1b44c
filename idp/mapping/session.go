package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"attache.dev/attache/idp"
)

// Bounds of RoleSessionName (STS answers "RoleSessionName in AuthnResponse must match
// [a-zA-Z_0-9+=,.@-]{2,64}").
const (
	minSessionName = 2
	maxSessionName = 64
	// sessionNameHash is the number of hexadecimal digits that tell two shortened names apart.
	sessionNameHash = 12
)

var notInSessionNames = regexp.MustCompile(`[^a-zA-Z_0-9+=,.@-]`)

// sessionName returns what CloudTrail shows of the subject: the name of its pod, or
// NAMESPACE.NAME of the service account when the token is bound to no pod.
//
// A name that AWS would not take, because of its length or of a character, is cut to 51
// characters, each character that is not allowed becomes '-', and '_' and the first 12 hexadecimal
// digits of the SHA-256 of the whole name follow. No name of a Kubernetes object has a '_', so a
// shortened name is never that of another pod, and two names that start alike stay apart.
func sessionName(s idp.Subject) string {
	name := s.Pod.Name
	if name == "" {
		name = s.Namespace + "." + s.Name
	}
	fit := notInSessionNames.ReplaceAllString(name, "-")
	if fit == name && len(name) >= minSessionName && len(name) <= maxSessionName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return fit[:min(len(fit), maxSessionName-sessionNameHash-1)] + "_" + hex.EncodeToString(sum[:])[:sessionNameHash]
}
