package awsfake

// putRolePermissionsBoundary is authorized by the boundary to come, not by the one
// that the role has.
func putRolePermissionsBoundary(c *call) (any, error) {
	arn, err := c.required("PermissionsBoundary", arnRule)
	if err != nil {
		return nil, err
	}
	r, err := c.roleWith("iam:PutRolePermissionsBoundary", conditionKeys{boundary: arn})
	if err != nil {
		return nil, err
	}
	boundary, err := c.boundaryPolicy(arn)
	if err != nil {
		return nil, err
	}
	r.boundary = boundary
	return nil, nil
}

func deleteRolePermissionsBoundary(c *call) (any, error) {
	r, err := c.roleFor("iam:DeleteRolePermissionsBoundary")
	if err != nil {
		return nil, err
	}
	if r.boundary == nil {
		return nil, noSuchEntity("The role with name %s does not have a permissions boundary.", r.name)
	}
	r.boundary = nil
	return nil, nil
}

// boundaryPolicy finds the managed policy that a boundary names.
func (c *call) boundaryPolicy(arn string) (*managedPolicy, error) {
	p := c.managedPolicy(arn)
	if p == nil {
		return nil, noSuchEntity("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return p, nil
}
