# Needs git, make, bash, a C++ compiler and a Python 3.10, which it finds itself. See `make help`.

.DEFAULT_GOAL := help
SHELL := bash
# Beam starts its workers by the name `python`.
python := PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python
lock := requirements/tfx-1.16-py3.10

# `make PYTHON=/path/to/python3.10 ...` names the Python to use.
export PYTHON
# Without its compiled bytecode TFX takes twice as long to import, in every process that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo test test-long test-all faults sbom audit lint format bench bench-quality lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  %-14s %s\n' "$$name" "$$what"; done

venv: ## Install the locked dependencies and this project into .venv
	@.ci/setup.sh

demo: venv ## Run the taxi pipeline: find a learning rate and train with it
	@$(python) pipelines/run_local.py --pipeline taxi

test: venv ## Run the tests, all but the long ones
	@$(python) -m pytest

test-long: venv ## Run the long tests: whole pipelines, compiled pipelines run as processes
	@$(python) -m pytest -m long

test-all: venv ## Run every test
	@$(python) -m pytest -m ""

faults: venv ## Kill, fuzz and starve the component; prints what it survived
	@FAULTS=full $(python) -m pytest -m "" tests/faults

sbom: venv ## List what the image holds in build/sbom.json (CycloneDX)
	@mkdir -p build && .ci/sbom.sh $(lock) >build/sbom.json.part && mv build/sbom.json.part build/sbom.json

audit: venv ## Ask PyPI for known vulnerabilities of the locked dependencies
	@.ci/audit.sh $(lock).txt

lint: venv ## Check style, format, types and the Dockerfile
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy
	@.venv/bin/hadolint Dockerfile

format: venv ## Mend style and format where that can be done by machine
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

bench: venv ## Measure the speed of a sweep against other finders
	@$(python) -m benchmarks.speed

bench-quality: venv ## Measure how good the suggestions are against other finders
	@$(python) -m benchmarks.quality

# Pins stay where they still fit; UPGRADE=1 takes the newest of everything. Wheels that only this machine has are not asked.
compile := env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL UV_NO_CONFIG=1 .ci/uv.sh pip compile --quiet \
	--generate-hashes --python-version 3.10 --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: venv ## Refresh the lock files after a change of pyproject.toml (UPGRADE=1: newest versions)
	@$(compile) $(if $(UPGRADE),--upgrade) --extra kfp --extra dev pyproject.toml --output-file $(lock)-dev.txt >/dev/null
	@$(compile) $(if $(UPGRADE),--upgrade) --extra kfp --constraints $(lock)-dev.txt pyproject.toml --output-file $(lock).txt >/dev/null
	@$(compile) $(if $(UPGRADE),--upgrade) --extra kfp --extra cuda --constraints $(lock).txt pyproject.toml --output-file $(lock)-cuda.txt >/dev/null
	@sed -n 's/^tensorflow==\([^ ]*\).*/tensorflow-cpu==\1/p' $(lock).txt | $(compile) --no-deps - --output-file $(lock)-cpu.txt >/dev/null

clean: ## Delete .venv and everything else that can be made again
	rm -rf .venv .venv.lock build dist runs .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find component pipelines tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
	find component -name '*.egg-info' -prune -exec rm -rf {} +
