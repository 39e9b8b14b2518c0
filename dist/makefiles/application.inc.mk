# SPDX-License-Identifier: MIT OR Apache-2.0
# What the RIOT applications of this repository have in common. Include it by
# examples/Makefile.examples_common or tests/Makefile.tests_common, before all
# else; end with `include $(RIOTBASE)/Makefile.include`.

# `:=`, because MAKEFILE_LIST grows.
RBPF_ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../..)

RIOTBASE ?= $(HOME)/RIOT

# The workstation, as a board
BOARD ?= native64

QUIET ?= 1

# `make RBPF=0` shows what a firmware takes without containers
RBPF ?= 1

EXTERNAL_MODULE_DIRS += $(RBPF_ROOT)/pkg

ifeq (1,$(RBPF))
  USEMODULE += rbpf
endif

# RIOT's native may sleep through a signal, and its interrupts disturb threads
ifneq (,$(filter native native32 native64,$(BOARD)))
  EXTERNAL_MODULE_DIRS += $(RBPF_ROOT)/dist/modules
  USEMODULE += native_interrupts
  USEMODULE += native_wakeup
endif

include $(RBPF_ROOT)/dist/makefiles/emulator.inc.mk
