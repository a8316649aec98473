# What one types. `make` alone lists it; the first of the others makes .venv from the lock files, with nothing but python3.

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
COMPILE = $(or $(UV),$(BIN)/uv) pip compile pyproject.toml --quiet --universal --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --upgrade --python $(BIN)/python

# The wheel of pyright holds all it needs; without this it asks the network whether there is a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# Images often set it: then each of hundreds of processes compiles anew all that it loads, since pip compiles nothing.
unexport PYTHONDONTWRITEBYTECODE

# One more than there are cores, since a test waits for much of its time; four at most, for the memory they take.
SIDE_BY_SIDE := $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 3 ? cores + 1 : 4)))

# What measures time or keeps all cores busy is tested by itself, after the rest has run side by side.
ALONE := tests/faults/test_sign_ins.py tests/faults/test_connections.py tests/faults/test_maintenance.py tests/benchmarks

# What is installed into two places is installed into both at once.
MAKEFLAGS += --jobs=2

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo run test check rules bench soak lock clean

help: ## list what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "make %-7s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.ok ## the whole main job once, on real parts, with what it did
	@$(BIN)/streamly demo

run: .venv/.ok ## the service with a seeded catalogue and a movable clock; Ctrl-C ends it
	@SANDBOX_CLOCK=1 $(BIN)/streamly serve --seed

test: rules .venv-peers/.ok ## everything that must hold: style, types, imports, then the tests
	$(BIN)/pytest -n $(SIDE_BY_SIDE) --no-loadscope-reorder $(ALONE:%=--ignore=%)
	$(BIN)/pytest $(ALONE)

check: rules ## style, types, the rules on imports, and known weaknesses of what is locked: by a list, then looked up, so another day may find more
	$(BIN)/python -m tests.architecture.weaknesses

rules: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy & $(BIN)/pyright; pyright=$$?; wait $$! && exit $$pyright

bench: .venv/.dev .venv-peers/.ok ## the figures of the ledger, of the webhooks and of playback beside their bars, half an hour (a look: ARGS=--quick)
	@$(BIN)/python -m benchmarks $(ARGS)

soak: .venv/.dev ## the Stripe cases in all orders, 20 storms, 2,000 lives, 15,000 held connections, floods of sign-ins, 50 rounds of each race, 1,000,000 mutated requests, then kill -9 of everything, 200 times; ROUNDS=1000, SEED= to repeat
	@STREAMLY_ALL_ORDERS=1 $(BIN)/pytest --quiet tests/stripe_cases
	@STREAMLY_ALL_ORDERS=1 $(BIN)/pytest --quiet --override-ini faulthandler_timeout=1800 tests/storm
	@STREAMLY_LIVES=2000 $(BIN)/pytest --quiet tests/lives
	@STREAMLY_ABUSE_ROUNDS=50 $(BIN)/pytest --quiet tests/abuse
	@$(BIN)/python -m tests.faults.connections
	@$(BIN)/python -m tests.faults.sign_ins
	@$(BIN)/python -m tests.faults.mutations $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m tests.faults.soak $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(START),--start $(START))

lock: .venv/bin/python ## choose the newest versions that pyproject.toml allows, anew
	@test -n "$(UV)" || $(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group dev --output-file requirements.lock
	$(COMPILE) --group build --constraints requirements.lock --output-file requirements-runtime.lock
	$(COMPILE) --all-extras --group build --constraints requirements.lock --output-file requirements-extras.lock
	$(subst pyproject.toml,,$(COMPILE)) --group peers --constraints requirements.lock --output-file requirements-peers.lock

clean: ## remove .venv and what the tools keep; data in var/ stays
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Streamly itself and what it runs on.
.venv/.ok: requirements-runtime.lock pyproject.toml | .venv/bin/python
	@echo "Installing Streamly into .venv (once; well under a minute)"
	@$(call install,--require-hashes --requirement requirements-runtime.lock)
	@$(call install,--no-build-isolation --editable .)
	@touch $@

# And the tools of the checks and the tests.
.venv/.dev: .venv/.ok requirements.lock
	@echo "Installing the tools of the tests into .venv (once)"
	@$(call install,--require-hashes --requirement requirements.lock)
	@touch $@

# What ours is held against, in tests and benchmarks; apart, because it brings what would change ours.
.venv-peers/.ok: requirements-peers.lock | .venv/bin/python
	@echo "Installing what ours is held against into .venv-peers (once)"
	@$(if $(UV),$(UV) venv --quiet --allow-existing --python $(BIN)/python .venv-peers,$(BIN)/python -m venv .venv-peers)
	@$(subst $(BIN),.venv-peers/bin,$(call install,--require-hashes --requirement requirements-peers.lock))
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is missing: $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || echo not there) (another: make PYTHON=python3.12)" >&2; exit 1; }
	@test -n "$(UV)" || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "python3-venv is missing: install it (Debian, Ubuntu: apt install python3-venv), or uv" >&2; exit 1; }
	@$(if $(UV),$(UV) venv --quiet --seed --allow-existing --python $(PYTHON) .venv,$(PYTHON) -m venv .venv)

# pip compiles nothing ahead: Python does it where it is used, and that halves the time that this takes.
install = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet \
	--disable-pip-version-check --no-compile) --no-deps $(1)
