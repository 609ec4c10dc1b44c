//go:build e2e

package e2e

import (
	"testing"

	"attache.dev/attache/test/harness"
	"attache.dev/attache/test/harness/story"
)

var (
	world   *story.World
	cluster *harness.Cluster
	aws     *harness.AWS
)

func TestMain(m *testing.M) {
	story.Main(m, func(w *story.World) { world, cluster, aws = w, w.Cluster, w.AWS })
}
