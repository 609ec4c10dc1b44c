package uninstall

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"attache.dev/attache/api/v1alpha1"
)

func TestReadFindsWhatStandsInAWS(t *testing.T) {
	g := NewWithT(t)
	elsewhere := mapping("a")
	elsewhere.Namespace = "archive"
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		mapping("b"), mapping("a"), elsewhere, mapping("existing", ofExistingRole), provider("old"), provider("corp"),
	).Build()

	found, err := Read(t.Context(), c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(namesOf(found.Objects())).To(Equal([]string{
		"RoleMapping archive/a", "RoleMapping reports/a", "RoleMapping reports/b", "SAMLProvider corp", "SAMLProvider old",
	}))
	g.Expect(found.Empty()).To(BeFalse())
}

func TestReadWithoutTheDefinitionsFindsNothing(t *testing.T) {
	kind := v1alpha1.GroupVersion.WithKind("RoleMapping")
	for _, row := range []struct {
		name string
		err  error
		ok   bool
	}{
		{"they were never installed", &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}, true},
		{"they have just gone", apierrors.NewNotFound(schema.GroupResource{Group: kind.Group, Resource: "rolemappings"}, ""), true},
		{"but being refused is no answer", apierrors.NewForbidden(schema.GroupResource{Resource: "rolemappings"}, "", errors.New("no")), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			c := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
				List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return row.err },
			}).Build()
			found, err := Read(t.Context(), c)
			g.Expect(found.Empty()).To(BeTrue())
			g.Expect(err == nil).To(Equal(row.ok))
		})
	}
}

func TestDrainSaysWhatSomebodyMakesAgain(t *testing.T) {
	g := NewWithT(t)
	// A GitOps tool applies the mapping once more when it sees it go.
	again := mapping("a")
	again.UID = "another"
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(mapping("a")).WithInterceptorFuncs(interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := c.Delete(ctx, o, opts...); err != nil || o.GetUID() == again.UID {
				return err
			}
			return c.Create(ctx, again.DeepCopy())
		},
	}).Build()
	var out bytes.Buffer
	d := &Drain{Client: c, Every: time.Millisecond, Out: &out}
	g.Expect(d.Run(t.Context())).To(Succeed())
	g.Expect(out.String()).To(Equal("Deleting RoleMapping reports/a\n" +
		"RoleMapping reports/a was made again: pause what makes it\nDeleting RoleMapping reports/a\nGone: RoleMapping reports/a\n"))
}

func TestDrainEndsWhenItIsInterrupted(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(mapping("a", beingDeleted)).Build()
	d := &Drain{Client: c, Every: time.Hour, Out: &bytes.Buffer{}, Idle: func(context.Context) (string, bool, error) {
		cancel(errors.New("somebody pressed Ctrl-C"))
		return "it is starting", true, nil
	}}
	g.Expect(d.Run(ctx)).To(MatchError(SatisfyAll(
		ContainSubstring("not finished (somebody pressed Ctrl-C)"),
		ContainSubstring("\n  RoleMapping reports/a: no operator has looked at it yet"),
		ContainSubstring("\nNo operator: it is starting"),
	)))
}
