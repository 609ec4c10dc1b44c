package uninstall

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Rights returns what Kubernetes must allow whoever drains: with here, everything, because the
// operator's part is done with the caller's rights.
func Rights(namespace string, retain, here bool) []authorizationv1.ResourceAttributes {
	if here {
		return []authorizationv1.ResourceAttributes{{Verb: "*", Group: "*", Resource: "*"}}
	}
	var all []authorizationv1.ResourceAttributes
	add := func(namespace, group, resource string, verbs ...string) {
		for _, verb := range verbs {
			all = append(all, authorizationv1.ResourceAttributes{Namespace: namespace, Group: group, Resource: resource, Verb: verb})
		}
	}
	for _, resource := range []string{"rolemappings", "samlproviders"} {
		add("", v1alpha1.GroupVersion.Group, resource, "list", "delete")
		if retain {
			add("", v1alpha1.GroupVersion.Group, resource, "patch")
		}
	}
	add("", "", "namespaces", "get")
	add(namespace, "apps", "deployments", "get")
	add(namespace, "coordination.k8s.io", "leases", "get")
	add(namespace, "", "pods", "list")
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
	words := r.Verb + " " + r.Resource
	if r.Group != "" {
		words += "." + r.Group
	}
	if r.Namespace != "" {
		words += " --namespace " + r.Namespace
	}
	return words
}
