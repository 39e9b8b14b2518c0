// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds for every program, tried with programs that nobody wrote.

use proptest::prelude::*;
use rbpf_isa::{FRAME_POINTER, Field, Form, Slot, VARIANTS, Variant};
use rbpf_vm::{
    Engine, Functions, HelperCall, HelperGrant, Interpreter, Machine, MemoryMap, Observed,
    Observer, Outcome, Program, Rights, region,
};

use crate::support::{Helpers, everything};

const FRAME: u16 = 16;
const STACK: usize = 256;

/// One instruction before it has a place: what it is, and what its fields
/// should be, if that is valid.
#[derive(Clone, Copy, Debug)]
struct Wish {
    variant: &'static Variant,
    dst: u8,
    src: u8,
    offset: i16,
    immediate: i32,
    /// Where a jump goes, as an index of an instruction, once reduced.
    target: usize,
}

fn wish() -> impl Strategy<Value = Wish> {
    let any_of = |wanted: fn(Form) -> bool| {
        let rows = VARIANTS.iter().filter(|row| wanted(row.form));
        prop::sample::select(rows.collect::<Vec<_>>())
    };
    let variant = prop_oneof![
        3 => any_of(|_| true),
        // What programs are mostly made of.
        2 => any_of(Form::accesses_memory),
        1 => any_of(|form| matches!(form, Form::Call | Form::Exit)),
    ];
    let immediate = prop_oneof![
        4 => -8..64,
        1 => any::<i32>(),
        1 => Just(i32::MIN),
    ];
    let offset = prop_oneof![40 => 0i16..17, 1 => -3000i16..3000];
    (
        variant,
        0u8..10,
        0u8..=10,
        offset,
        immediate,
        any::<usize>(),
    )
        .prop_map(|(variant, dst, src, offset, immediate, target)| Wish {
            variant,
            dst,
            src,
            offset,
            immediate,
            target,
        })
}

/// Puts instructions behind each other, with every jump to an instruction,
/// and an exit behind them.
fn lay_out(wishes: &[Wish]) -> Vec<Slot> {
    // Registers that point to memory, so that accesses have a chance.
    let mut text = Vec::new();
    for (register, number) in (5..10).zip(region::CONTEXT..) {
        let address = region::address(number) as i32;
        text.push(Slot::new(0xb7, register, 0, 0, address));
    }
    let mut starts = vec![0];
    let mut next = text.len();
    for wish in wishes {
        starts.push(next);
        next += 1 + usize::from(wish.variant.form == Form::LoadImmediate64);
    }
    starts.push(next);

    for wish in wishes {
        let form = wish.variant.form;
        // Offset and sum are far below 2^15.
        let distance = starts[wish.target % starts.len()] as i32 - text.len() as i32 - 1;
        let memory = form.accesses_memory();
        // Mostly registers that point to what may be accessed.
        let pointer = |register: u8| match (register, form) {
            (0..3, _) => 5,
            (3..6, _) => 7,
            (6..9, _) => FRAME_POINTER,
            (9, Form::Load) => 6,
            (register, _) => 5 + register % 5,
        };
        let mut slot = Slot::new(
            wish.variant.opcode,
            match form {
                Form::StoreImmediate | Form::StoreRegister | Form::Atomic => pointer(wish.dst),
                // Few lose their addresses.
                _ if form.uses_dst() => wish.dst % 6,
                _ => 0,
            },
            match form {
                Form::Load => pointer(wish.src),
                Form::Atomic => wish.src % 4,
                _ if form.uses_src() => wish.src,
                _ => 0,
            },
            if memory { wish.offset } else { 0 },
            if form.uses_immediate() {
                wish.immediate
            } else {
                0
            },
        );
        match form {
            Form::Jump | Form::BranchImmediate | Form::BranchRegister => {
                slot.offset = distance as i16;
            }
            Form::LongJump => slot.immediate = distance,
            Form::Call if wish.variant.value == 1 => slot.immediate = distance,
            // What lies at the frame pointer is below it.
            _ if memory && [slot.dst(), slot.src()].contains(&10) => slot.offset -= 16,
            _ => {}
        }
        match wish.variant.selector {
            Field::None => {}
            Field::Offset => slot.offset = wish.variant.value as i16,
            Field::Immediate => slot.immediate = wish.variant.value,
            Field::Source => slot.registers = (wish.variant.value as u8) << 4,
        }
        text.push(slot);
        if form == Form::LoadImmediate64 {
            text.push(Slot::new(0, 0, 0, 0, wish.offset.into()));
        }
    }
    text.push(Slot::new(0x95, 0, 0, 0, 0));
    text
}

fn programs() -> impl Strategy<Value = Vec<Slot>> {
    prop::collection::vec(wish(), 1..80).prop_map(|wishes| lay_out(&wishes))
}

/// Bytes before and behind each region, that nobody may touch.
const CANARY: usize = 32;
const CANARY_BYTE: u8 = 0xa5;

/// The memory of a run: regions between canaries.
#[derive(Clone, Debug, PartialEq, Eq)]
struct World([Vec<u8>; 6]);

const LENGTHS: [usize; 6] = [STACK, 40, 24, 33, 16, 0];
/// Which of the regions the guest must not change.
const READ_ONLY: usize = 2;

impl World {
    fn new() -> Self {
        Self(LENGTHS.map(|length| {
            let mut bytes = vec![CANARY_BYTE; length + 2 * CANARY];
            for (index, byte) in bytes[CANARY..CANARY + length].iter_mut().enumerate() {
                *byte = index as u8;
            }
            bytes
        }))
    }

    fn map(&mut self) -> MemoryMap<'_> {
        let [stack, context, rodata, data, write_only, empty] = self.0.each_mut().map(|bytes| {
            let end = bytes.len() - CANARY;
            &mut bytes[CANARY..end]
        });
        let mut map = MemoryMap::new(stack);
        map.map_mut(region::CONTEXT, context, Rights::ReadWrite)
            .unwrap();
        map.map(region::RODATA, rodata).unwrap();
        map.map_mut(region::DATA, data, Rights::ReadWrite).unwrap();
        map.map_mut(region::GRANTED, write_only, Rights::Write)
            .unwrap();
        map.map_mut(region::GRANTED + 1, empty, Rights::ReadWrite)
            .unwrap();
        map
    }

    fn assert_untouched(&self) {
        for bytes in &self.0 {
            let (before, rest) = bytes.split_at(CANARY);
            let behind = &rest[rest.len() - CANARY..];
            assert!(before.iter().chain(behind).all(|&byte| byte == CANARY_BYTE));
        }
        assert_eq!(self.0[READ_ONLY], Self::new().0[READ_ONLY]);
    }
}

/// Everything that can be told of a run.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    outcome: Outcome,
    registers: [u64; 11],
    pc: u32,
    instructions: u32,
    helper_calls: u32,
    world: World,
}

/// Runs a program in portions, to its end or the end of them.
fn trace(engine: &mut dyn Engine, program: &Program<'_>, portions: &[u32]) -> Trace {
    let mut world = World::new();
    let mut machine = Machine::new(program, [region::address(region::CONTEXT), 40, 3, 4, 5]);
    let mut outcome = Outcome::OutOfBudget;
    // Helpers that use memory as their arguments say, and cost something.
    let mut host = Helpers(|call: &mut HelperCall, memory: &mut MemoryMap<'_>| {
        let [a, b, c, d, _] = call.arguments;
        call.cost = (d & 0x1f) as u32;
        call.address = a;
        let result = match call.id % 4 {
            0 => memory.write(a, b & 0x3f).map(|bytes| {
                bytes.fill(c as u8);
                c
            }),
            1 => memory
                .read(a, b)
                .map(|bytes| bytes.iter().map(|&byte| u64::from(byte)).sum()),
            2 => memory
                .copy(a, b, c & 0x3f)
                .map(|()| a)
                .map_err(|(kind, _)| kind),
            _ => Ok(call.id.into()),
        };
        // Some tell the guest instead of ending it.
        result.or_else(|kind| {
            if call.id % 8 < 6 {
                Ok(kind as u64)
            } else {
                Err(kind)
            }
        })
    });
    for &portion in portions {
        // A map of its own for each part, as hosts make them.
        let mut memory = world.map();
        machine.add_budget(portion);
        let (before, executed) = (machine.budget(), machine.instructions());
        outcome = engine.run(program, &mut machine, &mut memory, &mut host);
        let executed = i64::from(machine.instructions() - executed);
        assert!(
            executed <= i64::from(before.max(0)),
            "{executed} of {before}"
        );
        if outcome != Outcome::OutOfBudget {
            break;
        }
    }
    world.assert_untouched();
    Trace {
        outcome,
        registers: *machine.registers(),
        pc: machine.pc(),
        instructions: machine.instructions(),
        helper_calls: machine.helper_calls(),
        world,
    }
}

/// Counts steps.
struct Steps(u32);

impl Observer for Steps {
    fn step(&mut self, _: u32, _: &[u64; 11]) {
        self.0 += 1;
    }
}

fn verify(text: &[Slot]) -> Option<Program<'_>> {
    let functions = Functions::Unlisted { frame: FRAME };
    Program::verify(text, functions, &everything).ok()
}

/// Runs a program on both engines, at once and in portions.
fn agree(program: &Program<'_>, portions: &[u32]) {
    let whole = trace(&mut Interpreter, program, &[3000]);
    let mut steps = Steps(0);
    let observed = trace(&mut Observed(&mut steps), program, &[3000]);
    assert_eq!(whole, observed);
    assert_eq!(steps.0, whole.instructions);

    let parts = trace(&mut Interpreter, program, portions);
    if whole.outcome != Outcome::OutOfBudget && parts.outcome != Outcome::OutOfBudget {
        assert_eq!(whole, parts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic_the_verifier(
        slots in prop::collection::vec(any::<u64>(), 0..200),
        table in prop::collection::vec((0u16..220, any::<u16>()), 0..6),
        frame: u16,
    ) {
        let text: Vec<Slot> = slots.into_iter().map(Slot::from_bits).collect();
        let policy = |id: u32| match id % 3 {
            0 => HelperGrant::Granted,
            1 => HelperGrant::Denied,
            _ => HelperGrant::Unknown,
        };
        let table: Vec<_> = table
            .into_iter()
            .map(|(entry, frame)| rbpf_vm::Function { entry, frame })
            .collect();
        for functions in [Functions::Table(&table), Functions::Unlisted { frame }] {
            if let Ok(program) = Program::verify(&text, functions, &policy) {
                let _ = trace(&mut Interpreter, &program, &[1000]);
            }
        }
    }

    #[test]
    fn programs_keep_to_their_memory_and_budget(
        text in programs(),
        portions in prop::collection::vec(0u32..200, 1..60),
    ) {
        let program = verify(&text).expect("the generator makes valid programs");
        agree(&program, &portions);
    }

    #[test]
    fn damaged_programs_are_refused_or_harmless(
        mut text in programs(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u32..64), 1..8),
        portions in prop::collection::vec(0u32..200, 1..60),
    ) {
        for (index, bit) in flips {
            let slot = index.get_mut(&mut text);
            *slot = Slot::from_bits(slot.bits() ^ 1 << bit);
        }
        if let Some(program) = verify(&text) {
            agree(&program, &portions);
        }
    }
}

/// The generator is of use only if its programs do something.
#[test]
fn the_generator_reaches_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut returned, mut paused, mut faults, mut helpers) = (0, 0, 0, 0);
    let mut long = 0;
    for _ in 0..400 {
        let text = programs().new_tree(&mut runner).unwrap().current();
        let program = verify(&text).expect("the generator makes valid programs");
        let trace = trace(&mut Interpreter, &program, &[1000]);
        match trace.outcome {
            Outcome::Returned(_) => returned += 1,
            Outcome::OutOfBudget => paused += 1,
            Outcome::Fault(_) => faults += 1,
        }
        helpers += u32::from(trace.helper_calls > 0);
        long += u32::from(trace.instructions > 20);
    }
    let counts = [returned, paused, faults, helpers, long];
    assert!(counts.iter().all(|&count| count >= 20), "{counts:?}");
}
