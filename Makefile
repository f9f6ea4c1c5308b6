# Every command sets up what it needs: its own virtual environment in .venv, from requirements.lock.
PYTHON ?= python3
CORES ?= all
# Configuration files on top of the default one, and the folder of their results:
#   make fig8 CONFIG=config/experiments/t2k.yaml RESULTS=results-t2k
CONFIG ?=
RESULTS ?= results
BIN := .venv/bin
CHOSEN := $(if $(CONFIG),--configfile $(CONFIG)) $(if $(filter-out results,$(RESULTS)),--config results=$(RESULTS))
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) $(CHOSEN)
# A line of progress; the exit status is that of pip.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
PIP_INSTALL := install --disable-pip-version-check --progress-bar off
PROGRESS = | awk -v total=$$(grep -c '^[^\# ]' $<) -f tools/pip_progress.awk
# Snakemake starts scripts by a line of the shell without quotes, and PATH is parted by colons.
SPECIAL := $(shell pwd | LC_ALL=C tr -d 'a-zA-Z0-9_./+@%=~,\200-\377\n-' | tr '[:space:]' _)
ifneq ($(SPECIAL),)
$(error the path of this clone, "$(CURDIR)", has a space or a special character, which Snakemake cannot stand: move the clone)
endif
# Modules that are compiled once start in half the time, whatever the machine's setting.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)

FIGURES := $(addprefix fig,$(shell seq 27))

.PHONY: help setup $(FIGURES) all report gallery check-numbers profile test mutants validate validate-grids test-slurm test-slurm-faults lint format config-docs site bench bench-quick clean

help:  ## Show this list
	@printf 'fig2\tFigure 2, and fig1 to fig27 likewise\n' | expand -t 14
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: .venv/installed  ## Make the virtual environment

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nd2fd needs Python 3.11 or newer; this is " + sys.version + "; use make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip $(PIP_INSTALL) -r requirements.lock $(PROGRESS)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(FIGURES): fig%: setup
	$(SNAKEMAKE) -- $(RESULTS)/figs/fig$*.pdf

all: setup  ## All figures and tables; of other files by CONFIG="FILE …", in another folder by RESULTS=FOLDER
	$(SNAKEMAKE)

report: setup  ## Everything, and RESULTS/report.html: one file with figures, numbers and configuration
	$(SNAKEMAKE) --report $(RESULTS)/report.html --report-after-run -- $(RESULTS)/report/index.rst

gallery: setup  ## Write docs/gallery.md, docs/numbers.json and docs/results.md from RESULTS
	$(BIN)/python -m nd2fd.report gallery $(RESULTS)

check-numbers: setup  ## Compare RESULTS/tables/numbers.json with docs/results.md
	$(BIN)/python -m nd2fd.report check $(RESULTS)

profile: setup  ## Where the time of a run went: docs/profile.md from benchmarks and logs in RESULTS
	$(BIN)/python -m nd2fd.report profile $(RESULTS)

test: setup lint  ## Lint, types, and all tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

mutants: setup  ## Errors on purpose, half an hour: does a test see each? Writes docs/mutants.md
	$(BIN)/python tools/mutants.py

validate: setup  ## Beside other programs and published values: writes docs/validation.md
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-validate.lock
	$(BIN)/pytest -q tests/test_validation.py --validation-table docs/validation.md

validate-grids: setup  ## Headline numbers with doubled grids and another seed: writes docs/validation-grids.md
	$(BIN)/python tools/doubled_grids.py results-grids

test-slurm: setup  ## The workflow at toy size on a real Slurm, which is set up on this machine (root)
	$(BIN)/pytest tests/slurm/live.py

test-slurm-faults: setup  ## Cancelled jobs, lost nodes and the like on that Slurm, up to an hour
	$(BIN)/pytest tests/slurm/faults.py

lint: setup  ## Format, lint and types, without changing anything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

format: setup  ## Format Python and Snakemake files
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile workflow

config-docs: setup  ## Write config/schema.json and docs/configuration.md
	$(BIN)/python -m nd2fd.config

site: .venv-docs/installed  ## The documentation as a site, strictly checked: site/index.html
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict

.venv-docs/installed: requirements-docs.lock
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip $(PIP_INSTALL) -r requirements-docs.lock $(PROGRESS)
	touch $@

bench: .venv/bench-installed  ## Benchmarks, 10 minutes; writes results/bench and docs/performance.md
	$(BIN)/python -m bench

bench-quick: .venv/bench-installed  ## The same, smaller, in 3 minutes
	$(BIN)/python -m bench --quick

.venv/bench-installed: .venv/installed bench/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	touch $@

clean:  ## Remove all results
	rm -rf results/* .snakemake
