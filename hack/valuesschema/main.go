// Command valuesschema prints the JSON schema of a Helm chart's values.yaml.
//
//	go run ./hack/valuesschema charts/attache/values.yaml > charts/attache/values.schema.json
//
// Types come from the default values and descriptions from helm-docs' comments ("# -- text"). A comment line
// "# @schema {...}" above that adds what a default cannot tell, such as an enum. Keys that values.yaml does not
// have are refused, because Helm would drop them without a word.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "valuesschema:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: valuesschema VALUES.YAML")
	}
	values, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	out, err := Generate(values)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	_, err = os.Stdout.Write(out)
	return err
}
