# Containers that an application brings along, as C arrays.
#
#   RBPF_CONTAINERS += containers/blink.c
#
# in the application's Makefile gives the header `blink.rbpf.h`. It defines
# `blink_rbpf`, the image: an array, aligned as rbpf_replace() and
# rbpf_execute() want it. Sources are C (`rbpf build`) or assembler with the
# suffix .asm (`rbpf asm`); RBPF_BUILD_FLAGS are options of `rbpf build`, and
# RBPF_FLAGS_blink those for that one:
#
#   RBPF_FLAGS_blink = --want packet
#
# The command `rbpf` is built from this repository, unless RBPF_CLI names one.
# Included by this package's Makefile.include.

RBPF_CONTAINERS_MK := $(lastword $(MAKEFILE_LIST))
RBPF_CONTAINERS_DIR := $(BINDIR)/rbpf_containers
RBPF_CONTAINERS_H := $(foreach container,$(RBPF_CONTAINERS), \
    $(RBPF_CONTAINERS_DIR)/$(basename $(notdir $(container))).rbpf.h)

INCLUDES += -I$(RBPF_CONTAINERS_DIR)
BUILDDEPS += $(RBPF_CONTAINERS_H)

ifndef RBPF_CLI
  RBPF_CLI := $(RBPF_MODULE_DIR)../../target/debug/rbpf

  # With the workstation's toolchain, not with what the board's Rust takes
  RBPF_HOST_CARGO ?= $(or $(wildcard $(HOME)/.cargo/bin/cargo),cargo)

  # Only cargo knows when it is old
  $(RBPF_CLI): FORCE | $(CLEAN)
	$(Q)env --unset=CARGO_OPTIONS --unset=RUSTFLAGS --unset=RUSTC_BOOTSTRAP \
	  --unset=RUSTUP_TOOLCHAIN \
	  $(RBPF_HOST_CARGO) build --quiet --package rbpf-cli \
	  --manifest-path $(RBPF_MODULE_DIR)../../Cargo.toml \
	  --target-dir $(RBPF_MODULE_DIR)../../target
endif

rbpf-assemble = $(if $(filter %.asm,$(1)),asm --image,build $(RBPF_BUILD_FLAGS))

# 1: source, 2: name
define rbpf-container
$(RBPF_CONTAINERS_DIR)/$(2).rbpf.h: $(1) $(RBPF_CLI) $(RBPF_CONTAINERS_MK) | $(CLEAN)
	$(Q)mkdir -p $$(@D)
	$(Q)$(RBPF_CLI) $(call rbpf-assemble,$(1)) $(RBPF_FLAGS_$(2)) $(1) --output $$(@:.h=) >$$(@:.h=.log) 2>&1 || \
	  { cat $$(@:.h=.log); false; }
	$(Q){ printf '/* Made of %s */\n#pragma once\n\n#include <stdint.h>\n\n' $(notdir $(1)); \
	  printf '/** @brief Image of %s */\n' $(notdir $(1)); \
	  printf 'static const uint8_t $(subst -,_,$(2))_rbpf[] __attribute__((aligned(8))) = {\n'; \
	  od -An -v -tx1 $$(@:.h=) | sed 's/ \(..\)/ 0x\1,/g'; \
	  printf '};\n'; } >$$@
endef

$(foreach container,$(RBPF_CONTAINERS), \
  $(eval $(call rbpf-container,$(container),$(basename $(notdir $(container))))))
