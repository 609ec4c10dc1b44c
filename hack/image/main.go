// Command image writes a container image made of the given files, without a daemon and without root.
//
//	go run ./hack/image -t localhost/attache:dev -o attache.tar -e /attache /attache=bin/attache
//
// The archive is in Docker's format: docker load, kind load image-archive and ctr images import read it. The same
// files give the same image, byte for byte.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("image", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: image -t TAG -o ARCHIVE -e ENTRYPOINT DESTINATION=SOURCE...")
		flags.PrintDefaults()
	}
	tag := flags.String("t", "", "tag of the image, e.g. localhost/attache:dev")
	output := flags.String("o", "", "archive to write")
	var s spec
	flags.StringVar(&s.entrypoint, "e", "", "path of the program in the image")
	flags.StringVar(&s.user, "u", "65532:65532", "user and group that run it, as numbers")
	flags.StringVar(&s.architecture, "arch", runtime.GOARCH, "architecture of the files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, arg := range flags.Args() {
		destination, source, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q: write DESTINATION=SOURCE, e.g. /attache=bin/attache", arg)
		}
		s.files = append(s.files, file{destination: destination, source: source})
	}
	if *output == "" {
		return fmt.Errorf("write -o and the archive's name")
	}
	ref, err := name.NewTag(*tag)
	if err != nil {
		return fmt.Errorf("-t: %w", err)
	}
	img, err := build(s)
	if err != nil {
		return err
	}
	return write(*output, func(path string) error { return tarball.WriteToFile(path, ref, img) })
}

// write lets a reader of path see a whole archive or none.
func write(path string, to func(path string) error) error {
	temporary := path + ".new"
	if err := to(temporary); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(temporary, path)
}
