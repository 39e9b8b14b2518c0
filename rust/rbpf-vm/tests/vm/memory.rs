// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every region, every width, every edge (design, section 6, item 10).
//!
//! What may be accessed is said a second time here, by [`granted`], in
//! arithmetic that cannot wrap. Guests and helpers must agree with it, and
//! memory must afterwards be what a model of it is.

use rbpf_isa::Slot;
use rbpf_vm::{FaultKind, MapError, MemoryMap, Outcome, REGIONS, Rights, region};

use crate::support::{Helpers, costing, fault, run_in, slots};

/// The regions of the tests: number, length, rights. The others are not
/// mapped.
const LAYOUT: [(u8, usize, Rights); 6] = [
    (region::STACK, 64, Rights::ReadWrite),
    (region::CONTEXT, 24, Rights::ReadWrite),
    (region::RODATA, 17, Rights::Read),
    (region::DATA, 8, Rights::ReadWrite),
    (region::GRANTED, 20, Rights::Write),
    (region::GRANTED + 1, 0, Rights::ReadWrite),
];
const WRITE_ONLY: u8 = region::GRANTED;
const EMPTY: u8 = region::GRANTED + 1;

/// The bytes of all regions, region by region, each byte different from its
/// neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents(Vec<Vec<u8>>);

impl Contents {
    fn new() -> Self {
        let region = |(number, length, _): (u8, usize, Rights)| {
            (0..length as u8).map(|i| number * 37 + i * 3).collect()
        };
        Self(LAYOUT.map(region).into())
    }

    /// Maps the regions for as long as `action` takes.
    fn with_map<T>(&mut self, action: impl FnOnce(&mut MemoryMap<'_>) -> T) -> T {
        let [stack, context, rodata, data, write_only, empty] = &mut self.0[..] else {
            unreachable!("six regions");
        };
        let mut map = MemoryMap::new(stack);
        map.map_mut(region::CONTEXT, context, Rights::ReadWrite)
            .unwrap();
        map.map(region::RODATA, rodata).unwrap();
        map.map_mut(region::DATA, data, Rights::ReadWrite).unwrap();
        map.map_mut(WRITE_ONLY, write_only, Rights::Write).unwrap();
        map.map_mut(EMPTY, empty, Rights::ReadWrite).unwrap();
        action(&mut map)
    }

    /// The bytes at an address that is granted.
    fn at(&mut self, address: u64, length: usize) -> &mut [u8] {
        let number = (address >> 24) as u8;
        let index = LAYOUT.iter().position(|row| row.0 == number).unwrap();
        let offset = (address & 0xff_ffff) as usize;
        &mut self.0[index][offset..offset + length]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Whether all bytes of a range that is not empty may be accessed.
fn granted(access: Access, address: u64, length: u64) -> bool {
    LAYOUT.iter().any(|&(number, size, rights)| {
        let allowed = match access {
            Access::Read => rights != Rights::Write,
            Access::Write => rights != Rights::Read,
        };
        let start = u128::from(number) << 24;
        let (first, end) = (
            u128::from(address),
            u128::from(address) + u128::from(length),
        );
        allowed && start <= first && end <= start + size as u128
    })
}

/// Addresses at and around every edge, in the low 32 bits and with others
/// set.
fn addresses() -> Vec<u64> {
    let mut low = Vec::new();
    for number in 0..=255u64 {
        let base = number << 24;
        // Regions beyond those that can be mapped have no edges.
        low.extend([base, base + 1, base + 8, base + 0xff_ffff]);
        if number > 8 {
            continue;
        }
        let length = LAYOUT.iter().find(|row| u64::from(row.0) == number);
        let end = base + length.map_or(8, |row| row.1 as u64);
        for distance in 0..=9 {
            low.extend([end + distance, end.wrapping_sub(distance)]);
            low.extend([base + distance, base.wrapping_sub(distance)]);
            low.push(base + 0xff_fff0 + distance);
        }
    }
    let mut all = low.clone();
    for high in [1, 0x8000_0000, 0xffff_ffff, 0x0100_0000, 0x0001_0000] {
        // As many as matter: mapped in the low half, null, and the end.
        all.extend(
            low.iter()
                .filter(|&&low| granted(Access::Read, low & 0xffff_ffff, 1))
                .map(|low| low | high << 32),
        );
        all.extend([high << 32, high << 32 | 0xffff_ffff]);
    }
    all.extend((0..9).map(|distance| u64::MAX - distance));
    all.sort_unstable();
    all.dedup();
    all
}

/// How an instruction reaches an address: a base, and an offset to it.
fn bases(address: u64) -> impl Iterator<Item = (u64, i16)> {
    let offset = move |offset: i16| (address.wrapping_sub(i64::from(offset) as u64), offset);
    [0, 1, -1, i16::MAX, i16::MIN].into_iter().map(offset)
}

const WIDTHS: [(&str, usize); 4] = [("b", 1), ("h", 2), ("w", 4), ("dw", 8)];

/// `lddw` of a base and then one instruction, without the assembler, which
/// would take most of the time.
fn access(instruction: &[Slot], base: u64, offset: i16) -> Vec<Slot> {
    let mut text = instruction.to_vec();
    let first = Slot::new(0x18, 1, 0, 0, base as i32);
    let second = Slot::new(0, 0, 0, 0, (base >> 32) as i32);
    text[0].offset = offset;
    text.splice(0..0, [first, second]);
    text
}

#[test]
fn loads_of_every_width_at_every_edge() {
    for (width, bytes) in WIDTHS {
        let plain = slots(&format!("ldx{width} %r0, [%r1]\nexit"));
        let signed = (bytes < 8).then(|| slots(&format!("ldxs{width} %r0, [%r1]\nexit")));
        for address in addresses() {
            for (base, offset) in bases(address) {
                for (load, extends) in [(Some(&plain), false), (signed.as_ref(), true)] {
                    let Some(load) = load else { continue };
                    let mut contents = Contents::new();
                    let before = contents.clone();
                    let text = access(load, base, offset);
                    let outcome =
                        contents.with_map(|map| run_in(&text, map, 10, &mut costing(0)).0);
                    let expected = if granted(Access::Read, address, bytes as u64) {
                        let mut value = [0; 8];
                        value[..bytes].copy_from_slice(contents.at(address, bytes));
                        let value = u64::from_le_bytes(value);
                        let unused = 64 - 8 * bytes as u32;
                        Outcome::Returned(if extends {
                            ((value << unused) as i64 >> unused) as u64
                        } else {
                            value
                        })
                    } else {
                        fault(FaultKind::InvalidRead, 2, address)
                    };
                    assert_eq!(outcome, expected, "{width} {base:#x} {offset}");
                    assert_eq!(contents, before);
                }
            }
        }
    }
}

#[test]
fn stores_of_every_width_at_every_edge() {
    for (width, bytes) in WIDTHS {
        let immediate = slots(&format!("st{width} [%r1], -2\nexit"));
        // r10 is the only register that is not 0: the stack's address + 64.
        let register = slots(&format!("stx{width} [%r1], %r10\nexit"));
        for address in addresses() {
            for (base, offset) in bases(address) {
                for (store, value) in [(&immediate, -2i64 as u64), (&register, 0x100_0040)] {
                    let mut contents = Contents::new();
                    let mut model = contents.clone();
                    let text = access(store, base, offset);
                    let outcome =
                        contents.with_map(|map| run_in(&text, map, 10, &mut costing(0)).0);
                    let expected = if granted(Access::Write, address, bytes as u64) {
                        let value = value.to_le_bytes();
                        model.at(address, bytes).copy_from_slice(&value[..bytes]);
                        Outcome::Returned(0)
                    } else {
                        fault(FaultKind::InvalidWrite, 2, address)
                    };
                    assert_eq!(outcome, expected, "{width} {base:#x} {offset}");
                    assert_eq!(contents, model, "{width} {base:#x} {offset}");
                }
            }
        }
    }
}

const ATOMICS: [&str; 10] = [
    "add",
    "fetch add",
    "or",
    "fetch or",
    "and",
    "fetch and",
    "xor",
    "fetch xor",
    "xchg",
    "cmpxchg",
];

#[test]
fn atomics_need_both_rights_at_every_edge() {
    for operation in ATOMICS {
        for (width, bytes) in [("32", 4), ("", 8)] {
            let atomic = slots(&format!("lock {operation}{width} [%r1], %r2\nexit"));
            for address in addresses() {
                let mut contents = Contents::new();
                let mut model = contents.clone();
                let text = access(&atomic, address, 0);
                let (outcome, machine) =
                    contents.with_map(|map| run_in(&text, map, 10, &mut costing(0)));
                let case = format!("lock {operation}{width} at {address:#x}");
                if !granted(Access::Read, address, bytes as u64) {
                    let expected = fault(FaultKind::InvalidRead, 2, address);
                    assert_eq!(outcome, expected, "{case}");
                } else if !granted(Access::Write, address, bytes as u64) {
                    let expected = fault(FaultKind::InvalidWrite, 2, address);
                    assert_eq!(outcome, expected, "{case}");
                    let [r0, _, r2, ..] = machine.registers();
                    assert_eq!((*r0, *r2), (0, 0), "no result of a fault: {case}");
                } else {
                    assert!(matches!(outcome, Outcome::Returned(_)), "{case}");
                    // r2 is 0, r0 is 0 and no region holds as many zeros.
                    if ["and", "fetch and", "xchg"].contains(&operation) {
                        model.at(address, bytes).fill(0);
                    }
                }
                assert_eq!(contents, model, "{case}");
            }
        }
    }
}

#[test]
fn helpers_reach_what_the_guest_reaches() {
    let lengths = [
        0,
        1,
        7,
        8,
        17,
        20,
        24,
        64,
        65,
        0xff_ffff,
        1 << 24,
        u64::from(u32::MAX),
        1 << 32,
        u64::MAX - 8,
        u64::MAX,
    ];
    for address in addresses() {
        for length in lengths {
            let mut contents = Contents::new();
            let before = contents.clone();
            // No bytes are granted at every byte of a region and at its end,
            // if it is readable and not empty.
            let allowed = |access| match length {
                0 => granted(access, address, 1) || granted(access, address.wrapping_sub(1), 1),
                _ => granted(access, address, length),
            };
            let case = format!("{length} bytes at {address:#x}");
            let read = contents.with_map(|map| map.read(address, length).map(<[u8]>::to_vec));
            if allowed(Access::Read) {
                let expected = contents.at(address, length as usize).to_vec();
                assert_eq!(read, Ok(expected), "{case}");
            } else {
                assert_eq!(read, Err(FaultKind::InvalidRead), "{case}");
            }
            let written =
                contents.with_map(|map| map.write(address, length).map(|bytes| bytes.fill(0xee)));
            if allowed(Access::Write) {
                assert_eq!(written, Ok(()), "{case}");
                let bytes = contents.at(address, length as usize);
                assert!(bytes.iter().all(|&byte| byte == 0xee), "{case}");
            } else {
                assert_eq!(written, Err(FaultKind::InvalidWrite), "{case}");
                assert_eq!(contents, before, "{case}");
            }
            for rights in [Rights::Read, Rights::Write, Rights::ReadWrite] {
                let expected = if rights != Rights::Write && !allowed(Access::Read) {
                    Err(FaultKind::InvalidRead)
                } else if rights != Rights::Read && !allowed(Access::Write) {
                    Err(FaultKind::InvalidWrite)
                } else {
                    Ok(contents.at(address, length as usize).as_mut_ptr())
                };
                let pointer = contents.with_map(|map| map.pointer(address, length, rights));
                assert_eq!(pointer, expected, "{rights:?}, {case}");
            }
        }
        let rest = Contents::new().with_map(|map| map.readable_from(address).map(<[u8]>::to_vec));
        if granted(Access::Read, address, 1) {
            let (number, length, _) = LAYOUT[usize::from((address >> 24) as u8) - 1];
            let left = length - (address - region::address(number)) as usize;
            assert_eq!(rest, Ok(Contents::new().at(address, left).to_vec()));
        } else {
            assert_eq!(rest, Err(FaultKind::InvalidRead), "{address:#x}");
        }
    }
}

/// What a helper in C is called with: ranges that overlap, of which some are
/// written to.
#[test]
fn pointers_may_overlap() {
    let mut contents = Contents::new();
    let mut model = contents.clone();
    let stack = region::address(region::STACK);
    let first = contents.at(stack, 1)[0];
    contents.with_map(|map| {
        let [from, to, both] = [
            (0, Rights::Read),
            (1, Rights::Write),
            (0, Rights::ReadWrite),
        ]
        .map(|(offset, rights)| map.pointer(stack + offset, 8, rights).unwrap());
        // SAFETY: all are valid for 8 bytes until the map is used or dropped,
        // and single bytes are read and written, with no reference to them.
        unsafe {
            for index in 0..8 {
                to.add(index).write(from.add(index).read());
            }
            both.write(77);
        }
        assert_eq!(map.read(stack, 2), Ok(&[77, first][..]));
        assert_eq!(map.write(stack + 8, 2).map(|bytes| bytes[0]), Ok(first));
    });
    model.at(stack, 9).fill(first);
    model.at(stack, 1)[0] = 77;
    assert_eq!(contents, model);
}

#[test]
fn copies_check_both_ranges() {
    let stack = region::address(region::STACK);
    let rodata = region::address(region::RODATA);
    let write_only = region::address(WRITE_ONLY);
    let empty = region::address(EMPTY);
    let upper = 1 << 32;
    let read = |address| Err((FaultKind::InvalidRead, address));
    let write = |address| Err((FaultKind::InvalidWrite, address));
    for (to, from, length, expected) in [
        (stack, rodata, 17, Ok(())),
        (write_only, rodata, 17, Ok(())),
        (stack, stack, 64, Ok(())),
        (stack + 64, rodata + 17, 0, Ok(())),
        // The source first, then the target.
        (stack, rodata, 18, read(rodata)),
        (stack, rodata + 17, 1, read(rodata + 17)),
        (stack, write_only, 1, read(write_only)),
        (rodata, stack, 1, write(rodata)),
        (stack + 60, rodata, 5, write(stack + 60)),
        (0, 0, 0, read(0)),
        (0, rodata, 0, write(0)),
        (stack, empty, 0, read(empty)),
        (empty, stack, 0, write(empty)),
        (stack | upper, rodata, 1, write(stack | upper)),
        (stack, rodata | upper, 1, read(rodata | upper)),
        (stack, stack, u64::MAX, read(stack)),
        (stack, stack, upper, read(stack)),
        (stack, u64::MAX, 2, read(u64::MAX)),
        (u64::MAX, stack, 2, write(u64::MAX)),
    ] {
        let mut contents = Contents::new();
        let mut model = contents.clone();
        let copied = contents.with_map(|map| map.copy(to, from, length));
        assert_eq!(copied, expected, "{length} from {from:#x} to {to:#x}");
        if copied.is_ok() && length > 0 {
            let bytes = model.at(from, length as usize).to_vec();
            model.at(to, length as usize).copy_from_slice(&bytes);
        }
        assert_eq!(contents, model, "{length} from {from:#x} to {to:#x}");
    }
}

#[test]
fn copies_may_overlap() {
    let stack = region::address(region::STACK);
    for from in 0..8u64 {
        for to in 0..8u64 {
            for length in 0..=56u64 {
                let mut contents = Contents::new();
                let mut model = contents.clone();
                let (start, end) = (from as usize, (from + length) as usize);
                model.0[0].copy_within(start..end, to as usize);
                let copied = contents.with_map(|map| map.copy(stack + to, stack + from, length));
                assert_eq!(copied, Ok(()));
                assert_eq!(contents, model, "{length} from {from} to {to}");
            }
        }
    }
}

#[test]
fn regions_end_at_16_mebibytes() {
    const LARGEST: usize = 1 << 24;
    let mut stack = vec![1; LARGEST + 100];
    let mut large = vec![2; LARGEST];
    let mut small = [3; 16];
    let mut map = MemoryMap::new(&mut stack);
    let length = LARGEST as u64;
    let (first, second) = (region::address(1), region::address(2));
    // Of a longer stack the rest is not used.
    assert_eq!(map.read(first, length).map(<[u8]>::len), Ok(LARGEST));
    assert_eq!(map.read(first, length + 1), Err(FaultKind::InvalidRead));
    assert_eq!(map.map_mut(2, &mut large, Rights::ReadWrite), Ok(()));
    assert_eq!(map.map_mut(3, &mut small, Rights::ReadWrite), Ok(()));
    // The last byte of one region and the first of the next are neighbours
    // only in the numbers.
    assert_eq!(map.read(second - 1, 1), Ok(&[1][..]));
    assert_eq!(map.read(second - 1, 2), Err(FaultKind::InvalidRead));
    assert_eq!(
        map.read(second, length + 16).err(),
        Some(FaultKind::InvalidRead)
    );
    let load = slots("lddw %r1, 0x2ffffff\nldxh %r0, [%r1]\nexit");
    let outcome = run_in(&load, &mut map, 10, &mut costing(0)).0;
    assert_eq!(outcome, fault(FaultKind::InvalidRead, 2, 0x2ff_ffff));
    let store = slots("lddw %r1, 0x2fffffe\nsth [%r1], 0x909\nstw [%r1], 7\nexit");
    let outcome = run_in(&store, &mut map, 10, &mut costing(0)).0;
    assert_eq!(outcome, fault(FaultKind::InvalidWrite, 3, 0x2ff_fffe));
    assert_eq!(small, [3; 16]);
    assert_eq!(large[LARGEST - 4..], [2, 2, 9, 9]);
}

#[test]
fn maps_refuse_what_they_cannot_hold() {
    let (mut stack, bytes) = ([0; 8], [0; 8]);
    let too_long = vec![0; (1 << 24) + 1];
    let mut map = MemoryMap::new(&mut stack);
    for number in (0..=255).filter(|number| !(2..REGIONS as u8).contains(number)) {
        assert_eq!(map.map(number, &bytes), Err(MapError::Number), "{number}");
    }
    assert_eq!(map.map(2, &too_long), Err(MapError::Length));
    // What is refused is not mapped.
    assert_eq!(map.read(region::address(2), 1), Err(FaultKind::InvalidRead));
    assert_eq!(map.map(2, &too_long[1..]), Ok(()));
    // A second region of the number replaces the first, with its rights.
    assert_eq!(map.map(2, &bytes[..4]), Ok(()));
    assert_eq!(map.read(region::address(2), 4), Ok(&[0; 4][..]));
    assert_eq!(map.read(region::address(2), 5), Err(FaultKind::InvalidRead));
}

#[test]
fn a_stack_without_bytes() {
    let mut map = MemoryMap::new(&mut []);
    for source in ["stxb [%r10-1], %r0\nexit", "stxb [%r10-64], %r0\nexit"] {
        let outcome = run_in(&slots(source), &mut map, 10, &mut costing(0)).0;
        assert!(matches!(outcome, Outcome::Fault(fault) if fault.kind == FaultKind::InvalidWrite));
    }
    let call = slots("call local +1\nexit\nexit");
    let outcome = run_in(&call, &mut map, 10, &mut costing(0)).0;
    assert_eq!(outcome, fault(FaultKind::StackOverflow, 0, 0x100_0040));
}

/// A host gets what the guest has put into its registers, all 64 bits of it,
/// and the map decides.
#[test]
fn helpers_get_addresses_untouched() {
    let text = slots("lddw %r1, 0x100000001000000\nmov %r5, -1\ncall 3\nexit");
    let mut contents = Contents::new();
    let mut host = Helpers(
        |call: &mut rbpf_vm::HelperCall, memory: &mut MemoryMap<'_>| {
            assert_eq!(call.id, 3);
            assert_eq!(call.arguments, [0x100_0000_0100_0000, 0, 0, 0, u64::MAX]);
            call.address = call.arguments[0];
            memory.read(call.arguments[0], 1).map(|_| 0)
        },
    );
    let outcome = contents.with_map(|map| run_in(&text, map, 10, &mut host).0);
    let address = 0x100_0000_0100_0000;
    assert_eq!(outcome, fault(FaultKind::InvalidRead, 3, address));
}
