//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
	"attache.dev/attache/awsiam"
	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

// What people do in the stories, and what they look at.

// begin tells of a provider whose interval is as short as it can be.
func begin(s *story.Story, edit ...func(*v1alpha1.SAMLProviderSpec)) *story.Story {
	s.Helper()
	s.Provider.Spec.Interval = &metav1.Duration{Duration: time.Minute}
	for _, e := range edit {
		e(&s.Provider.Spec)
	}
	s.Create(s.Provider)
	return s
}

// apply creates mappings and waits until provider and mappings are Ready.
func apply(s *story.Story, mappings ...*v1alpha1.RoleMapping) {
	s.Helper()
	for _, m := range mappings {
		s.Create(m)
	}
	s.Expect(cluster.AwaitReady(s.Context(), s.Provider, story.Readiness)).To(Succeed())
	for _, m := range mappings {
		s.Expect(cluster.AwaitReady(s.Context(), m, story.Readiness)).To(Succeed())
	}
}

// change edits a mapping or provider as `kubectl edit` does.
func change[T client.Object](s *story.Story, obj T, edit func(T)) {
	s.Helper()
	s.Eventually(func() error {
		if err := cluster.Client.Get(s.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		edit(obj)
		return cluster.Client.Update(s.Context(), obj)
	}, "10s", "100ms").Should(Succeed())
}

// lookNow has the operator look at AWS, and waits until it has.
func lookNow(s *story.Story, obj client.Object) {
	s.Helper()
	now := time.Now().Format(time.RFC3339Nano)
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, now))
	s.Expect(cluster.Client.Patch(s.Context(), obj, patch)).To(Succeed())
	s.Expect(harness.Await(s.Context(), story.Readiness, obj.GetName()+" to be looked at", func(ctx context.Context) (bool, string, error) {
		if err := cluster.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return false, err.Error(), nil
		}
		return handled(obj) == now, handled(obj), nil
	})).To(Succeed())
}

func handled(obj client.Object) string {
	switch o := obj.(type) {
	case *v1alpha1.SAMLProvider:
		return o.Status.LastHandledReconcileAt
	case *v1alpha1.RoleMapping:
		return o.Status.LastHandledReconcileAt
	}
	return ""
}

// awaitWords waits for a condition that is not True, and returns its message.
func awaitWords(s *story.Story, obj client.Object, condition string, status metav1.ConditionStatus, reason string) string {
	s.Helper()
	s.Expect(cluster.AwaitCondition(s.Context(), obj, condition, status, reason, story.Readiness)).To(Succeed())
	message := meta.FindStatusCondition(harness.Conditions(obj), condition).Message
	s.Logf("%s: %s", reason, message)
	return message
}

// awaitEvent waits for an event about the object, and returns its note.
func awaitEvent(s *story.Story, obj client.Object, reason string) string {
	s.Helper()
	var note string
	s.Eventually(func() []string {
		events, err := cluster.Clientset.CoreV1().Events("").List(s.Context(), metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(obj.GetUID())})
		s.Expect(err).NotTo(HaveOccurred())
		reasons := []string{}
		for _, e := range events.Items {
			reasons = append(reasons, e.Reason)
			if e.Reason == reason {
				note = e.Message
			}
		}
		return reasons
	}, "20s", "200ms").Should(ContainElement(reason))
	return note
}

// session is how AWS and the door treat the pods of one service account.
type session struct {
	ask func() story.Answer
}

// sessionOf starts a pod of the story's service account.
func sessionOf(s *story.Story) session {
	s.Helper()
	token, door := s.Token(s.Audience(), s.LivingPod(s.ServiceAccount)), s.Door()
	return session{ask: func() story.Answer { return s.Delegate(door, s.Parameters(token)) }}
}

// awaitCredentials asks until the door hands them out: the identity provider may see a mapping a
// moment later than the operator.
func (x session) awaitCredentials(s *story.Story) story.Answer {
	s.Helper()
	var a story.Answer
	s.Eventually(func() int { a = x.ask(); return a.Status }, "20s", "200ms").Should(Equal(200), func() string { return a.Description })
	return a
}

// awaitRefusal asks until the door refuses, and returns its words.
func (x session) awaitRefusal(s *story.Story) string {
	s.Helper()
	var a story.Answer
	s.Eventually(func() string { a = x.ask(); return a.Error }, "5s", "100ms").Should(Equal("access_denied"), func() string { return a.Description })
	s.Log(a.Description)
	return a.Description
}

// boundsOf are the rights of the operator on the roles of the story.
func boundsOf(s *story.Story, boundary string, policies ...string) awsiam.RolesBounds {
	return awsiam.RolesBounds{PathPrefixes: []string{"/attache/" + s.Tenant + "/"}, PermissionsBoundary: boundary, Policies: policies}
}

// roleName is the last part of a role's ARN.
func roleName(arn string) *string { return awssdk.String(arn[strings.LastIndex(arn, "/")+1:]) }

// roleInIAM returns the managed role that the ledger names.
func roleInIAM(s *story.Story, m *v1alpha1.RoleMapping) *iamtypes.Role {
	s.Helper()
	s.Expect(m.Status.Role).NotTo(BeNil())
	out, err := aws.IAM.GetRole(s.Context(), &iam.GetRoleInput{RoleName: roleName(m.Status.Role.ARN)})
	s.Expect(err).NotTo(HaveOccurred())
	return out.Role
}

func tagsOf(role *iamtypes.Role) map[string]string {
	tags := map[string]string{}
	for _, t := range role.Tags {
		tags[awssdk.ToString(t.Key)] = awssdk.ToString(t.Value)
	}
	return tags
}

// operatorWrites returns the operations by which the operator changed anything in AWS since the calls
// were last cleared.
func operatorWrites(s *story.Story) []string {
	s.Helper()
	calls, err := aws.Control.Calls(s.Context(), "")
	s.Expect(err).NotTo(HaveOccurred())
	writes := []string{}
	for _, c := range calls {
		reads := strings.HasPrefix(c.Operation, "Get") || strings.HasPrefix(c.Operation, "List")
		if !reads && strings.HasSuffix(c.Principal, ":user/attache-operator") {
			writes = append(writes, c.Operation)
		}
	}
	return writes
}
