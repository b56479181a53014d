#!/bin/sh
# Every check of style, types and charts, and whether generated files are in step.
# All checks run, then the failed ones are named: one run tells everything.
set -u
cd "$(dirname "$0")/.."
failed=""

check() {
  name=$1
  shift
  if "$@"; then echo "ok      $name"; else echo "FAILED  $name"; failed="$failed
  $name: $*"; fi
}

lint_examples() {
  bad=0
  for example in values-examples/*.yaml; do
    target=cluster
    case "$example" in *single-host*) target=host ;; esac
    proxy-gen lint --quiet --target "$target" "$example" || bad=1
  done
  return $bad
}

check "ruff (style)" ruff check --quiet .
check "ruff (format)" ruff format --check --quiet .
check "mypy" mypy --no-error-summary
check "yamllint" yamllint --strict .
check "helm lint" helm lint --strict --quiet chart
check "ct lint" tools/ct-lint.sh
check "proxy-gen lint (every example)" lint_examples
check "generated values schema and reference" python tools/values/generate.py --check
check "generated command reference" python tools/cli_reference.py --check
check "generated proxy reference" python tools/proxy_reference.py --check
check "generated table of conformance" python tools/conformance_page.py --check
check "generated page on the network" python tools/network_page.py --check
check "generated page on web servers" python tools/edge_page.py --check
check "generated table of the doctor's checks" python tools/doctor_page.py --check
check "generated dashboard for Grafana" python tools/dashboard.py --check
check "figures in the page on performance" python -m benchmarks.report --check
check "table of what was lost" python -m tests.e2e.kubernetes.page --check
check "the load generator's Go" tools/go-lint.sh

if [ -n "$failed" ]; then
  echo "$failed" >&2
  exit 1
fi
