package exchange

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
)

// A grant that says anything else must get another answer. A field that is added to Grant fails
// here until the key takes it in.
func TestEveryFieldOfTheGrantChangesTheKey(t *testing.T) {
	s := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
	base := idp.Grant{Mapping: "reports/uploader", RoleARN: "role", ProviderARN: "provider", Duration: time.Hour}
	seen := map[key]string{keyOf(base, s): "the base"}
	for i := range reflect.TypeFor[idp.Grant]().NumField() {
		name := reflect.TypeFor[idp.Grant]().Field(i).Name
		changed := base
		switch field := reflect.ValueOf(&changed).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "x")
		case reflect.Int64:
			field.SetInt(field.Int() + 1)
		case reflect.Slice:
			field.Set(reflect.ValueOf([]idp.Tag{{Key: "team", Value: "reports"}}))
		default:
			t.Fatalf("Grant.%s is of a kind that this test does not change: teach it and keyOf", name)
		}
		k := keyOf(changed, s)
		if other, ok := seen[k]; ok {
			t.Errorf("the key is the same with another %s as with %s", name, other)
		}
		seen[k] = name
	}
}

func TestTheSubjectChangesTheKey(t *testing.T) {
	g := NewWithT(t)
	base := idp.Subject{Kind: idp.KindServiceAccount, Namespace: "reports", Name: "uploader"}
	keys := map[key]bool{}
	for _, s := range []idp.Subject{
		base,
		{Kind: "User", Namespace: base.Namespace, Name: base.Name},
		{Kind: base.Kind, Namespace: "other", Name: base.Name},
		{Kind: base.Kind, Namespace: base.Namespace, Name: "other"},
	} {
		keys[keyOf(idp.Grant{}, s)] = true
	}
	g.Expect(keys).To(HaveLen(4))

	// What AWS is not told does not part what AWS cannot tell apart.
	pod := base
	pod.Pod = idp.Pod{Name: "uploader-1", UID: "1"}
	g.Expect(keyOf(idp.Grant{}, pod)).To(Equal(keyOf(idp.Grant{}, base)))
}

func TestNothingMovesFromOneFieldToTheNext(t *testing.T) {
	g := NewWithT(t)
	s := idp.Subject{}
	g.Expect(keyOf(idp.Grant{RoleARN: "ab", ProviderARN: "c"}, s)).NotTo(Equal(keyOf(idp.Grant{RoleARN: "a", ProviderARN: "bc"}, s)))
	g.Expect(keyOf(idp.Grant{RoleARN: "a\x00"}, s)).NotTo(Equal(keyOf(idp.Grant{RoleARN: "a", ProviderARN: "\x00"}, s)))
	g.Expect(keyOf(idp.Grant{Region: "x"}, s)).NotTo(Equal(keyOf(idp.Grant{STSEndpoint: "x"}, s)))
}

func TestEachTagChangesTheKey(t *testing.T) {
	g := NewWithT(t)
	seen := map[key]bool{}
	tagged := [][]idp.Tag{
		nil,
		{{Key: "a", Value: "b"}},
		{{Key: "ab"}},
		{{Key: "a", Value: "c"}},
		{{Key: "a"}, {Key: "b"}},
		{{Key: "a", Value: "b"}, {Key: "c"}},
		{{Key: "c"}, {Key: "a", Value: "b"}},
	}
	for _, tags := range tagged {
		seen[keyOf(idp.Grant{Tags: tags}, idp.Subject{})] = true
	}
	g.Expect(seen).To(HaveLen(len(tagged)))
}

func TestTheNumberOfAnswersIsBounded(t *testing.T) {
	g := NewWithT(t)
	e, err := New(Options{MaxEntries: 10})
	g.Expect(err).NotTo(HaveOccurred())
	for i := range 1000 {
		e.answers.Set(keyOf(idp.Grant{SessionName: strconv.Itoa(i)}, idp.Subject{}), answer{fresh: time.Hour})
	}
	e.answers.CleanUp()
	g.Expect(e.answers.EstimatedSize()).To(BeNumerically("<=", 10))
}
