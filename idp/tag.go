package idp

// Tag is a session tag.
type Tag struct{ Key, Value string }

// MappingTag is the key of the session tag that the Grants of managed roles carry, and no others:
// its value is the namespace/name of the RoleMapping. The role's trust policy demands it, so that no
// other mapping can use the role.
const MappingTag = "attache.dev/mapping"
