package uninstall

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// OperatorName is the name of the operator's Deployment and of the Lease that its working replica
// holds.
const OperatorName = "attache-operator"

// operatorLabels are those that the chart gives the operator's pods.
var operatorLabels = client.MatchingLabels{"app.kubernetes.io/name": "attache", "app.kubernetes.io/component": "operator"}

// releaseLabel is the label of the Deployment in which the chart keeps the release's name.
const releaseLabel = "app.kubernetes.io/instance"

// Operator is what a cluster shows of the operator. What does not exist is nil or empty.
type Operator struct {
	// Name of the namespace that was looked into.
	Name       string
	Namespace  *corev1.Namespace
	Deployment *appsv1.Deployment
	Lease      *coordinationv1.Lease
	// Pods of the operator that have not ended.
	Pods []corev1.Pod
}

// Look reads it from a namespace.
func Look(ctx context.Context, reader client.Reader, namespace string) (Operator, error) {
	o := Operator{Name: namespace}
	var err error
	if o.Namespace, err = get(ctx, reader, client.ObjectKey{Name: namespace}, &corev1.Namespace{}); err != nil {
		return Operator{}, err
	}
	key := client.ObjectKey{Namespace: namespace, Name: OperatorName}
	if o.Deployment, err = get(ctx, reader, key, &appsv1.Deployment{}); err != nil {
		return Operator{}, err
	}
	if o.Lease, err = get(ctx, reader, key, &coordinationv1.Lease{}); err != nil {
		return Operator{}, err
	}
	pods := &corev1.PodList{}
	if err := reader.List(ctx, pods, client.InNamespace(namespace), operatorLabels); err != nil {
		return Operator{}, fmt.Errorf("look for the operator's pods: %w", err)
	}
	for _, p := range pods.Items {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			o.Pods = append(o.Pods, p)
		}
	}
	return o, nil
}

// get reads an object; absent, it is nil.
func get[T client.Object](ctx context.Context, reader client.Reader, key client.ObjectKey, into T) (T, error) {
	if err := reader.Get(ctx, key, into); err != nil {
		var none T
		if client.IgnoreNotFound(err) == nil {
			return none, nil
		}
		return none, fmt.Errorf("look for the operator: %w", err)
	}
	return into, nil
}

// Holder returns who holds the operator's Lease, or "" if nobody does: it was given back, or was
// not renewed in time.
func (o Operator) Holder(now time.Time) string {
	if o.Lease == nil {
		return ""
	}
	spec := o.Lease.Spec
	if spec.RenewTime == nil || now.After(spec.RenewTime.Add(time.Duration(ptr.Deref(spec.LeaseDurationSeconds, 0))*time.Second)) {
		return ""
	}
	return ptr.Deref(spec.HolderIdentity, "")
}

// Absence says why no operator is at work and what to do about it; "" if one is. It may pass where
// an operator is on its way.
func (o Operator) Absence(now time.Time) (why string, mayPass bool) {
	switch {
	case o.Holder(now) != "":
		return "", false
	case o.Namespace == nil:
		return fmt.Sprintf("namespace %s does not exist: name the operator's with --namespace, or do its work with --here", o.Name), false
	case o.terminating():
		return fmt.Sprintf("namespace %s is being deleted, so that no operator can start in it: do its work with --here", o.Name), false
	case o.Deployment == nil:
		return fmt.Sprintf("no operator is installed in namespace %s: name the operator's with --namespace, install it again, or do its work with --here", o.Name), false
	case ptr.Deref(o.Deployment.Spec.Replicas, 1) == 0:
		return fmt.Sprintf("the operator is scaled to 0: kubectl -n %s scale deployment/%s --replicas=1, or do its work with --here", o.Name, OperatorName), false
	default:
		return fmt.Sprintf("no pod of the operator holds Lease %s/%s (%d of %d are ready): kubectl -n %s describe deployment/%s says why",
			o.Name, OperatorName, o.Deployment.Status.ReadyReplicas, ptr.Deref(o.Deployment.Spec.Replicas, 1), o.Name, OperatorName), true
	}
}

// Presence says what keeps this process from doing the operator's work; "" if nothing does. It may
// pass where an operator is ending.
func (o Operator) Presence(now time.Time) (why string, mayPass bool) {
	holder := o.Holder(now)
	switch {
	case o.Deployment != nil && !o.terminating() && ptr.Deref(o.Deployment.Spec.Replicas, 1) > 0:
		return fmt.Sprintf("an operator is installed in namespace %s and two must never work at once: leave out --here, or first kubectl -n %s scale deployment/%s --replicas=0",
			o.Name, o.Name, OperatorName), false
	case holder != "":
		return fmt.Sprintf("the operator %s still holds Lease %s/%s", holder, o.Name, OperatorName), true
	case len(o.Pods) > 0:
		return fmt.Sprintf("the operator's pod %s/%s has not ended", o.Name, o.Pods[0].Name), true
	}
	return "", false
}

// CanHoldLease tells whether a Lease can be made in the operator's namespace.
func (o Operator) CanHoldLease() bool { return o.Namespace != nil && !o.terminating() }

func (o Operator) terminating() bool {
	return o.Namespace != nil && !o.Namespace.DeletionTimestamp.IsZero()
}

// Afterwards returns the commands that remain when all objects are gone, a line each.
func (o Operator) Afterwards() string {
	commands := ""
	if o.Deployment != nil && !o.terminating() {
		release := o.Deployment.Labels[releaseLabel]
		if release == "" {
			release = "RELEASE"
		}
		commands = fmt.Sprintf("  helm uninstall %s --namespace %s\n", release, o.Name)
	}
	return commands + "  kubectl delete crd samlproviders.attache.dev rolemappings.attache.dev   # with every RoleMapping that is left\n"
}
