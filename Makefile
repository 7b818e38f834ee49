# Everything that a person types. `make help` is written from the comments behind the targets.
SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: report book lab test test-large recommend prepare example publish benchmarks lock clean help

VENV := .venv
STAMP := $(VENV)/.installed
PYTHON := $(CURDIR)/$(VENV)/bin/python
# What was given as NAME=VALUE on the command line, as it was typed: datasets, edition, parameters.
export RECLIB_OVERRIDES = $(MAKEOVERRIDES)
# Kernels come from the environment of this project, whatever else is registered on the machine.
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Files of tests, and notebooks, are shared out over the cores; what is in one file stays together.
SHARED_OUT := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

report: $(STAMP)  ## Run every notebook that is not up to date, then build the book
	@$(PYTHON) -m reclib report

book: $(STAMP)  ## Build the book again from the notebooks already executed
	@$(PYTHON) -m reclib book

lab: $(STAMP)  ## Open the notebooks in JupyterLab
	@$(PYTHON) -m jupyter lab --notebook-dir=notebooks

test: $(STAMP)  ## Check style, types, tests, the full report on ML-100K, notebooks and pages
	@$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -u -m pytest $(SHARED_OUT) --verbose --capture=sys --durations=10
	RECLIB_OVERRIDES= DATASETS=ml-100k EDITION=quick $(PYTHON) -m reclib report
	RECLIB_PROGRESS=terminal $(PYTHON) -u -m pytest $(SHARED_OUT) --verbose --capture=sys \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout=1800 notebooks
	$(PYTHON) -m reclib check

test-large: $(STAMP)  ## Run the tests that need minutes or gigabytes
	@$(PYTHON) -u -m pytest --verbose --capture=sys --durations=10 -m large

prepare: $(STAMP)  ## Split interactions larger than memory: files="a.csv b.csv.gz" out=FOLDER
	@$(PYTHON) -m reclib prepare

recommend: $(STAMP)  ## Write the best k items of every user: recommender=NAME k=10 out=lists.csv
	@$(PYTHON) -m reclib recommend

example: $(STAMP)  ## Write a small shop as a folder of your own data would be: out=my-shop
	@$(PYTHON) -m reclib example

publish: $(STAMP)  ## Copy the ledger and outputs of this build into book and notebooks, to commit them
	@$(PYTHON) -m reclib publish

benchmarks: $(STAMP)  ## Time ours against named peers on the same data, and two processes against one
	@$(PYTHON) -m benchmarks

lock: $(STAMP)  ## Compile requirements.txt from pyproject.toml
	@$(PYTHON) -m piptools compile --quiet --extra test --strip-extras --no-emit-index-url \
	  --no-emit-find-links --no-emit-options --no-header \
	  --output-file requirements.txt pyproject.toml
	sed -i.bak 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements.txt
	rm requirements.txt.bak

clean:  ## Remove what was built (results, book, caches); the environment stays
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

help:  ## Show this help
	@echo 'make TARGET [DATASETS="ml-100k ..."] [EDITION=quick|full] [PARAMETER=VALUE ...]'
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

# The stamp is written last. An install that was broken off leaves its own mark, and the next one
# starts afresh. A candidate is tried by running it: a shim may exist and still fail.
$(STAMP): requirements.txt pyproject.toml
	@rm -f $@
	works() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' \
	  >/dev/null 2>&1; }
	for candidate in python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11 \
	  /opt/homebrew/bin/python3.11 "$$HOME"/.pyenv/versions/3.11*/bin/python python3 python; do
	  if works "$$candidate"; then found=$$candidate; break; fi
	done
	if [ -z "$${found:-}" ]; then
	  echo 'Python 3.11 with venv is needed and was not found: RecBole needs ray<=2.6.3, which has no wheel past 3.11.' >&2
	  exit 1
	fi
	if [ -e $(VENV)/.installing ] || ! works $(VENV)/bin/python; then rm -rf $(VENV); fi
	[ -d $(VENV) ] || { mkdir $(VENV); touch $(VENV)/.installing; "$$found" -m venv $(VENV); }
	touch $(VENV)/.installing
	$(PYTHON) -m pip install --requirement requirements.txt
	$(PYTHON) -m pip install --no-deps --editable .
	rm $(VENV)/.installing
	touch $@
