package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// connect reaches the cluster of the caller's kubeconfig.
func connect() (*rest.Config, client.Client, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("find the Kubernetes API: %w", err)
	}
	scheme, err := operatorScheme()
	if err != nil {
		return nil, nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("reach the Kubernetes API at %s: %w", config.Host, err)
	}
	return config, c, nil
}

// confirm asks a person, and refuses unless the answer is yes.
func confirm(in io.Reader, out io.Writer) error {
	fmt.Fprint(out, "Type yes to go on: ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read your answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return notBegun(errors.New("not confirmed: type yes, or pass --yes"))
	}
	return nil
}
