package idp

// SubjectKind is a kind of subject.
type SubjectKind string

// KindServiceAccount is a Kubernetes service account.
const KindServiceAccount SubjectKind = "ServiceAccount"

// Subject is who asks: the outcome of authentication.
type Subject struct {
	Kind SubjectKind
	// Namespace and Name of the service account.
	Namespace, Name string
	// UID of the service account.
	UID string
	// Groups that the authenticator vouches for.
	Groups []string
	// Pod that the token is bound to; zero for a token that is bound to none.
	Pod Pod
	// Issuer of the token.
	Issuer string
}

// Pod is the pod that a token is bound to.
type Pod struct {
	Name, UID string
}

// String returns the subject's name as Kubernetes writes it:
// system:serviceaccount:NAMESPACE:NAME. It is also the NameID that AWS sees.
func (s Subject) String() string {
	return "system:serviceaccount:" + s.Namespace + ":" + s.Name
}
