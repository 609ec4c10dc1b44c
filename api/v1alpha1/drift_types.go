package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Drift is how AWS was found to differ from what the operator had brought about.
type Drift struct {
	// detectedTime is when it was found.
	DetectedTime metav1.Time `json:"detectedTime"`

	// repaired tells that it was put right; in an Observed account it never is.
	// +optional
	Repaired bool `json:"repaired,omitempty"`

	// differences, field by field.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one field in which AWS differs from the spec. Long values are shortened.
type Difference struct {
	// field by its name in spec, such as maxSessionDuration or inlinePolicies[s3].
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field"`

	// wanted by the spec; empty if the field should not be there.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Wanted string `json:"wanted,omitempty"`

	// found in AWS; empty if the field was not there.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Found string `json:"found,omitempty"`
}
