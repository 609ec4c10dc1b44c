package mapping

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"attache.dev/attache/idp"
)

func TestSessionName(t *testing.T) {
	long := strings.Repeat("reports-", 12)
	for _, tt := range []struct {
		name    string
		subject idp.Subject
		want    string
	}{
		{"the pod's name is taken as it is", uploader(), "uploader-7d9c5-x2x4p"},
		{"without a pod it is the service account", idp.Subject{Namespace: "reports", Name: "uploader"}, "reports.uploader"},
		{"64 characters are kept", idp.Subject{Pod: idp.Pod{Name: long[:64]}}, long[:64]},
		{"65 characters are shortened and told apart by a hash", idp.Subject{Pod: idp.Pod{Name: long[:65]}},
			long[:51] + "_dfba7fab8164"},
		{"one character is made longer", idp.Subject{Pod: idp.Pod{Name: "a"}}, "a_ca978112ca1b"},
		{"characters that AWS does not take are replaced", idp.Subject{Pod: idp.Pod{Name: "a b/ü"}}, "a-b--_736afe6567bb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			NewWithT(t).Expect(sessionName(tt.subject)).To(Equal(tt.want))
		})
	}
}

func TestLongNamesThatStartAlikeGiveTwoSessionNames(t *testing.T) {
	g := NewWithT(t)
	long := strings.Repeat("reports-", 12)
	g.Expect(sessionName(idp.Subject{Pod: idp.Pod{Name: long + "-a"}})).NotTo(Equal(sessionName(idp.Subject{Pod: idp.Pod{Name: long + "-b"}})))
}

func FuzzSessionName(f *testing.F) {
	f.Add("uploader-7d9c5-x2x4p", "reports", "uploader")
	f.Add("", "reports", strings.Repeat("a", 253))
	f.Fuzz(func(t *testing.T, pod, namespace, name string) {
		got := sessionName(idp.Subject{Namespace: namespace, Name: name, Pod: idp.Pod{Name: pod}})
		NewWithT(t).Expect(got).To(MatchRegexp(`^[a-zA-Z_0-9+=,.@-]{2,64}$`))
	})
}
