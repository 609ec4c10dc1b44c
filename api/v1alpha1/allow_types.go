package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AllowRule lets the RoleMappings of some namespaces map some roles. One rule must cover the whole
// of a mapping: rules do not add up.
//
// +kubebuilder:validation:XValidation:rule="has(self.roles) || has(self.managed)",message="an entry of allow needs roles, which lists existing roles, or managed, which lets namespaces have roles made for them"
type AllowRule struct {
	// namespaces that this entry speaks of.
	// +required
	Namespaces NamespaceSelection `json:"namespaces"`

	// subjects are the kinds of subject that these namespaces may map.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Subjects []SubjectKind `json:"subjects"`

	// roles are patterns of the ARNs of existing roles (role.arn). `*` stands for any characters but `/`.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Roles []RolePattern `json:"roles,omitempty"`

	// managed lets these namespaces have roles made for them (role.managed), within its bounds.
	// +optional
	Managed *AllowManaged `json:"managed,omitempty"`
}

// AllowManaged bounds the roles that are made for RoleMappings.
type AllowManaged struct {
	// pathPrefix that the path of every such role must begin with, such as /reports/. It begins and
	// ends with a slash.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([a-zA-Z0-9_+=.@-]+/)*$')",message="managed.pathPrefix must begin and end with a slash, such as /reports/"
	PathPrefix string `json:"pathPrefix"`

	// permissionsBoundary that every such role has. A mapping that names none gets this one; one
	// that names another is refused. Without it, a mapping is free to set a boundary or not.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[!-~]+$')",message="managed.permissionsBoundary must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/tenants"
	PermissionsBoundary string `json:"permissionsBoundary,omitempty"`

	// policies are patterns of the managed policies that such roles may have. `*` stands for any
	// characters but `/`.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=128
	Policies []PolicyPattern `json:"policies,omitempty"`

	// inlinePolicies lets the mappings write policies of their own. Set permissionsBoundary with it:
	// nothing else bounds what such a policy says.
	// +optional
	InlinePolicies bool `json:"inlinePolicies,omitempty"`

	// adoption lets the mappings take over roles that exist already (adoption: IfTagged).
	// +optional
	Adoption bool `json:"adoption,omitempty"`

	// maxRoles is how many roles may be made for one namespace; the oldest mappings have them.
	// Defaults to 20.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxRoles *int32 `json:"maxRoles,omitempty"`
}

// PolicyPattern is the ARN of a managed policy in which `*` stands for any characters but `/`.
//
// +kubebuilder:validation:MaxLength=640
// +kubebuilder:validation:Pattern=`^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}|aws):policy/[\w+=,.@*/-]+$`
type PolicyPattern string

// NamespaceSelection chooses namespaces by name or by label. Names are safest: who may label a
// namespace may choose it.
//
// +kubebuilder:validation:XValidation:rule="has(self.names) != has(self.selector)",message="namespaces needs exactly one of names and selector"
type NamespaceSelection struct {
	// names of namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Names []string `json:"names,omitempty"`

	// selector of the labels of namespaces. An empty one chooses every namespace.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// RolePattern is a role ARN in which `*` stands for any characters but `/`.
//
// +kubebuilder:validation:MaxLength=640
// +kubebuilder:validation:Pattern=`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[\w+=,.@*/-]+$`
type RolePattern string
