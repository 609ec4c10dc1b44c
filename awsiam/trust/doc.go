// Package trust writes the trust policies of managed roles and reads those of others. It is pure.
package trust
