# `make demo` and `make test` work on a fresh Linux machine; `make help` lists the rest.

CARGO ?= cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
# First what scripts/deps.sh installed instead of what is too old; last the cargo that rustup installs, which is not on the PATH
# of a shell opened before.
export PATH := $(abspath $(TARGET))/tools/bin:$(PATH):$(HOME)/.cargo/bin
ATTESTLM := $(TARGET)/release/attestlm

# A second build of the C++ engine costs seconds with ccache, minutes without. The launcher wraps the
# compiler; which flags it is given stays the business of .cargo/config.toml and core/engine/engine.cmake.
ifneq ($(shell command -v ccache 2>/dev/null),)
export CMAKE_C_COMPILER_LAUNCHER ?= ccache
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
# Objects of two build directories are the same bytes (-ffile-prefix-map in engine.cmake).
export CCACHE_BASEDIR ?= $(abspath $(TARGET))
export CCACHE_NOHASHDIR ?= 1
endif

.DEFAULT_GOAL := help
.PHONY: help setup deps demo exactness foreign attacks soak bench neighbour compilers build libraries install go-libs wheel package quickstarts bindings \
	test test-rust test-pure test-vectors test-c test-go test-node test-python test-packages contracts test-contracts \
	geth chain gas test-chain viewer screenshots test-viewer \
	test-profiles test-exactness test-attacks test-soak test-bench fuzz lint fmt clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## Check the build tools: install what is missing, or say exactly what to install
	@scripts/setup.sh

deps: setup ## Make sure of Go, Node and Python for the bindings; what is missing is installed
	@scripts/deps.sh $(TARGET)

build: setup ## Build the command `attestlm` (release)
	@$(CARGO) build --release --locked --package attestlm-cli

demo: setup ## Answer a question, sign and replay the answer, and catch an edited token
	@$(CARGO) build --release --locked --package attestlm-cli --bin attestlm --example forge
	@scripts/demo.sh $(TARGET)/release

test: ## Run every test
	@scripts/setup.sh tests
	@scripts/deps.sh $(TARGET)
	@scripts/parts.sh test-rust:1200 test-pure:300 test-vectors:300 test-c:900 test-go:300 test-node:270 test-python:270 \
		test-packages:270 test-contracts:600 test-chain:720 test-viewer:180 test-profiles:300 test-exactness:420 test-attacks:180 \
		test-soak:120 test-bench:120

# Release: the engine's tests read thousands of tokens.
test-rust:
	$(CARGO) test --release --locked --workspace

# Verification without llama.cpp: no C++ in the build.
test-pure:
	$(CARGO) test --release --locked --package attestlm --no-default-features

# The C interface: header, symbols, programs, the same receipt as the command's.
test-c: build
	@scripts/test-c.sh $(abspath $(TARGET))

# Both libraries, plain and with faults on purpose, for the bindings: built once, and looked at by each part.
libraries: setup
	@scripts/build-libraries.sh $(TARGET) testing

test-go test-node test-python: export ATTESTLM_PYTHON_WORK = $(abspath $(TARGET))/python
test-go test-node test-python: test-%: deps libraries
	@bindings/$*/test.sh $(TARGET)/lib $(TARGET)/lib-testing

bindings: test-go test-node test-python ## Test the bindings alone (bindings/*/README.md)

# What a user installs, where the source is not.
test-packages: quickstarts

PREFIX ?= /usr/local
install: setup ## Install header, libraries and pkg-config file under PREFIX (/usr/local)
	@scripts/build-libraries.sh $(TARGET)
	@scripts/install.sh "$(TARGET)/lib" "$(DESTDIR)$(PREFIX)" "$(PREFIX)"

go-libs: setup ## Lay the static library into bindings/go, for -tags attestlm_static
	@scripts/build-libraries.sh $(TARGET)
	@bindings/go/libs.sh $(TARGET)/lib

wheel: deps ## Pack the Python wheel into target/package
	@scripts/build-libraries.sh $(TARGET)
	@scripts/package.sh $(TARGET) wheel

package: deps ## Pack the wheel, the npm packages and the Go module into target/package, and compare their sizes
	@scripts/build-libraries.sh $(TARGET)
	@scripts/package.sh $(TARGET)

quickstarts: package ## Install every package afresh and run the quickstart of each language: one receipt
	@scripts/quickstarts.sh $(TARGET)

# The contracts in an EVM, beside the library. A workspace of its own, so a target of its own.
test-contracts: contracts
	CARGO_TARGET_DIR=$(abspath $(TARGET))/evm $(CARGO) test --locked --manifest-path contracts/evm/Cargo.toml

contracts: deps ## Compile the contracts into contracts/out
	@cd contracts && npm ci --prefer-offline --no-audit --no-fund && node compile.mjs

# go-ethereum, pinned in contracts/geth. What is up to date is not built again.
geth: deps
	@go build -C contracts/geth -o $(abspath $(TARGET))/tools/geth github.com/ethereum/go-ethereum/cmd/geth

PORT ?= 8545
chain: contracts geth ## Run a chain on loopback, PORT (8545), with the contracts deployed, until Ctrl-C (contracts/README.md)
	@exec node contracts/chain.mjs $(TARGET)/tools/geth $(PORT)

gas: contracts geth ## Measure what the contracts cost; writes docs/gas.md
	@node contracts/gas.mjs $(TARGET)/tools/geth

# Receipts of the command on a real chain, by programs in Go, Python and Node, and in the viewer.
test-chain: build package contracts geth viewer
	@scripts/setup.sh tests
	@scripts/test-chain.sh $(TARGET)

viewer: deps ## Build the viewer of receipts: one page, target/viewer/index.html (docs/viewer.md)
	@cd viewer && npm ci --prefer-offline --no-audit --no-fund && node build.mjs $(abspath $(TARGET))/viewer/index.html

# Its checks against the vectors, and the page in Chromium.
test-viewer: viewer
	@scripts/setup.sh tests
	@viewer/test.sh $(TARGET)/viewer/index.html

screenshots: viewer ## Take the pictures of the viewer anew, into docs/viewer
	@scripts/setup.sh tests
	@VIEWER_PAGE=$(abspath $(TARGET))/viewer/index.html node viewer/screenshots.mjs docs/viewer

# The vectors are what independent reference programs compute; check.py shares no code with those.
test-vectors:
	$(CARGO) run --release --locked --quiet --package xtask -- vectors --check
	python3 vectors/tools/check.py
	@set -e; for program in vectors/tools/*_reference.py; do \
		echo "$$program --check"; python3 "$$program" --check; done

# Debug and release builds of the Rust code write byte-identical receipts.
test-profiles: build
	$(CARGO) build --locked --package attestlm-cli
	@scripts/same-receipt.sh $(ATTESTLM) $(TARGET)/debug/attestlm

# Long runs in short: memory, descriptors, threads, cancels, kills.
test-soak: build
	$(CARGO) build --release --locked --package attestlm-proof --bin soak
	@$(TARGET)/release/soak --short

soak: setup build ## Long runs: 1,000 cycles, 500 cancels, 240 kills (docs/threads.md)
	$(CARGO) build --release --locked --package attestlm-proof --bin soak
	@$(TARGET)/release/soak

neighbour: setup ## Measure two threads beside a busy neighbour
	$(CARGO) bench --locked --package attestlm-benches --bench neighbour

# The attack matrix with fewer runs of everything.
test-attacks:
	$(CARGO) run --release --locked --package attestlm-proof --bin attacks -- --short

lint: setup ## Formatting, clippy and documentation, every warning an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --release --locked --package attestlm --no-default-features --all-targets -- -D warnings
	$(CARGO) clippy --release --locked --package attestlm-ffi --no-default-features --features testing -- -D warnings
	$(CARGO) fmt --manifest-path contracts/evm/Cargo.toml --check
	CARGO_TARGET_DIR=$(abspath $(TARGET))/evm $(CARGO) clippy --locked --manifest-path contracts/evm/Cargo.toml --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --release --locked --workspace --no-deps

# Short forms of the trials.
test-exactness: setup
	$(CARGO) run --release --locked --package attestlm-proof --bin exactness -- --short
	$(CARGO) run --release --locked --package attestlm-proof --bin exactness -- --exact-2 --short

exactness: setup compilers ## Prove the exact profiles: every circumstance, family and weight type; gcc against clang
	$(CARGO) run --release --locked --package attestlm-proof --bin exactness
	$(CARGO) run --release --locked --package attestlm-proof --bin exactness -- --exact-2

compilers: setup ## Builds by gcc and by clang compute the same bits
	@scripts/compilers.sh $(TARGET)

bench: setup ## Measure speed, cost and memory beside peers; writes docs/benchmarks.md (29 minutes)
	@$(CARGO) build --release --locked --package attestlm-benches --bin bench
	@$(TARGET)/release/bench

foreign: setup ## Run the kernels of exact-2 on an emulated ARM processor: the same bits
	@scripts/test-foreign.sh $(abspath $(TARGET))

# The benches on tiny models: that they work, not what they measure.
test-bench:
	@$(CARGO) build --release --locked --package attestlm-benches --bin bench
	@$(TARGET)/release/bench --short > /dev/null

SECONDS_EACH ?= 60
fuzz: setup ## Fuzz every target, SECONDS_EACH seconds (60) each (docs/security.md)
	@scripts/fuzz.sh $(abspath $(TARGET)) $(SECONDS_EACH)

attacks: setup ## Forge thousands of receipts and verify them (docs/attacks.md)
	$(CARGO) run --release --locked --package attestlm-proof --bin attacks

fmt: ## Format the code
	$(CARGO) fmt --all

clean: ## Remove what was built
	$(CARGO) clean
