# Needs git, make, bash, a C++ compiler and a Python, which it finds itself: the newest TFX that this machine can run, or
# that of `make TFX=1.16 ...`. See `make help`.

.DEFAULT_GOAL := help
SHELL := bash
# The tests that tell of a whole run, by their names.
tell := saved_optimizer_has_the_rate or pushed_model_answers_and_was or trainers_pod_trains
python := .ci/venv.sh python
# An environment has the name of its lock.
lock = requirements/$(notdir $(shell .ci/venv.sh))

# `make PYTHON=/path/to/python3.10 ...` names the Python to use.
export TFX PYTHON
# Without its compiled bytecode TFX takes twice as long to import, in every process that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo test test-long test-all test-newest tested faults sbom audit docs dist lint format bench bench-quality lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  %-14s %s\n' "$$name" "$$what"; done

venv: ## Install the locked dependencies and this project into a folder of .venvs
	@.ci/setup.sh

demo: venv ## Run the taxi pipeline: find a learning rate and train with it
	@$(python) pipelines/run_local.py --pipeline taxi

test: venv ## Run the tests, all but the long ones
	@$(python) -m pytest

test-long: venv ## Run the long tests: whole pipelines, compiled pipelines run as processes
	@$(python) -m pytest -m long

test-all: venv ## Run every test
	@$(python) -m pytest -m ""

test-newest: ## Run every test with TFX 1.21, also where the system's glibc is too old for it
	@python=$$(.ci/newer-glibc.sh) && $(MAKE) --no-print-directory TFX=1.21 PYTHON="$$python" test-all

tested: venv ## Run what the README's table of tested combinations is made from, and write the table
	@$(python) -m pytest -m "" --tested -k "$(tell)" && $(python) -m tests.tested

faults: venv ## Kill, fuzz and starve the component; prints what it survived
	@FAULTS=full $(python) -m pytest -m "" tests/faults

sbom: venv ## List what the image holds in build/sbom.json (CycloneDX)
	@mkdir -p build && .ci/sbom.sh $(lock) >build/sbom.json.part && mv build/sbom.json.part build/sbom.json

audit: venv ## Ask PyPI for known vulnerabilities of the locked dependencies
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

format: venv ## Mend style and format where that can be done by machine
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

bench: venv ## Measure the speed of a sweep against other finders
	@$(python) -m benchmarks.speed

bench-quality: venv ## Measure how good the suggestions are against other finders
	@$(python) -m benchmarks.quality

lock: venv ## Refresh the lock files after a change of pyproject.toml (UPGRADE=1: newest versions)
	@.ci/lock.sh

clean: ## Delete .venvs and everything else that can be made again
	rm -rf .venvs build dist runs .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find component pipelines tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
	find component -name '*.egg-info' -prune -exec rm -rf {} +
