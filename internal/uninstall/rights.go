package uninstall

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Rights returns what Kubernetes must allow whoever drains. With here, those are added without
// which the operator's work cannot be done in this process.
func Rights(namespace string, retain, here bool) []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	add := func(namespace, group, resource, subresource string, verbs ...string) {
		for _, verb := range verbs {
			all = append(all, authorizationv1.ResourceAttributes{Namespace: namespace, Group: group, Resource: resource, Subresource: subresource, Verb: verb})
		}
	}
	group := v1alpha1.GroupVersion.Group
	for _, resource := range []string{"rolemappings", "samlproviders"} {
		add("", group, resource, "", "list", "delete")
		if retain || here {
			add("", group, resource, "", "patch")
		}
		if here {
			add("", group, resource, "", "get", "watch")
			add("", group, resource, "status", "patch")
		}
	}
	add("", "", "namespaces", "", "get")
	add(namespace, "apps", "deployments", "", "get")
	add(namespace, "coordination.k8s.io", "leases", "", "get")
	add(namespace, "", "pods", "", "list")
	if here {
		add(namespace, "coordination.k8s.io", "leases", "", "create", "update")
		add(namespace, "", "secrets", "", "get", "list", "watch", "patch", "delete")
	}
	return all
}

// Missing returns those of the rights that the caller does not have, in words.
func Missing(ctx context.Context, writer client.Writer, rights []authorizationv1.ResourceAttributes) ([]string, error) {
	var missing []string
	for i := range rights {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &rights[i]}}
		if err := writer.Create(ctx, review); err != nil {
			return nil, fmt.Errorf("ask which rights you have: %w", err)
		}
		if !review.Status.Allowed {
			missing = append(missing, inWords(rights[i]))
		}
	}
	return missing, nil
}

// inWords returns a right as `kubectl auth can-i` takes it.
func inWords(r authorizationv1.ResourceAttributes) string {
	var b strings.Builder
	b.WriteString(r.Verb + " " + r.Resource)
	if r.Group != "" {
		b.WriteString("." + r.Group)
	}
	if r.Subresource != "" {
		b.WriteString("/" + r.Subresource)
	}
	if r.Namespace != "" {
		b.WriteString(" in namespace " + r.Namespace)
	}
	return b.String()
}
