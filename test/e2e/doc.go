// Package e2e tells users' stories on a real cluster, with the stand-in for AWS as the only part
// that is not real. `make e2e` runs it; it is built with the tag e2e alone.
package e2e
