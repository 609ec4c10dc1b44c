package mapping

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/idp"
)

// FuzzDecideGrantsNothingThatAllowDoesNotGive builds a provider, some mappings and a request from
// a small alphabet, so that near misses are common, and compares the outcome with an oracle that
// shares no code with the package.
func FuzzDecideGrantsNothingThatAllowDoesNotGive(f *testing.F) {
	for seed := range uint64(2000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := world{rand.New(rand.NewPCG(seed, 0))}
		p := w.provider()
		var candidates []*v1alpha1.RoleMapping
		for i := range 1 + w.IntN(4) {
			candidates = append(candidates, w.mapping(fmt.Sprint(i)))
		}
		s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: pick(w, "a", "b"), Name: pick(w, "x", "y"), Pod: idp.Pod{Name: "pod"}}
		want := Want{RoleARN: pick(w, "", w.role())}

		index := NewIndex()
		for _, m := range candidates {
			index.Set(m)
		}
		for _, offered := range [][]*v1alpha1.RoleMapping{candidates, index.Candidates(s)} {
			grant, err := Decide(p, offered, s, want)
			if err != nil {
				continue
			}
			if !given(p, candidates, s, grant.RoleARN) {
				t.Errorf("%s obtained %s through %s, which allow does not give:\n%+v", s, grant.RoleARN, grant.Mapping, p.Spec.Allow)
			}
			if want.RoleARN != "" && want.RoleARN != grant.RoleARN {
				t.Errorf("%s asked for %s and obtained %s", s, want.RoleARN, grant.RoleARN)
			}
		}
		for _, m := range candidates {
			if f, refused := Refuse(p, m); refused == honoured(p, m) {
				t.Errorf("Refuse says %v (%s) of %+v with allow %+v", refused, f.Message, m.Spec, p.Spec.Allow)
			}
		}
	})
}

// given is the oracle: some mapping in the subject's own namespace names it and the role, and the
// provider honours that mapping.
func given(p *v1alpha1.SAMLProvider, all []*v1alpha1.RoleMapping, s idp.Subject, role string) bool {
	for _, m := range all {
		if m.Namespace != s.Namespace || m.Spec.Role.ARN != role || !honoured(p, m) {
			continue
		}
		for _, subject := range m.Spec.Subjects {
			if subject.Kind == "ServiceAccount" && subject.Name == s.Name {
				return true
			}
		}
	}
	return false
}

func honoured(p *v1alpha1.SAMLProvider, m *v1alpha1.RoleMapping) bool {
	if p.DeletionTimestamp != nil || m.DeletionTimestamp != nil || m.Spec.ProviderRef.Name != p.Name {
		return false
	}
	account := p.Spec.Accounts[0]
	if !strings.HasPrefix(m.Spec.Role.ARN, "arn:aws:iam::"+account.ID+":role/") {
		return false
	}
	for _, subject := range m.Spec.Subjects {
		covered := false
		for _, rule := range p.Spec.Allow {
			for _, namespace := range rule.Namespaces.Names {
				for _, kind := range rule.Subjects {
					for _, pattern := range rule.Roles {
						// path.Match's star stops at slashes as well; the generator writes no other of its signs.
						match, _ := path.Match(string(pattern), m.Spec.Role.ARN)
						covered = covered || namespace == m.Namespace && kind == subject.Kind && match
					}
				}
			}
		}
		if !covered {
			return false
		}
	}
	return true
}

type world struct{ *rand.Rand }

func pick[T any](w world, of ...T) T { return of[w.IntN(len(of))] }

func (w world) role() string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s%s%s",
		pick(w, "aws", "aws", "aws", "aws-cn"), pick(w, "111122223333", "111122223333", "444455556666"),
		pick(w, "", "", "team/", "team/sub/"), pick(w, "r", "s"), pick(w, "", "r", "s", "rs"))
}

func (w world) pattern() v1alpha1.RolePattern {
	role := w.role()
	switch w.IntN(4) {
	case 0:
		return v1alpha1.RolePattern(role)
	case 1:
		return v1alpha1.RolePattern(strings.ReplaceAll(role, "r", "*"))
	case 2:
		return v1alpha1.RolePattern(role[:strings.LastIndex(role, "/")+1] + "*")
	default:
		return "arn:aws:iam::111122223333:role/*"
	}
}

func (w world) provider() *v1alpha1.SAMLProvider {
	p := provider(func(p *v1alpha1.SAMLProvider) { p.Spec.Allow = nil })
	for range w.IntN(4) {
		rule := v1alpha1.AllowRule{Subjects: pick(w, []v1alpha1.SubjectKind{"ServiceAccount"}, []v1alpha1.SubjectKind{"Group"},
			[]v1alpha1.SubjectKind{"Group", "ServiceAccount"})}
		rule.Namespaces.Names = pick(w, []string{"a"}, []string{"b"}, []string{"b", "a"}, []string{"ab"})
		for range 1 + w.IntN(2) {
			rule.Roles = append(rule.Roles, w.pattern())
		}
		p.Spec.Allow = append(p.Spec.Allow, rule)
	}
	return p
}

func (w world) mapping(name string) *v1alpha1.RoleMapping {
	m := mapping(name, w.role())
	m.Namespace = pick(w, "a", "a", "b", "ab")
	m.Spec.ProviderRef.Name = pick(w, "corp", "corp", "corp", "corpx")
	m.Spec.Default = pick(w, true, false)
	m.Spec.Subjects = nil
	for range 1 + w.IntN(2) {
		m.Spec.Subjects = append(m.Spec.Subjects, v1alpha1.Subject{Kind: pick(w, v1alpha1.SubjectServiceAccount, v1alpha1.SubjectServiceAccount, "Group"), Name: pick(w, "x", "y", "xy")})
	}
	if w.IntN(8) == 0 {
		isBeingDeleted(m)
	}
	return m
}
