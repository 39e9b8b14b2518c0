# SPDX-License-Identifier: MIT OR Apache-2.0
# Emulators in the place of boards, by RIOT's own hooks (EMULATE,
# RIOT_EMULATOR; doc/guides/misc/emulators.md there):
#
#   make BOARD=nrf52840dk emulate               builds, and runs interactively
#   make BOARD=nrf52840dk EMULATE=1 all test    RIOT's test runner
#
# native* run by themselves, nrf52840dk in dist/tools/nrfsim, microbit in QEMU.
# NRFSIM_FLAGS and QEMU_FLAGS add options. With NETWORK=slip, where an application
# knows it, the nrf52840dk's second serial line is a network, and the node answers
# at coap://[::1] (SLIP_FLAGS='--port PORT': at that port).

ifneq (,$(filter emulate,$(MAKECMDGOALS)))
  EMULATE := 1
endif

ifeq (1,$(EMULATE))
  ifneq (,$(filter native native32 native64,$(BOARD)))
    # It needs no emulator: the same as `make term`
    RIOT_EMULATOR := none
    EMULATOR = $(TERMPROG)
    EMULATOR_FLAGS = $(TERMFLAGS)
  endif

  ifeq (nrf52840dk,$(BOARD))
    RIOT_EMULATOR := nrfsim
    RBPF_NRFSIM := $(RBPF_ROOT)/target/nrfsim/release/nrfsim
    EMULATORDEPS += rbpf-nrfsim
    # The end of the input ends the run, once the guest has nothing more to say
    RBPF_NRFSIM_FLAGS = $(ELFFILE) --exit-idle --stack-report $(NRFSIM_FLAGS)
    ifeq (slip,$(NETWORK))
      # Its second serial line is a network
      EMULATOR = $(RBPF_ROOT)/dist/tools/slip.py
      EMULATOR_FLAGS = $(SLIP_FLAGS) $(RBPF_NRFSIM) $(RBPF_NRFSIM_FLAGS)
    else
      EMULATOR = $(RBPF_NRFSIM)
      EMULATOR_FLAGS = $(RBPF_NRFSIM_FLAGS)
    endif
    RBPF_EMULATOR_TERM := 1
  endif

  ifeq (microbit,$(BOARD))
    # Not RIOT's `qemu`, whose `emulate` has its serial line elsewhere
    RIOT_EMULATOR := qemu-stdio
    EMULATOR = qemu-system-arm
    EMULATOR_FLAGS = -machine microbit -device loader,file=$(ELFFILE) \
                     -nographic -serial mon:stdio $(QEMU_FLAGS)
    RBPF_EMULATOR_TERM := 1
    # QEMU's micro:bit has no RTC
    USEMODULE += ztimer_no_periph_rtt
  endif

  ifeq (1,$(RBPF_EMULATOR_TERM))
    # The emulator takes the place of the terminal program; it
    # begins with a reset
    TERMPROG = $(EMULATOR)
    TERMFLAGS = $(EMULATOR_FLAGS)
    RESET = true
    export TESTRUNNER_RESET_BOARD_ON_STARTUP := 0
    export TESTRUNNER_START_DELAY := 0
  endif
endif

.PHONY: emulate rbpf-nrfsim

# RIOT has the recipe, but would run what was built before
emulate: all $(EMULATORDEPS)

# With the workstation's toolchain, not with what the board's Rust takes
RBPF_HOST_CARGO ?= $(or $(wildcard $(HOME)/.cargo/bin/cargo),cargo)

rbpf-nrfsim:
	$(Q)env --unset=CARGO_OPTIONS --unset=RUSTFLAGS --unset=RUSTC_BOOTSTRAP \
	  $(RBPF_HOST_CARGO) build --quiet --release --target-dir $(RBPF_ROOT)/target/nrfsim \
	  --manifest-path $(RBPF_ROOT)/dist/tools/nrfsim/Cargo.toml
