package assertion_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
	"attache.dev/attache/idp/assertion"
)

func TestForAWSSaysTags(t *testing.T) {
	g := NewWithT(t)
	wanted := grant()
	wanted.Tags = []idp.Tag{{Key: "attache.dev/mapping", Value: "reports/uploader"}, {Key: "team", Value: ""}}
	st, err := assertion.ForAWS(issuer, subject(), wanted)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(st.Attributes[3:]).To(Equal([]idp.Attribute{
		{Name: "https://aws.amazon.com/SAML/Attributes/PrincipalTag:attache.dev/mapping", Values: []string{"reports/uploader"}},
		{Name: "https://aws.amazon.com/SAML/Attributes/PrincipalTag:team", Values: []string{""}},
	}))
	g.Expect(verified(respond(t, st), signingKey().Certificate)).To(Equal(saidBy(st)))
}

func manyTags(n int) []idp.Tag {
	tags := make([]idp.Tag, n)
	for i := range tags {
		tags[i] = idp.Tag{Key: fmt.Sprintf("key-%d", i), Value: "value"}
	}
	return tags
}

func TestForAWSTakesTagsAtTheLimits(t *testing.T) {
	for name, tags := range map[string][]idp.Tag{
		"50 tags":                                manyTags(50),
		"a key of 128 characters":                {{Key: strings.Repeat("é", 128), Value: "x"}},
		"a value of 256 characters":              {{Key: "k", Value: strings.Repeat("é", 256)}},
		"every sign that a tag may have":         {{Key: "aZ9 _.:/=+-@", Value: "aZ9 _.:/=+-@"}},
		"letters and digits of any script":       {{Key: "команда", Value: "٣ 組"}},
		"a key that has aws: in its middle":      {{Key: "my-aws:tag", Value: "x"}},
		"two keys that differ by more than case": {{Key: "Team", Value: "x"}, {Key: "Teams", Value: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			wanted := grant()
			wanted.Tags = tags
			st, err := assertion.ForAWS(issuer, subject(), wanted)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(verified(respond(t, st), signingKey().Certificate)).To(Equal(saidBy(st)))
		})
	}
}

func TestForAWSRefusesTagsThatAWSWouldNotTake(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags []idp.Tag
		says string
	}{
		{"51 tags", manyTags(51), "the session has 51 tags and AWS takes 50"},
		{"an empty key", []idp.Tag{{Value: "x"}}, `the tag key "" must be 1 to 128`},
		{"a key of 129 characters", []idp.Tag{{Key: strings.Repeat("é", 129)}}, "must be 1 to 128 letters"},
		{"a value of 257 characters", []idp.Tag{{Key: "k", Value: strings.Repeat("é", 257)}}, `of tag "k" must be at most 256 letters`},
		{"a wildcard in a key", []idp.Tag{{Key: "te*m"}}, `the tag key "te*m"`},
		{"a wildcard in a value", []idp.Tag{{Key: "team", Value: "*"}}, `the value "*" of tag "team"`},
		{"a policy variable in a value", []idp.Tag{{Key: "team", Value: "${aws:username}"}}, `of tag "team"`},
		{"a comma, which parts nothing here and elsewhere much", []idp.Tag{{Key: "team", Value: "a,b"}}, `the value "a,b"`},
		{"a line break", []idp.Tag{{Key: "team", Value: "a\nb"}}, `the value "a\nb"`},
		{"what is not UTF-8", []idp.Tag{{Key: "team", Value: "a\xffb"}}, `of tag "team"`},
		{"a key of AWS's own", []idp.Tag{{Key: "aws:team"}}, `must not begin with aws:`},
		{"a key of AWS's own in another case", []idp.Tag{{Key: "AWS:team"}}, `must not begin with aws:`},
		{"two keys that differ by case", []idp.Tag{{Key: "team"}, {Key: "x"}, {Key: "Team"}}, `the tag keys "team" and "Team" are the same to AWS`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			wanted := grant()
			wanted.Tags = tt.tags
			st, err := assertion.ForAWS(issuer, subject(), wanted)
			var refusal *idp.Refusal
			g.Expect(errors.As(err, &refusal)).To(BeTrue(), "%v", err)
			g.Expect(refusal.Kind).To(Equal(idp.Denied))
			g.Expect(refusal.Reason).To(Equal(assertion.ReasonInvalidGrant))
			g.Expect(refusal.Message).To(ContainSubstring(tt.says))
			g.Expect(st).To(Equal(idp.Statement{}))
		})
	}
}
