#!/bin/sh
# Writes everything that is generated and committed; `make lint` and the tests compare it.
set -eu
cd "$(dirname "$0")/.."
python tools/values/generate.py
python tools/cli_reference.py
python tools/proxy_reference.py
python tools/conformance_page.py
python tools/network_page.py
python tools/edge_page.py
python tools/doctor_page.py
python tools/dashboard.py
python -m tests.chart.golden
python -m benchmarks.report
python -m tests.e2e.kubernetes.page
git status --short
