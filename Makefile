# `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/sh
SETUP := python3 tools/setup.py
BIN := .venv/bin
TOOLBIN := $(CURDIR)/.tools/bin
export PATH := $(CURDIR)/.venv/bin:$(TOOLBIN):$(PATH)

# A file's tests share what they start, so they go to one worker (loadfile). One worker per core, at
# most four: each conformance worker runs its own etcd and Traefik.
WORKERS ?= $(shell n=$$(nproc); [ $$n -gt 4 ] && echo 4 || echo $$n)

##@ For everybody
.PHONY: help run setup
help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Set up what is needed and run a whole hub here: etcd, two Traefik replicas, JupyterHub (Ctrl-C stops it)
	@$(SETUP) run
	@exec $(BIN)/proxy-gen up values-examples/local.yaml $(ARGS)

setup: ## Set up everything for development, without running anything
	@$(SETUP) run test lint docs

##@ For developers
.PHONY: test conformance lint format generate docs dist bench bench-quick cluster-up cluster-down e2e e2e-quick clean
test: ## Set up and run every test that needs no root
	@$(SETUP) test
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

conformance: ## Run the suite on every proxy, with bodies of 1 GiB; print the table of proxies by features
	@$(SETUP) test
	$(BIN)/pytest tests/conformance/jupyterhub_ha_conformance -q -n $(WORKERS) --dist loadfile \
	  --large-body=1024 --timeout=300 --feature-table -r fE $(ARGS)

lint: ## Check style, types, charts, and that generated files are in step
	@$(SETUP) lint
	tools/lint.sh

format: ## Write the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: ## Write the schema, the reference pages and the golden renders anew
	@$(SETUP) test lint
	tools/generate.sh

docs: ## Build the documentation into site/
	@$(SETUP) docs
	$(BIN)/sphinx-build -q -W --keep-going -b html docs site
	@echo "open site/index.html"

dist: ## Build wheel, sdist and the packaged chart into dist/
	@$(SETUP) test
	$(BIN)/python -m build --quiet --outdir dist .
	helm package chart --destination dist

faults: ## Break etcd, replicas and the hub one after another under load, for minutes; count what it costs
	@$(SETUP) test
	$(BIN)/python -m tests.faults $(ARGS)

bench: ## Measure all proxies side by side, write results, plots and page (an hour; ARGS="--only requests")
	@$(SETUP) test bench
	@code=0; $(BIN)/python -m benchmarks --size full $(ARGS) || code=$$?; \
	  $(BIN)/python -m benchmarks.report && exit $$code

bench-quick: ## Check the ratios that are required, in minutes
	@$(SETUP) test bench
	$(BIN)/python -m benchmarks --size quick $(ARGS)

# Namespaces, mounts and cgroups need root; set-up does not.
AS_ROOT = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

cluster-up: ## Start a Kubernetes of three nodes on this machine (needs root; ARGS="--workers 2")
	@$(SETUP) cluster
	@$(AS_ROOT) $(BIN)/python -m tests.e2e.cluster up $(ARGS)

cluster-down: ## End it, whatever state it is in, and remove all but images and logs (needs root)
	@$(AS_ROOT) $(BIN)/python -m tests.e2e.cluster down

e2e: ## Start a cluster, deploy, break one part after another under load (needs root; ARGS="--keep-cluster")
	@$(SETUP) cluster
	@$(AS_ROOT) $(BIN)/pytest tests/e2e/kubernetes --durations=0 --durations-min=20 $(ARGS)

e2e-quick: ## The same in ten minutes: a release, an upgrade, a companion and some faults (needs root)
	@$(MAKE) e2e ARGS="-m quick $(ARGS)"

clean: ## Remove what was built (not .venv and .tools)
	rm -rf dist site rendered .run
