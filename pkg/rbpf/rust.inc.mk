# The Rust toolchain for the board, and options for small code. Included by the
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

    # A panic is an undefined instruction, which ends in RIOT's HardFault
    # handler: no message and no code for one.
    RUSTFLAGS += -Zunstable-options -Cpanic=immediate-abort

    # Rust keeps a frame pointer in every function for bare metal, which costs
    # a register and an instruction or two, and nothing here follows it. Only
    # the target's description can say otherwise.
    ifneq (,$(findstring -none-,$(RUST_TARGET)))
      RBPF_RUST_TARGET = $(BINDIR)/rust-target/$(RUST_TARGET).json
      CARGO_OPTIONS += -Zjson-target-spec --target $(RBPF_RUST_TARGET)
      $(CARGO_LIB) cargo-command: $(RBPF_RUST_TARGET)

$(RBPF_RUST_TARGET): /usr/bin/rustc | $(CLEAN)
	$(Q)mkdir -p $(@D)
	$(Q)RUSTC_BOOTSTRAP=1 /usr/bin/rustc -Zunstable-options --print target-spec-json \
	  --target $(RUST_TARGET) | sed 's/"frame-pointer": "[a-z-]*"/"frame-pointer": "may-omit"/' > $@
    endif
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
