# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tests of riot.py: `python -m unittest` in this folder."""

import unittest

import riot

MAP = """
Linker script and memory map

.text           0x00000000       0x40
 .text.short    0x00000000        0x8 /b/bin/core/sched.o
 .text._RNvNtCsaBc_9rbpf_riot5queue5serve
                0x00000008       0x10 /b/bin/rbpf_riot/rbpf_riot-1.o
 *fill*         0x00000018        0x4 
 .rodata.empty  0x0000001c        0x0 /b/bin/core/sched.o
                0x00000020                _etext = .

.relocate       0x20000000        0x4
 .data.x        0x20000000        0x4 /b/bin/core/sched.o

.debug_info     0x00000000      0x100
 .debug_info    0x00000000      0x100 /b/bin/core/sched.o
"""


class Places(unittest.TestCase):
    def test_v0_names(self):
        for name, place in [
            ("_RNvMs_NtCs9vA_9rbpf_riot5queueNtB4_6Ticket3ask", "rbpf_riot/queue/"),
            ("_RINvNtCsjp_4core3ptr13drop_in_placeNtNtCs9_9rbpf_riot5queue6TicketE", "core/ptr/"),
            ("_RNvNtCsaBc_9rbpf_riot5queue5serve", "rbpf_riot/queue/serve/"),
        ]:
            self.assertTrue(riot.place_of_symbol(name).startswith(place), name)

    def test_legacy_names(self):
        for name, place in [
            ("_ZN9rbpf_riot5queue5serve17h0123456789abcdefE", "rbpf_riot/queue/serve/"),
            ("_ZN51_$LT$rbpf_riot..queue..Ticket$u20$as$u20$core..Drop$GT$4drop17hE", "rbpf_riot/queue"),
        ]:
            self.assertTrue(riot.place_of_symbol(name).startswith(place), name)

    def test_names_of_c(self):
        for name in ("memcpy", "rbpf_install", ".Lanon.0123.4", "_ZTV"):
            self.assertIsNone(riot.place_of_symbol(name))

    def test_files(self):
        for path, place in [
            ("/x/rust/rbpf-riot/src/queue.rs", "rbpf_riot/queue/"),
            ("/h/registry/src/index-1/riot-wrappers-0.9.2/src/gcoap.rs", "riot_wrappers/gcoap/"),
            ("/usr/lib/rustlib/src/rust/library/core/src/str/mod.rs", "core/"),
            ("/x/main.c", None),
        ]:
            self.assertEqual(riot.place_of_file(path), place)

    def test_parts(self):
        for path, part in [
            ("rbpf-vm/src/interpreter.rs", "virtual machine"),
            ("rbpf-vm/src/verifier.rs", "verifier"),
            ("rbpf-vm/src/verified.rs", "virtual machine"),
            ("rbpf-isa/src/table.rs", "verifier"),
            ("rbpf-isa/src/slot.rs", "virtual machine"),
            ("rbpf-device/src/coap.rs", "gcoap: requests to containers"),
            ("rbpf-device/src/coap/request.rs", "gcoap: requests to containers"),
            ("rbpf-device/src/coap/management.rs", "gcoap: management under /rbpf"),
            ("rbpf-device/src/work.rs", "jobs and reports"),
        ]:
            self.assertEqual(riot.part_of(riot.place_of_file(f"/x/rust/{path}")), part, path)
        self.assertEqual(riot.part_of("rbpf_vm/verified/verify/"), "verifier")
        self.assertLessEqual({*riot.CORE}, {*riot.COLUMNS})

    def test_libraries_count_to_who_uses_them(self):
        core = ("_RNvNtCsjp_4core3str4find", "/r/library/core/src/str/mod.rs")
        machine = ("??", "/x/rust/rbpf-vm/src/interpreter.rs")
        worker = ("_RNvNtCsaBc_9rbpf_riot6worker3run", "/x/rust/rbpf-riot/src/worker.rs")
        self.assertEqual(riot.part_of_frames([core, machine, worker]), "virtual machine")
        self.assertEqual(riot.part_of_frames([core]), "Rust's libraries")
        self.assertIsNone(riot.part_of_frames([]))


class Maps(unittest.TestCase):
    def test_pieces(self):
        pieces = riot.pieces_of_map(MAP)
        self.assertEqual([piece.size for piece in pieces], [8, 16, 4, 4])
        self.assertEqual([riot.is_rust(piece) for piece in pieces], [False, True, False, False])
        self.assertEqual(sum(piece.flash for piece in pieces), 32)
        self.assertEqual(sum(piece.ram for piece in pieces), 4)


class Growth(unittest.TestCase):
    def test_tolerance(self):
        before = {"gcoap": [1000, 10], "shell": [10_000, 0]}
        self.assertEqual(riot.compare({"gcoap": [1032, 42], "shell": [10_200, 0]}, before), [])
        self.assertEqual(len(riot.compare({"gcoap": [1033, 43], "new": [9, 9]}, before)), 2)


if __name__ == "__main__":
    unittest.main()
