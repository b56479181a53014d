// Reads objects for the Prometheus Operator with the Operator's own types, and refuses every field
// that they do not have. Takes YAML documents on stdin; names each problem on stderr.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := false
	for _, document := range strings.Split(string(text), "\n---\n") {
		if err := check([]byte(document)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(document []byte) error {
	var head struct{ Kind string }
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	var object any
	switch head.Kind {
	case "PodMonitor":
		object = &monitoring.PodMonitor{}
	case "PrometheusRule":
		object = &monitoring.PrometheusRule{}
	default:
		return fmt.Errorf("%q: not a kind that is known here", head.Kind)
	}
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return fmt.Errorf("%s: %w", head.Kind, err)
	}
	return nil
}
