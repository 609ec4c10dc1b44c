package awsiam

// Keys of the tags that say which object of which cluster a provider belongs to.
const (
	TagClusterUID = "attache.dev/cluster-uid"
	TagObjectUID  = "attache.dev/object-uid"
	TagName       = "attache.dev/name"
)

// Owner is the object that something in AWS was made for.
type Owner struct {
	// ClusterUID is the UID of the cluster's kube-system namespace.
	ClusterUID string
	// ObjectUID and Name of the object.
	ObjectUID, Name string
}

// Tags returns the tags that Owns looks for. The name is for people only.
func (o Owner) Tags() map[string]string {
	return map[string]string{TagClusterUID: o.ClusterUID, TagObjectUID: o.ObjectUID, TagName: o.Name}
}

// Owns tells whether tags name this owner. Tags that are missing name nobody.
func (o Owner) Owns(tags map[string]string) bool {
	return o.ClusterUID != "" && o.ObjectUID != "" &&
		tags[TagClusterUID] == o.ClusterUID && tags[TagObjectUID] == o.ObjectUID
}
