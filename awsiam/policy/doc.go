// Package policy reads IAM's policy documents: what is wrong with one, and whether two say the
// same. It is pure, and it follows the grammar of IAM User Guide, "Grammar of the IAM JSON policy
// language".
package policy
