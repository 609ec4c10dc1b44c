// Package story gives end-to-end tests a world each: a namespace, a SAMLProvider and what a user
// does with them, on a cluster with Attaché and the stand-in for AWS.
package story

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"attache.dev/attache/test/harness"
)

// Readiness is how long anything may take to become ready or to go.
const Readiness = 2 * time.Minute

// World is what the stories of a package share.
type World struct {
	Cluster *harness.Cluster
	AWS     *harness.AWS
	Images  harness.Images
}

// Main brings the world up, hands it to setup and tells the package's stories. It is for TestMain,
// and exits the process.
func Main(m *testing.M, setup func(*World)) {
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	w, err := bringUp(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	setup(w)
	code := m.Run()
	cancel()
	os.Exit(code)
}

func bringUp(ctx context.Context) (*World, error) {
	w := &World{}
	var err error
	if w.Images, err = harness.BuiltImages(); err != nil {
		return nil, err
	}
	if w.Cluster, err = harness.Connect(); err != nil {
		return nil, err
	}
	if w.AWS, err = w.Cluster.InstallAWS(ctx, w.Images.AWSFake); err != nil {
		return nil, err
	}
	return w, w.Cluster.InstallAttache(ctx, w.AWS, w.Images.Attache)
}
