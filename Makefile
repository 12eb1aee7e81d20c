# Every target prepares what it needs. A second run needs no network: the environment is stamped by the hash of its inputs.
PYTHON ?= python3
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
HASH := $(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
STAMP := .venv/.stamp-$(HASH)
BIN := .venv/bin

.PHONY: install demo native test test-mpi test-slow test-browser test-native test-torch bench bench-scale bench-triton lint faults fuzz digests
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
	$(BIN)/pytest -m "" --hypothesis-profile random tests/property

# Opens the HTML report in a real browser; Debian's chromium is installed where we may.
test-browser: $(STAMP)
	@command -v chromium >/dev/null || if [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; \
	else echo "make test-browser needs chromium: sudo apt-get install chromium" >&2; exit 1; fi
	$(BIN)/pytest tests/browser/report_page.py

# kernbench with its engine compiled, in an environment of its own: it needs a C compiler. It is built from an archive, so
# that nothing compiled is ever beside the source and taken for it.
NATIVE_BIN := .venv-native/bin
NATIVE_STAMP := .venv-native/.stamp
native: $(NATIVE_STAMP)

$(NATIVE_STAMP): $(STAMP) $(shell find kernbench actors tui benches topology.yaml -type f -not -name '*.pyc')
	test -x $(NATIVE_BIN)/python || $(PYTHON) -m venv .venv-native
	rm -rf .venv-native/archive
	$(BIN)/hatchling build -t sdist -d .venv-native/archive
	cd .venv-native/archive && \
		HATCH_BUILD_HOOK_ENABLE_MYPYC=1 ../bin/python -m pip wheel --quiet --no-deps *.tar.gz && \
		../bin/python -m pip install --quiet --force-reinstall --no-deps *.whl && \
		../bin/python -m pip install --quiet "kernbench[dev]"
	touch $@

# The compiled engine against all times and digests that the tests hold, and against the interpreted one.
test-native: $(NATIVE_STAMP)
	$(NATIVE_BIN)/pytest tests/native/compiled_engine.py tests/golden tests/property tests/contract

# Tensors of torch as arguments of kernels, in an environment of its own. TORCH names a release: its newest one may bring
# gigabytes for GPUs that are not needed here.
TORCH := 2.13.0
TORCH_BIN := .venv-torch/bin
TORCH_STAMP := .venv-torch/.stamp-$(HASH)-$(TORCH)
test-torch: $(TORCH_STAMP)
	$(TORCH_BIN)/pytest tests/torch/torch_*.py

$(TORCH_STAMP):
	test -x $(TORCH_BIN)/python || $(PYTHON) -m venv .venv-torch
	$(TORCH_BIN)/python -m pip install --quiet torch==$(TORCH)
	$(TORCH_BIN)/python -m pip install --quiet --editable ".[dev,torch]"
	rm -f .venv-torch/.stamp-* && touch $@

bench: $(STAMP)
	$(BIN)/python benchmarks

# 1 to 64 SIPs in one process, 64 in two: build time, CPU time for each byte moved, memory.
bench-scale: $(STAMP)
	$(BIN)/python benchmarks/scale.py

# Kernels here against Triton's own interpreter, which needs torch and triton: they get an environment of their own.
# `make bench-triton KERNBENCH=.venv-native/bin/python` has the compiled engine compared.
bench-triton: ROUNDS := 7
bench-triton: KERNBENCH := $(BIN)/python
bench-triton: $(STAMP)
	test -x .venv-triton/bin/python || $(PYTHON) -m venv .venv-triton
	.venv-triton/bin/python -c "import torch, triton" 2>/dev/null || \
		PIP_CONSTRAINT= .venv-triton/bin/python -m pip install --quiet "torch==$(TORCH)" "triton==3.9.0" "numpy>=2,<3"
	$(KERNBENCH) benchmarks/triton_speed.py .venv-triton/bin/python $(ROUNDS)

test-mpi: export OMPI_ALLOW_RUN_AS_ROOT := 1
test-mpi: export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
test-mpi: $(STAMP)
	$(BIN)/mpiexec --oversubscribe -n 2 $(BIN)/python -m mpi4py tests/contract/mpi_rank.py
	$(BIN)/pytest -m "" tests/integration/test_mpi.py

# Real runs, each with a fault at a random instant: `make faults N=1000`, and `make faults SEED=1234 N=1` repeats one.
faults: N := 200
faults: SEED := 0
faults: $(STAMP)
	$(BIN)/python campaigns/faults $(N) $(SEED)

# The fuzz tests led by coverage, so many minutes each.
fuzz: MINUTES := 10
fuzz: $(STAMP)
	$(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/python -m pip install --quiet "atheris>=3,<4"
	$(BIN)/python campaigns/fuzz $(MINUTES)

digests: $(STAMP)
	$(BIN)/pytest -m "" tests/determinism/test_digest_campaign.py
