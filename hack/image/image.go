package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// file is one file of the image: an absolute path in it, and the file of this machine that it copies.
type file struct{ destination, source string }

// spec says what an image holds and how it runs.
type spec struct {
	entrypoint   string
	user         string
	architecture string
	files        []file
}

// epoch is the only time in an image: a clock would make every build a different one.
var epoch = time.Unix(0, 0).UTC()

// build makes an image with a single layer on nothing ("FROM scratch").
func build(s spec) (v1.Image, error) {
	archive, err := layer(s.files)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.files, func(f file) bool { return f.destination == s.entrypoint }) {
		return nil, fmt.Errorf("entrypoint %q is not among the files: write -e with one of their destinations", s.entrypoint)
	}
	// The archive stays on this machine, so speed counts for more than size.
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil },
		tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", s.architecture, v1.Time{Time: epoch}
	config.Config.Entrypoint = []string{s.entrypoint}
	config.Config.User = s.user
	return mutate.ConfigFile(img, config)
}

// layer writes the files, and the folders above them, as a tar archive that belongs to root.
func layer(files []file) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	folders := map[string]bool{}
	for _, f := range files {
		if !path.IsAbs(f.destination) || path.Clean(f.destination) != f.destination {
			return nil, fmt.Errorf("destination %q: write a clean absolute path such as /attache", f.destination)
		}
		if err := addFolders(w, folders, path.Dir(f.destination)); err != nil {
			return nil, err
		}
		if err := addFile(w, f); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("closing the layer: %w", err)
	}
	return archive.Bytes(), nil
}

func addFolders(w *tar.Writer, done map[string]bool, folder string) error {
	if folder == "/" || done[folder] {
		return nil
	}
	if err := addFolders(w, done, path.Dir(folder)); err != nil {
		return err
	}
	done[folder] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(folder, "/") + "/", Mode: 0o755, ModTime: epoch})
}

func addFile(w *tar.Writer, f file) error {
	info, err := os.Stat(f.source)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(f.source)
	if err != nil {
		return err
	}
	// The umask of whoever built the file must not show in the image.
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	if err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.destination, "/"), Size: int64(len(content)), Mode: mode, ModTime: epoch,
	}); err != nil {
		return fmt.Errorf("adding %s: %w", f.destination, err)
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("adding %s: %w", f.destination, err)
	}
	return nil
}
