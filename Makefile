# Needs git, make, bash, a C++ compiler and a Python, which make finds itself. It takes the newest TFX that this machine can
# run, or the one of `make TFX=1.16 ...`. See `make help`.

.DEFAULT_GOAL := help
SHELL := bash
python := .ci/venv.sh python
# An environment has the name of its lock.
lock = requirements/$(notdir $(shell .ci/venv.sh))

# The tests run in two workers, or in `make WORKERS=1 ...`. Each takes whole files, so that a module's fixtures are made
# once. The files start in the order that tests/conftest.py gives them: the longest first, the quick ones last.
WORKERS ?= 2
workers = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# `make PYTHON=/path/to/python3.10 ...` names the Python to use.
# The goals are for the advice of .ci/choose.sh.
export TFX PYTHON MAKECMDGOALS
# Without compiled bytecode TFX takes twice as long to import, in every process that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo test test-long test-all test-newest compatibility-table faults sbom audit docs dist lint format bench bench-gpu bench-quality bench-curves bench-verdict bench-retraining bench-modules lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  %-20s %s\n' "$$name" "$$what"; done

venv: ## Install the locked dependencies and this project into a folder of .venvs
	@.ci/setup.sh

demo: venv ## Run the taxi pipeline after a change of the optimizer: find a learning rate, and compare it with others
	@$(python) pipelines/run_local.py --pipeline taxi --optimizer sgd

test: venv ## Run the tests, except the long ones
	@$(python) -m pytest $(workers)

test-long: venv ## Run the long tests: whole pipelines, containers, compiled pipelines run as processes
	@$(python) -m pytest $(workers) -m long

test-all: venv ## Run all tests
	@$(python) -m pytest -m ""

test-newest: ## Run the tests and the compatibility tests with TFX 1.21, also if the system's glibc is too old for it
	@export TFX=1.21 && PYTHON=$$(.ci/newer-glibc.sh) && export PYTHON && .ci/setup.sh && $(python) -m pytest $(workers) -m "not long or compatibility"

compatibility-table: venv ## Run the compatibility tests, and write the table of their results into the docs
	@$(python) -m pytest -m compatibility --record-compatibility && $(python) -m tests.compatibility

faults: venv ## Kill, fuzz and starve the component, and print what it survived
	@FAULTS=full $(python) -m pytest -m "" tests/faults

sbom: ## List the contents of the image in build/sbom.json (CycloneDX)
	@mkdir -p build && .ci/sbom.sh $(lock) >build/sbom.json.part && mv build/sbom.json.part build/sbom.json

audit: ## Ask PyPI for known vulnerabilities of the locked dependencies
	@.ci/audit.sh $(lock).txt

docs: ## Build the documentation site in build/site. A broken link is an error
	@.ci/docs.sh

dist: ## Build the wheel and the source archive in dist, and check them
	@.ci/dist.sh

lint: venv ## Check style, format, types and the Dockerfile
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy
	@.ci/venv.sh hadolint Dockerfile

format: venv ## Fix style and format automatically where possible
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

bench: venv ## Compare the speed of a sweep with other finders
	@$(python) -m benchmarks.speed

bench-gpu: venv ## Measure speed and memory on this machine's GPU; says so if there is none
	@$(python) -m benchmarks.gpu

bench-quality: venv ## Compare the quality of the suggestions with other finders
	@$(python) -m benchmarks.quality

bench-curves: ## Compare the regret on generated tasks, by horizon and schedule, with other finders and searches
	@.ci/curves.sh benchmarks.learning_curves

bench-verdict: venv ## Count how often the verdict is wrong, on data of nothing and on clean tasks
	@$(python) -m benchmarks.verdict

bench-retraining: venv ## Compare LRFinder with a fixed rate and others over retrainings with changes of production
	@$(python) -m benchmarks.retraining

bench-modules: venv ## Run the Keras modules of the tfx wheel, and others, through both components
	@$(python) -m benchmarks.modules

lock: ## Refresh the lock files after a change of pyproject.toml (UPGRADE=1: newest versions)
	@.ci/lock.sh

clean: ## Delete .venvs and everything else that make can create again
	rm -rf .venvs build dist runs .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find component pipelines tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
	find component -name '*.egg-info' -prune -exec rm -rf {} +
