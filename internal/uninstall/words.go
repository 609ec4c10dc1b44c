package uninstall

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"attache.dev/attache/api/v1alpha1"
)

// Name returns an object's kind and name, as in "RoleMapping reports/uploader".
func Name(o client.Object) string {
	switch o.(type) {
	case *v1alpha1.RoleMapping:
		return "RoleMapping " + o.GetNamespace() + "/" + o.GetName()
	case *v1alpha1.SAMLProvider:
		return "SAMLProvider " + o.GetName()
	}
	return o.GetName()
}

// Names returns the names of the first objects, and how many more there are.
func (i Inventory) Names(most int) string {
	all := i.Objects()
	names := make([]string, 0, most+1)
	for _, o := range all[:min(most, len(all))] {
		names = append(names, Name(o))
	}
	if more := len(all) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// Fates says of each object, a line each, what becomes of that which belongs to it in AWS.
func (i Inventory) Fates(retain bool) string {
	var b strings.Builder
	for _, m := range i.Mappings {
		if m.Status.Role == nil {
			fmt.Fprintf(&b, "  %s (nothing known in AWS)\n", Name(m))
			continue
		}
		fmt.Fprintf(&b, "  %s (in AWS: %s %s)\n", Name(m), m.Status.Role.ARN, fate(retain || m.Retains(m.Status.Role.Adopted)))
	}
	for _, p := range i.Providers {
		known := slices.DeleteFunc(slices.Clone(p.Status.Accounts), func(a v1alpha1.AccountStatus) bool { return a.ProviderARN == "" })
		if len(known) == 0 {
			fmt.Fprintf(&b, "  %s (nothing known in AWS)\n", Name(p))
		}
		for _, a := range known {
			fmt.Fprintf(&b, "  %s (in AWS: %s %s)\n", Name(p), a.ProviderARN, fate(retain || p.Retains(a.Adopted)))
		}
	}
	return b.String()
}

func fate(stays bool) string {
	if stays {
		return "stays"
	}
	return "deleted"
}

// Count returns how many objects there are, as in "2 RoleMappings with managed roles and 1
// SAMLProvider".
func (i Inventory) Count() string {
	var parts []string
	if n := len(i.Mappings); n == 1 {
		parts = append(parts, "1 RoleMapping with a managed role")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d RoleMappings with managed roles", n))
	}
	if n := len(i.Providers); n == 1 {
		parts = append(parts, "1 SAMLProvider")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d SAMLProviders", n))
	}
	return strings.Join(parts, " and ")
}

// WaitsFor tells what an object that is being deleted waits for, in the words of its own status; ""
// if nobody has deleted it yet.
func WaitsFor(o client.Object) string {
	ready := meta.FindStatusCondition(conditionsOf(o), v1alpha1.ConditionReady)
	switch {
	case o.GetDeletionTimestamp().IsZero():
		return ""
	case ready == nil:
		return "no operator has looked at it yet"
	case ready.ObservedGeneration < o.GetGeneration():
		return "its deletion has not been noticed yet" // it counts as a generation
	case ready.Message == "":
		return ready.Reason
	default:
		return ready.Reason + ": " + ready.Message
	}
}

func conditionsOf(o client.Object) []metav1.Condition {
	switch o := o.(type) {
	case *v1alpha1.RoleMapping:
		return o.Status.Conditions
	case *v1alpha1.SAMLProvider:
		return o.Status.Conditions
	}
	return nil
}
