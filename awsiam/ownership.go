package awsiam

// Keys of the tags that say which object of which cluster a provider belongs to.
const (
	TagClusterUID = "attache.dev/cluster-uid"
	TagObjectUID  = "attache.dev/object-uid"
	TagNamespace  = "attache.dev/namespace"
	TagName       = "attache.dev/name"
	// TagAdopt offers something to an object; its value is the object's Name, for RoleMappings
	// "namespace/name". An administrator sets it in AWS, and adoption takes it off.
	TagAdopt = "attache.dev/adopt"
	// TagAdopted marks what existed before its owner, so that a lost status does not lead to its
	// deletion.
	TagAdopted = "attache.dev/adopted"
)

// Owner is the object that something in AWS was made for.
type Owner struct {
	// ClusterUID is the UID of the cluster's kube-system namespace.
	ClusterUID string
	// ObjectUID, Namespace and Name of the object; a cluster-scoped one has no namespace.
	ObjectUID, Namespace, Name string
}

// Tags returns the tags that Owns looks for, and those that tell people and adoption whose it is.
func (o Owner) Tags() map[string]string {
	tags := map[string]string{TagClusterUID: o.ClusterUID, TagObjectUID: o.ObjectUID, TagName: o.Name}
	if o.Namespace != "" {
		tags[TagNamespace] = o.Namespace
	}
	return tags
}

// String returns the value of TagAdopt that offers something to this owner.
func (o Owner) String() string {
	if o.Namespace == "" {
		return o.Name
	}
	return o.Namespace + "/" + o.Name
}

// MayAdopt tells whether tags offer something to this owner: TagAdopt names it, or the same cluster
// made it for a former object of the same namespace and name.
func (o Owner) MayAdopt(tags map[string]string) bool {
	if o.ClusterUID == "" || o.Name == "" {
		return false
	}
	return tags[TagAdopt] == o.String() ||
		tags[TagClusterUID] == o.ClusterUID && tags[TagNamespace] == o.Namespace && tags[TagName] == o.Name
}

// Owns tells whether tags name this owner. Tags that are missing name nobody.
func (o Owner) Owns(tags map[string]string) bool {
	return o.ClusterUID != "" && o.ObjectUID != "" &&
		tags[TagClusterUID] == o.ClusterUID && tags[TagObjectUID] == o.ObjectUID
}
