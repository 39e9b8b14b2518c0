# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What people type. `make` alone lists it. CI calls nothing else.

SHELL := /bin/bash
tools := dist/tools

# Debian packages by what needs them: containers in C, CoAP clients, the
# compiler for microcontrollers, the comparison with other machines.
packages_build := clang-19
packages_demo  := $(packages_build) libcoap3-bin
packages_cross := rustc-web cargo-web rust-web-src lld-19 llvm-19
packages_test  := $(packages_demo) $(packages_cross) python3-venv
packages_riot  := $(packages_demo) $(packages_cross) python3-venv \
	clang-14 libclang-14-dev llvm-14-dev cmake gcc-arm-none-eabi libnewlib-arm-none-eabi \
	iproute2 unzip qemu-system-arm
packages_bench := $(packages_build) lld-19 clang-14 libclang-14-dev

.PHONY: help
help: ## list what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: ## from C source to an answered CoAP request, on this workstation, or on RIOT: BOARD=native64
ifeq (native64,$(BOARD))
	@$(tools)/packages.sh $(packages_riot)
	cargo build --release --package rbpf-cli
	@dist/demo-riot.sh target/release/rbpf
else ifeq (,$(BOARD))
	@$(tools)/packages.sh $(packages_demo)
	cargo build --release --package rbpf-cli
	@dist/demo.sh target/release/rbpf
else
	@echo "error: make demo knows BOARD=native64, and no board is the workstation" >&2; exit 2
endif

.PHONY: test
test: ## everything that can fail: library, command, devices, clients
	@$(tools)/packages.sh $(packages_test)
	@$(tools)/test.sh

.PHONY: lint
lint: ## formatting, clippy, documentation; no warning is allowed
	cargo fmt --all --check
	cargo fmt --check --manifest-path rust/rbpf-riot/Cargo.toml
	cargo fmt --check --manifest-path rust/rbpf-riot-standalone/Cargo.toml
	cargo fmt --check --manifest-path tests/rbpf_vm/Cargo.toml
	cargo fmt --check --manifest-path examples/rbpf_rust/Cargo.toml
	cargo fmt --check --manifest-path dist/tools/nrfsim/Cargo.toml
	cargo clippy --workspace --all-targets --all-features -- --deny warnings
	cargo clippy --manifest-path dist/tools/nrfsim/Cargo.toml --target-dir target/nrfsim --all-targets \
		-- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet

.PHONY: generate
generate: ## write the generated files anew
	UPDATE=1 cargo test --quiet --package rbpf-isa --test reference_page
	UPDATE=1 cargo test --quiet --package rbpf-sdk --test generated --test riot_header

.PHONY: prepush
prepush: lint ## what is fast to check before a push
	cargo test --workspace --quiet

.PHONY: test-riot
test-riot: ## the RIOT module on three boards, in emulation; skipped without RIOT (RIOTBASE, ~/RIOT)
	@if [ -f "$${RIOTBASE:-$$HOME/RIOT}/Makefile.include" ]; then \
		$(tools)/packages.sh $(packages_riot); fi
	@$(tools)/test-riot.sh

.PHONY: cross
cross: ## the device's crates for Cortex-M4, Cortex-M0 and RISC-V
	@$(tools)/packages.sh $(packages_cross)
	@$(tools)/cross.sh

.PHONY: size
size: ## flash and RAM of the virtual machine on a Cortex-M4; with BOARD=nrf52840dk, of the RIOT module
ifeq (,$(BOARD))
	@$(tools)/packages.sh $(packages_cross) python3-venv
	@$(tools)/size.sh
else
	@$(tools)/riot-tools.sh
	@$(tools)/packages.sh $(packages_riot)
	@$(tools)/size-riot.sh $(BOARD)
endif

.PHONY: bench-m4
bench-m4: ## cycles on a Cortex-M4, by a model
	@$(tools)/packages.sh $(packages_build) $(packages_cross) python3-venv
	@$(tools)/bench-m4.sh

.PHONY: bench
bench: ## this workstation: Fletcher32 beside other virtual machines
	@$(tools)/packages.sh $(packages_bench)
	@dist/bench/bench.sh

.PHONY: mutants
mutants: ## small faults that no test notices; MUTANTS="--file rust/rbpf-abi/src/image.rs" says where
	@$(tools)/mutants.sh $(MUTANTS)

.PHONY: fresh
fresh: ## make demo and make test on a clean clone in a minimal Debian; for root
	@$(tools)/fresh.sh

.PHONY: fuzz
fuzz: ## coverage-guided fuzzing of image, verifier and interpreter, FUZZ_SECONDS=20 each
	@fuzz/run.sh $(or $(FUZZ_SECONDS),20)

.PHONY: clean
clean: ## remove what was built
	rm -rf target
