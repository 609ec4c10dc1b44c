package status

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"attache.dev/attache/api/v1alpha1"
)

// TestToolsReadTheStatus asks the library by which Helm, Flux and Argo wait.
func TestToolsReadTheStatus(t *testing.T) {
	for _, row := range []struct {
		name     string
		findings []Finding
		want     kstatus.Status
	}{
		{"all done", []Finding{keysDone, syncedDone, workloadDone}, kstatus.CurrentStatus},
		{"all done but what cannot be known", []Finding{keysDone, unverifiable}, kstatus.CurrentStatus},
		{"work under way", []Finding{keysDone, rolling}, kstatus.InProgressStatus},
		{"a failure that is tried again", []Finding{keysDone, denied}, kstatus.InProgressStatus},
		{"what is wanted to stand still", []Finding{keysDone, halted}, kstatus.InProgressStatus},
		{"what a person must do", []Finding{keysDone, notOwned}, kstatus.FailedStatus},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			p := &v1alpha1.SAMLProvider{
				TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "SAMLProvider"},
				ObjectMeta: metav1.ObjectMeta{Name: "corp", Generation: 2},
			}
			p.Status.ObservedGeneration = summarize(&p.Status.Conditions, 2, 1, row.findings)
			g.Expect(computed(t, p)).To(Equal(row.want))

			p.Generation = 3
			g.Expect(computed(t, p)).To(Equal(kstatus.InProgressStatus), "a spec that the operator has not seen")
		})
	}
}

func computed(t *testing.T, o runtime.Object) kstatus.Status {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := kstatus.Compute(&unstructured.Unstructured{Object: content})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}
