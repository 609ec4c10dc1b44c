package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"attache.dev/attache/api/v1alpha1"
)

// KeepArtifacts writes what a person needs to understand a failure into artifacts/<story>/: events,
// logs and objects of the namespaces. Secrets are left out. It keeps going when a part cannot be
// had, and returns the folder.
func (c *Cluster) KeepArtifacts(ctx context.Context, story string, namespaces ...string) (string, error) {
	folder := filepath.Join(Root(), "artifacts", strings.ReplaceAll(story, "/", "_"))
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "keep artifacts:", err)
		}
	}
	write("samlproviders.yaml", c.dump(ctx, &v1alpha1.SAMLProviderList{}, ""))
	for _, namespace := range namespaces {
		for name, list := range map[string]client.ObjectList{
			"pods": &corev1.PodList{}, "events": &corev1.EventList{}, "services": &corev1.ServiceList{},
			"rolemappings": &v1alpha1.RoleMappingList{},
		} {
			write(namespace+"-"+name+".yaml", c.dump(ctx, list, namespace))
		}
		pods, err := c.Clientset.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, pod := range pods.Items {
			logs, err := c.Logs(ctx, namespace, pod.Name)
			if err != nil {
				logs = err.Error()
			}
			write(namespace+"-"+pod.Name+".log", []byte(logs))
		}
	}
	return folder, nil
}

func (c *Cluster) dump(ctx context.Context, list client.ObjectList, namespace string) []byte {
	if err := c.Client.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return []byte(err.Error())
	}
	b, err := yaml.Marshal(list)
	if err != nil {
		return []byte(err.Error())
	}
	return b
}
