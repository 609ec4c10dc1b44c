package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
	. "github.com/onsi/gomega"
)

// sources writes a program and a data file whose modes show a strict umask.
func sources(t *testing.T) (program, data string) {
	t.Helper()
	folder := t.TempDir()
	program, data = filepath.Join(folder, "program"), filepath.Join(folder, "data")
	NewWithT(t).Expect(os.WriteFile(program, []byte("#!"), 0o700)).To(Succeed())
	NewWithT(t).Expect(os.WriteFile(data, []byte("certificates"), 0o600)).To(Succeed())
	return program, data
}

func TestImageHoldsTheFilesAndNothingOfTheMachine(t *testing.T) {
	g := NewWithT(t)
	program, data := sources(t)
	archive := filepath.Join(t.TempDir(), "image.tar")

	g.Expect(run([]string{"-t", "localhost/program:dev", "-o", archive, "-e", "/program", "-arch", "arm64",
		"/program=" + program, "/etc/ssl/certs/ca.crt=" + data})).To(Succeed())

	img, err := tarball.ImageFromPath(archive, nil)
	g.Expect(err).NotTo(HaveOccurred())
	config, err := img.ConfigFile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.OS + "/" + config.Architecture).To(Equal("linux/arm64"))
	g.Expect(config.Created.Equal(epoch)).To(BeTrue())
	g.Expect(config.Config.User).To(Equal("65532:65532"))
	g.Expect(config.Config.Entrypoint).To(Equal([]string{"/program"}))

	layers, err := img.Layers()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(layers).To(HaveLen(1))
	content, err := layers[0].Uncompressed()
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { g.Expect(content.Close()).To(Succeed()) }()
	modes := map[string]int64{}
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(h.ModTime.Equal(epoch)).To(BeTrue(), h.Name)
		g.Expect(h.Uid+h.Gid).To(BeZero(), h.Name)
		modes[h.Name] = h.Mode
	}
	g.Expect(modes).To(Equal(map[string]int64{
		"program": 0o755, "etc/": 0o755, "etc/ssl/": 0o755, "etc/ssl/certs/": 0o755, "etc/ssl/certs/ca.crt": 0o644,
	}))
}

func TestImageIsTheSameWhenItsFilesAre(t *testing.T) {
	g := NewWithT(t)
	program, data := sources(t)
	s := spec{entrypoint: "/program", user: "65532:65532", architecture: "amd64",
		files: []file{{"/program", program}, {"/data", data}}}
	first, err := build(s)
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(os.Chtimes(program, time.Now(), time.Now().Add(time.Hour))).To(Succeed())
	g.Expect(os.Chmod(data, 0o644)).To(Succeed())
	second, err := build(s)
	g.Expect(err).NotTo(HaveOccurred())

	before, err := first.Digest()
	g.Expect(err).NotTo(HaveOccurred())
	after, err := second.Digest()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(Equal(before))
}

func TestImageRefuses(t *testing.T) {
	program, _ := sources(t)
	archive := filepath.Join(t.TempDir(), "image.tar")
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"a file without a destination", []string{"-t", "a:b", "-o", archive, "-e", "/p", program}, "write DESTINATION=SOURCE"},
		{"a relative destination", []string{"-t", "a:b", "-o", archive, "-e", "p", "p=" + program}, "clean absolute path"},
		{"a destination that climbs", []string{"-t", "a:b", "-o", archive, "-e", "/p", "/../p=" + program}, "clean absolute path"},
		{"an entrypoint that is not in the image", []string{"-t", "a:b", "-o", archive, "-e", "/q", "/p=" + program}, "not among the files"},
		{"a file that does not exist", []string{"-t", "a:b", "-o", archive, "-e", "/p", "/p=" + program + "x"}, "no such file"},
		{"a tag that is none", []string{"-t", "a b", "-o", archive, "-e", "/p", "/p=" + program}, "-t:"},
		{"a call without an archive", []string{"-t", "a:b", "-e", "/p", "/p=" + program}, "write -o"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(run(row.args)).To(MatchError(ContainSubstring(row.want)))
			g.Expect(archive).NotTo(BeAnExistingFile())
		})
	}
}
