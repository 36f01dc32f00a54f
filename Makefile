# gpt-mlir: entry points for people. The work is in tools/setup and CMake.

PRESET ?= dev
PROMPT ?= ROMEO:
JOBS ?= $(shell nproc)
export PRESET

PYTHON := .venv/bin/python
BENCH ?=
FUZZ ?=
BENCH_PYTHON := build/bench/venv/bin/python
CXX_FILES = $(shell git ls-files '*.cpp' '*.h')

.DEFAULT_GOAL := help
.PHONY: help demo upstream-tests bench bench-peers test test-slow test-levels check-gpt pytest faults soak fuzz fuzz-files fuzz-modules fuzz-bytecode asan tsan lint format docs clean setup setup-test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Set up everything and let the bundled model write
	@.venv/bin/gpt-mlir generate --echo "$(PROMPT)"

test: setup-test check-gpt pytest ## Set up everything and run all tests

test-slow: setup-test ## Run the tests of large models and of time
	@$(PYTHON) -m pytest -m "slow and not levels"

test-levels: setup-test ## Run all numeric tests at every level, on every instruction set
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadgroup -m levels

faults: setup-test ## Seed every known fault into the compiler and find its pass
	@$(PYTHON) -m pytest -n $(JOBS) -m "slow or not slow" test/python/verify

soak: setup-test ## Compile, run and drop 2,000 programs in one process
	@$(PYTHON) test/python/runtime/soak.py

fuzz: setup-test ## Compile 10,000 random programs and compare (FUZZ="--help")
	@$(PYTHON) test/python/fuzz/run.py --jobs $(JOBS) $(FUZZ)

upstream-tests: setup-test ## Run upstream's own tests with gpt-opt in mlir-opt's place
	@ninja -C build/$(PRESET) check-upstream

fuzz-files: setup-test ## Read a million damaged checkpoint files of each kind (FUZZ="--help")
	@$(PYTHON) test/python/fuzz/run_files.py $(FUZZ)

fuzz-modules: setup-test ## Parse a million damaged modules of text and run passes (FUZZ="-help=1")
	@ninja -C build/$(PRESET) gpt-module-fuzzer
	@$(PYTHON) test/python/fuzz/make_corpus.py build/fuzz/corpus
	@cd build/fuzz && ../$(PRESET)/bin/gpt-module-fuzzer -runs=1000000 -keep_seed=1 \
	  -max_len=8000 -timeout=60 -detect_leaks=0 $(FUZZ) corpus/text

fuzz-bytecode: setup-test ## Read a million damaged files of bytecode (FUZZ="-help")
	@ninja -C build/$(PRESET) gpt-bytecode-fuzzer
	@$(PYTHON) test/python/fuzz/make_corpus.py build/fuzz/corpus
	@build/$(PRESET)/bin/gpt-bytecode-fuzzer -keep=build/fuzz/failures $(FUZZ) build/fuzz/corpus/bytecode

asan: setup-test ## Run the lit tests with address and undefined-behaviour sanitizers
	@cmake --preset asan >/dev/null
	@ninja -C build/asan check-gpt

tsan: setup-test ## Run the runtime's threads under load with the thread sanitizer
	@cmake --preset tsan >/dev/null
	@ninja -C build/tsan gpt-team-stress
	@TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" build/tsan/bin/gpt-team-stress

bench: setup-test bench-peers ## Measure beside the peers, write docs/Performance.md (BENCH="--help")
	@$(BENCH_PYTHON) -m benchmarks $(BENCH)

lint: setup-test ## Check format and types
	clang-format-22 --dry-run -Werror $(CXX_FILES)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: setup-test ## Format all sources
	clang-format-22 -i $(CXX_FILES)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: setup ## Write the op and pass reference to docs/reference
	@ninja -C build/$(PRESET) gpt-docs

clean: ## Remove the build trees; the environment and fetched sources stay
	rm -rf build/dev build/release build/asan build/tsan build/pip build/setup.log docs/reference

# The peers see the packages of .venv; theirs do not get into it.
bench-peers: build/bench/venv/.ready

build/bench/venv/.ready: benchmarks/requirements.txt | setup-test
	@$(PYTHON) -m venv --without-pip build/bench/venv
	@cd build/bench/venv/lib/python3* && echo "import site; \
	  site.addsitedir('$$(echo $(CURDIR)/.venv/lib/python3*/site-packages)')" > site-packages/parent.pth
	@grep -v '^#' benchmarks/requirements.txt | while read -r package; do \
	  $(BENCH_PYTHON) -m pip install --quiet "$$package" || echo "without $$package"; done
	@touch $@

setup:
	@tools/setup run

setup-test:
	@tools/setup test

check-gpt: setup-test
	@ninja -C build/$(PRESET) check-gpt

pytest: check-gpt
	@$(PYTHON) -m pytest -n $(JOBS) --dist loadgroup
