#!/bin/sh
# Format and vet of our own Go; skipped, and said so, where there is no Go.
set -eu
cd "$(dirname "$0")/../benchmarks/load"
go=$(command -v go || true)
[ -n "$go" ] || go=../../.venv/bin/go
if [ ! -x "$go" ]; then
  echo "no Go here: not checked" >&2
  exit 0
fi
unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l .)
if [ -n "$unformatted" ]; then
  echo "not in gofmt's style: $unformatted" >&2
  exit 1
fi
"$go" vet .
