# The Rust toolchain for the board. Included by the
# module; a Rust application that does without it includes this file after
# RIOT's Makefile.include. In this order:
#
# 1. what CARGO_OPTIONS (with build-std), RUSTC or RUSTUP_TOOLCHAIN say;
# 2. cargo in PATH, if its toolchain has `core` for the board's CPU;
# 3. Debian's packages, which bring the source of `core`.

ifndef RBPF_RUST_TOOLCHAIN
  RBPF_RUST_DEBIAN = /usr/bin/cargo /usr/bin/rustc /usr/lib/rustlib/src/rust/library/core/Cargo.toml

  ifneq (,$(findstring build-std,$(CARGO_OPTIONS))$(RUSTC)$(RUSTUP_TOOLCHAIN))
    RBPF_RUST_TOOLCHAIN := given
  else ifneq (,$(wildcard $(shell rustc --print sysroot 2>/dev/null)/lib/rustlib/$(RUST_TARGET)/lib))
    RBPF_RUST_TOOLCHAIN := installed
  else ifeq (3,$(words $(wildcard $(RBPF_RUST_DEBIAN))))
    RBPF_RUST_TOOLCHAIN := debian
  else
    RBPF_RUST_TOOLCHAIN := missing
  endif

  ifeq (debian,$(RBPF_RUST_TOOLCHAIN))
    CARGO_OPTIONS += -Zbuild-std=core
    # rustup's cargo takes a path for a toolchain, Debian's does not ask.
    $(CARGO_LIB) cargo-command: export RUSTUP_TOOLCHAIN := /usr
    $(CARGO_LIB) cargo-command: export RUSTC_BOOTSTRAP := 1
  endif

  ifeq (missing,$(RBPF_RUST_TOOLCHAIN))
    cargo-preflight: rbpf-rust-missing
  endif

.PHONY: rbpf-rust-missing
rbpf-rust-missing:
	@echo 'error: no Rust for $(RUST_TARGET). Either of these helps:' >&2
	@echo '    rustup target add $(RUST_TARGET)' >&2
	@echo '    apt install rustc-web cargo-web rust-web-src    (Debian)' >&2
	@exit 1
endif
