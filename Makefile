# `make` alone lists what there is. Everything runs in .venv, which is made on first use.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install train test lint types format lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Make .venv and install the locked requirements

$(READY): requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("mien needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: some gigabytes with CUDA, seconds to minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

train: $(READY) ## Train, evaluate and score whole photos; ARGS="backbone=resnet18" changes the experiment
	$(BIN)/python train.py $(ARGS)

test: $(READY) ## Run the tests on up to four cores; ARGS="-k name" chooses, ARGS=-n0 takes one process
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

lint: $(READY) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Check types
	$(BIN)/mypy

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## Write the requirement locks anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-emit-package mien --all-extras --group dev pyproject.toml -o requirements.lock
	echo "uv" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --constraint requirements.lock - -o requirements-uv.lock

clean: ## Remove .venv and caches; outputs/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './outputs/*' -exec rm -rf {} +
