#!/bin/sh
# All benchmarks; results go to benchmarks/results/<date>-*.csv.
set -eu
cd "$(dirname "$0")/.."
mkdir -p benchmarks/results
day=$(date +%F)
.venv/bin/python benchmarks/replica_kill.py --csv "benchmarks/results/$day-replica-kill.csv" "$@"
.venv/bin/python benchmarks/render_time.py
