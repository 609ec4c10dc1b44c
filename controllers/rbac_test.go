package controllers_test

import (
	"testing"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/test/testenv"
)

// TestTheOperatorMayDoNoMore asks the API server what the operator's roles give. That they suffice
// is shown by every other test here, which runs the operator under them.
func TestTheOperatorMayDoNoMore(t *testing.T) {
	c, err := client.New(asOperator(env), client.Options{Scheme: testenv.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		asks    authorizationv1.ResourceAttributes
		allowed bool
	}{
		{"Secrets of its own namespace", authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets", Namespace: namespace}, true},
		{"Secrets of another namespace", authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Namespace: "default"}, false},
		{"its CA bundle anywhere", authorizationv1.ResourceAttributes{Verb: "create", Resource: "configmaps", Namespace: "default", Name: "attache-ca"}, true},
		{"another ConfigMap", authorizationv1.ResourceAttributes{Verb: "get", Resource: "configmaps", Namespace: "default", Name: "other"}, false},
		{"the status of a RoleMapping", authorizationv1.ResourceAttributes{Verb: "patch", Group: "attache.dev", Resource: "rolemappings", Subresource: "status", Namespace: "default"}, true},
		{"the finalizer of a RoleMapping", authorizationv1.ResourceAttributes{Verb: "patch", Group: "attache.dev", Resource: "rolemappings", Namespace: "default"}, true},
		{"a RoleMapping itself", authorizationv1.ResourceAttributes{Verb: "create", Group: "attache.dev", Resource: "rolemappings", Namespace: "default"}, false},
		{"the end of a RoleMapping", authorizationv1.ResourceAttributes{Verb: "delete", Group: "attache.dev", Resource: "rolemappings", Namespace: "default"}, false},
		{"pods", authorizationv1.ResourceAttributes{Verb: "create", Resource: "pods", Namespace: namespace}, false},
		{"a Deployment elsewhere", authorizationv1.ResourceAttributes{Verb: "patch", Group: "apps", Resource: "deployments", Namespace: "default"}, false},
		{"binding the chart's role", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles", Name: "attache-idp"}, true},
		{"binding another role", authorizationv1.ResourceAttributes{Verb: "bind", Group: rbacv1.GroupName, Resource: "clusterroles", Name: "cluster-admin"}, false},
		{"escalating", authorizationv1.ResourceAttributes{Verb: "escalate", Group: rbacv1.GroupName, Resource: "clusterroles"}, false},
		{"impersonating", authorizationv1.ResourceAttributes{Verb: "impersonate", Resource: "users"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &row.asks}}
			g.Expect(c.Create(t.Context(), review)).To(Succeed())
			g.Expect(review.Status.Allowed).To(Equal(row.allowed), review.Status.Reason)
		})
	}

	t.Run("a ClusterRole with more than it has itself", func(t *testing.T) {
		err := c.Create(t.Context(), &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "attache-idp-too-much"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{corev1.GroupName}, Resources: []string{"secrets"}, Verbs: []string{"get"}}},
		})
		NewWithT(t).Expect(err).To(MatchError(apierrors.IsForbidden, "IsForbidden"))
	})
}
