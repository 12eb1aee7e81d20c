# Every target prepares what it needs. A second run needs no network: the environment is stamped by the hash of its inputs.
PYTHON ?= python3
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
HASH := $(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
STAMP := .venv/.stamp-$(HASH)
BIN := .venv/bin

.PHONY: install demo test test-slow bench lint
install: $(STAMP)

$(STAMP):
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	rm -f .venv/.stamp-* && touch $@

demo: $(STAMP)
	$(BIN)/kernbench run --sips 4 --workers 4

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

bench: $(STAMP)
	$(BIN)/python benchmarks
