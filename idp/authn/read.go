package authn

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"attache.dev/attache/idp"
)

// maxTokenSize in bytes. Kubernetes' own tokens have about 1 KiB.
const maxTokenSize = 16 << 10

// read refuses what the API server would refuse anyway, and returns the issuer that the token
// claims. It does not look at the signature, so a token that it accepts proves nothing yet.
func read(token, audience string, now time.Time) (issuer string, err error) {
	switch {
	case token == "":
		return "", &idp.Refusal{
			Kind: idp.Malformed, Reason: ReasonTokenEmpty,
			Message: fmt.Sprintf("id_token is empty: send the service-account token of the pod, made for audience %q", audience),
		}
	case len(token) > maxTokenSize:
		return "", refuse(ReasonTokenMalformed, fmt.Sprintf("id_token has more than %d bytes: it is not the token of a service account", maxTokenSize))
	}
	var claims jwt.RegisteredClaims
	// The decoder skips line breaks, which no token has.
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil || strings.ContainsAny(token, "\r\n") {
		// The cause quotes parts of the token, so nobody gets to see it.
		return "", refuse(ReasonTokenMalformed, "id_token is not a JSON Web Token: send the content of the projected token file as it is, without quotes or white space")
	}
	if claims.ExpiresAt == nil {
		return "", refuse(ReasonTokenMalformed, "id_token has no expiry (exp): tokens from Secrets are not accepted, use a projected volume")
	}
	if !slices.Contains(claims.Audience, audience) {
		return "", wrongAudience(audience)
	}
	if !now.Before(claims.ExpiresAt.Time) {
		return "", refuse(ReasonTokenExpired, fmt.Sprintf("id_token expired at %s: read the token file again before each request, the kubelet renews it",
			claims.ExpiresAt.UTC().Format(time.RFC3339)))
	}
	return claims.Issuer, nil
}

func wrongAudience(audience string) *idp.Refusal {
	return refuse(ReasonTokenWrongAudience, fmt.Sprintf("id_token was not made for audience %q: set it in the pod's volume, volumes[].projected.sources[].serviceAccountToken.audience", audience))
}
