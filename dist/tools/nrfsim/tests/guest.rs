// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small guests, written instruction by instruction: the whole machine without
//! RIOT and without a compiler for Arm.

mod common;

use common::{Code, RAM, SECOND, elf, flash, run, run_code};
use nrfsim::image::Image;
use nrfsim::machine::{Limits, Machine, Outcome};
use nrfsim::soc::{Settings, Stimulus};

const UARTE: [u32; 2] = [0x4000_2000, 0x4002_8000];
const TIMER1: u32 = 0x4000_9000;
const RTC1: u32 = 0x4001_1000;
const NVMC: u32 = 0x4001_e000;
const RNG: u32 = 0x4000_d000;
const GPIOTE: u32 = 0x4000_6000;
const P0: u32 = 0x5000_0000;
const SYSTEM_OFF: u32 = 0x4000_0500;
const NVIC_ENABLE: u32 = 0xe000_e100;
const UDF: u16 = 0xde00;
const FOREVER: u16 = 0xe7fe;

fn say(code: Code, line: usize, word: &[u8; 4]) -> Code {
    let uarte = UARTE[line];
    code.poke(RAM, u32::from_le_bytes(*word))
        .poke(uarte + 0x500, 8)
        .poke(uarte + 0x524, 0x01d6_0000)
        .poke(uarte + 0x544, RAM)
        .poke(uarte + 0x548, 4)
        .poke(uarte + 0x120, 0)
        .poke(uarte + 0x008, 1)
        .until(uarte + 0x120)
}

fn off(code: Code) -> Code {
    code.poke(SYSTEM_OFF, 1).raw(&[FOREVER])
}

#[test]
fn it_speaks_on_both_lines_at_their_speed() {
    let code = off(say(say(Code::default(), 0, b"one\n"), 1, b"two\n"));
    let run = run_code(code, Code::default());
    assert_eq!(run.outcome, Outcome::SystemOff);
    assert_eq!(run.lines, ["one\n", "two\n"]);
    let byte = 5577;
    assert!(
        (8 * byte..8 * byte + 2000).contains(&run.machine.now()),
        "{}",
        run.machine.now()
    );
}

#[test]
fn it_echoes_what_it_receives() {
    let uarte = UARTE[1];
    let code = Code::default()
        .poke(uarte + 0x500, 8)
        .poke(uarte + 0x534, RAM)
        .poke(uarte + 0x538, 4)
        .poke(uarte, 1)
        .until(uarte + 0x110)
        .poke(uarte + 0x544, RAM)
        .poke(uarte + 0x548, 4)
        .poke(uarte + 0x008, 1)
        .until(uarte + 0x120);
    let image = Image::from_flash(&flash(off(code), Code::default())).expect("a usable image");
    let run = run(
        image,
        &Settings::default(),
        [b"", b"ping"],
        &Limits {
            cycles: Some(SECOND),
            ..Limits::default()
        },
    );
    assert_eq!(
        (run.outcome, run.lines[1].as_str()),
        (Outcome::SystemOff, "ping")
    );
}

#[test]
fn it_sleeps_until_its_alarm() {
    let code = Code::default()
        .poke(NVIC_ENABLE, 1 << 0x11)
        .poke(RTC1 + 0x540, 32768)
        .poke(RTC1 + 0x304, 1 << 16)
        .poke(RTC1, 1)
        .sleep();
    let run = run_code(code, off(Code::default()));
    assert_eq!(run.outcome, Outcome::SystemOff);
    assert!(
        (SECOND..SECOND + 500).contains(&run.machine.now()),
        "{}",
        run.machine.now()
    );
    assert!(run.machine.statistics().instructions < 200);
    assert_eq!(run.machine.statistics().interrupts[0x11], 1);
}

#[test]
fn an_interrupt_comes_in_time_while_it_waits_for_an_event() {
    // Around the end of the first byte that is sent, in ticks of 16 MHz: at any
    // point of the loop that waits for the end of the last
    for ticks in 1380..1420 {
        let code = Code::default()
            .poke(NVIC_ENABLE, 1 << 9)
            .poke(TIMER1 + 0x508, 3)
            .poke(TIMER1 + 0x510, 0)
            .poke(TIMER1 + 0x540, ticks)
            .poke(TIMER1 + 0x304, 1 << 16)
            .poke(TIMER1, 1);
        let run = run_code(say(code, 0, b"1234"), off(Code::default()));
        assert_eq!(run.outcome, Outcome::SystemOff);
        let alarm = u64::from(ticks) * 4;
        let late = run.machine.now() - alarm;
        assert!(late < 200, "{late} cycles after {alarm}");
    }
}

#[test]
fn an_alarm_wakes_it_whenever_it_falls_asleep() {
    // The alarm comes before, with and after the step that puts it to sleep, of
    // which the machine looks at one in sixteen: NOPs are steps, and the loads
    // before them take another number of cycles each. The alarm's interrupt waits
    // meanwhile, as RIOT has it.
    let (mask, unmask) = (0xb672, 0xb662);
    for steps in 0..64 {
        for loads in 0..16 {
            let code = Code::default()
                .poke(NVIC_ENABLE, 1 << 9)
                .poke(TIMER1 + 0x508, 3)
                .poke(TIMER1 + 0x510, 0)
                .poke(TIMER1 + 0x540, 10)
                .poke(TIMER1 + 0x304, 1 << 16)
                .load(0, RAM)
                .raw(&[mask])
                .poke(TIMER1, 1)
                .load(0, RAM)
                .raw(&vec![0x6801; loads])
                .raw(&vec![0xbf00; steps])
                .raw(&[0xbf30, unmask, FOREVER]);
            let run = run_code(code, off(Code::default()));
            assert_eq!(run.outcome, Outcome::SystemOff);
            let now = run.machine.now();
            assert!(now < 600, "{now} cycles with {steps} steps, {loads} loads");
        }
    }
}

#[test]
fn a_button_wakes_it() {
    let code = Code::default()
        .poke(P0 + 0x700 + 4 * 11, 3 << 2)
        .poke(GPIOTE + 0x510, 1 | 11 << 8 | 2 << 16)
        .poke(GPIOTE + 0x304, 1)
        .poke(NVIC_ENABLE, 1 << 6)
        .sleep();
    let image = Image::from_flash(&flash(code, off(Code::default()))).expect("a usable image");
    let press = Stimulus {
        time: 2 * SECOND,
        port: 0,
        pin: 11,
        high: false,
    };
    let settings = Settings {
        stimuli: vec![press],
        trace_pins: true,
        ..Settings::default()
    };
    let run = run(
        image,
        &settings,
        [b"", b""],
        &Limits {
            cycles: Some(10 * SECOND),
            ..Limits::default()
        },
    );
    assert_eq!(run.outcome, Outcome::SystemOff);
    assert!((2 * SECOND..2 * SECOND + 500).contains(&run.machine.now()));
    assert!(
        run.messages.contains("2.000000 s: P0.11 0"),
        "{}",
        run.messages
    );
}

/// Interrupts an IT block by a handler of these instructions.
fn interrupted_block(handler: &[u16]) {
    let set_pending = NVIC_ENABLE + 0x100;
    // cmp r2, #1; itee ne; strne r1, [r0]; moveq r3, #1; moveq r4, #1: the
    // store causes the interrupt, whose handler returns to what must not be
    // executed.
    let block = [0x2a01, 0xbf12, 0x6001, 0x2301, 0x2401];
    let code = Code::default()
        .poke(NVIC_ENABLE, 1 << 20)
        .load(2, 0)
        .load(3, 7)
        .load(4, 7)
        .load(0, set_pending)
        .load(1, 1 << 20)
        .raw(&block);
    let run = run_code(off(code), Code::default().raw(handler));
    assert_eq!(run.outcome, Outcome::SystemOff);
    assert_eq!(run.machine.statistics().interrupts[20], 1);
    assert_eq!(
        (run.machine.core().reg(3), run.machine.core().reg(4)),
        (7, 7)
    );
}

#[test]
fn an_interrupt_amid_an_it_block_leaves_the_rest_of_it_conditional() {
    // bx lr
    interrupted_block(&[0x4770]);
}

#[test]
fn so_does_a_handler_that_ends_in_an_it_block() {
    // cmp r2, #0; it eq; bxeq lr
    interrupted_block(&[0x2a00, 0xbf08, 0x4770, FOREVER]);
}

#[test]
fn an_event_without_an_enabled_interrupt_ends_wfe() {
    let code = Code::default()
        .poke(0xe000_ed10, 1 << 4) // SCR.SEVONPEND
        .poke(RNG + 0x304, 1)
        .poke(RNG, 1)
        .raw(&[0xbf20]);
    let run = run_code(off(code), Code::default());
    assert_eq!(run.outcome, Outcome::SystemOff);
    assert!(
        (1920..2500).contains(&run.machine.now()),
        "{}",
        run.machine.now()
    );
}

#[test]
fn flash_is_written_only_through_its_controller() {
    let code = Code::default()
        .poke(NVMC + 0x504, 1)
        .poke(0x8000, 0x0000_ffff)
        .poke(0x8000, 0xffff_00ff);
    let run = run_code(off(code), Code::default());
    assert_eq!(
        (run.outcome, run.machine.memory().word(0x8000)),
        (Outcome::SystemOff, Some(0x0000_00ff))
    );
    assert!(run.machine.now() > 2 * 41 * 64, "each write takes 41 µs");

    let run = run_code(
        Code::default().poke(0x8000, 0).raw(&[FOREVER]),
        off(Code::default()),
    );
    assert_eq!(
        (run.outcome, run.machine.memory().word(0x8000)),
        (Outcome::SystemOff, Some(u32::MAX))
    );
    assert!(run.messages.contains("HardFault"), "{}", run.messages);
    assert!(
        run.messages.contains("address 0x00008000"),
        "{}",
        run.messages
    );
}

#[test]
fn a_fault_is_reported_with_its_registers() {
    let code = Code::default().load(3, 0xcafe_f00d).raw(&[UDF]);
    let run = run_code(code, off(Code::default()));
    assert_eq!(run.outcome, Outcome::SystemOff);
    for part in [
        "HardFault in a thread",
        "pc  0x00000108",
        "r3 0xcafef00d",
        "undefined instruction",
        "escalated",
    ] {
        assert!(run.messages.contains(part), "{part} in {}", run.messages);
    }
    assert_eq!(run.machine.statistics().faults, 1);
}

#[test]
fn a_fault_within_a_fault_locks_up() {
    let run = run_code(Code::default().raw(&[UDF]), Code::default().raw(&[UDF]));
    assert_eq!(run.outcome, Outcome::LockedUp);
    assert!(run.messages.contains("locked up"));
}

#[test]
fn a_reset_starts_anew_and_says_why() {
    // The first time, RESETREAS is 0: ask for a reset. Then switch off.
    let code = off(Code::default()
        .load(0, 0x4000_0400)
        .raw(&[
            0x6801, // ldr r1, [r0]
            0x2900, // cmp r1, #0
            0xd109, // bne to the end of the reset
        ])
        .poke(0xe000_ed0c, 0x05fa_0004)
        .raw(&[FOREVER]));
    let run = run_code(code, Code::default());
    assert_eq!(
        (run.outcome, run.machine.statistics().resets),
        (Outcome::SystemOff, 1)
    );
}

#[test]
fn nothing_to_wait_for_is_the_end() {
    let image = Image::from_flash(&flash(Code::default().sleep(), Code::default()))
        .expect("a usable image");
    let run = run(image, &Settings::default(), [b"", b""], &Limits::default());
    assert_eq!(run.outcome, Outcome::Asleep);
}

#[test]
fn registers_without_a_model_are_reported_once() {
    let spi = 0x4000_3500;
    let code = off(Code::default().poke(spi, 7).poke(spi, 7).until(spi));
    let image = Image::from_flash(&flash(code, Code::default())).expect("a usable image");
    let settings = Settings {
        trace: true,
        ..Settings::default()
    };
    let run = run(
        image,
        &settings,
        [b"", b""],
        &Limits {
            cycles: Some(SECOND),
            ..Limits::default()
        },
    );
    assert_eq!(
        run.outcome,
        Outcome::SystemOff,
        "it reads back what was written"
    );
    assert_eq!(
        run.messages.matches("0x40003500").count(),
        2,
        "{}",
        run.messages
    );
}

/// A generator of noise, the same at each run.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

#[test]
fn no_code_makes_it_panic_or_hang() {
    for seed in 0..200 {
        let mut code = flash(Code::default(), Code::default());
        code.extend(noise(seed).take(4096));
        let image = Image::from_flash(&code).expect("a usable image");
        let settings = Settings {
            trace: true,
            ..Settings::default()
        };
        run(
            image,
            &settings,
            [b"input", b"input"],
            &Limits {
                cycles: Some(SECOND / 1000),
                ..Limits::default()
            },
        );
    }
}

#[test]
fn no_register_value_makes_it_panic_or_hang() {
    for seed in 0..50 {
        let mut noise = noise(seed);
        let mut word =
            || u32::from_le_bytes(std::array::from_fn(|_| noise.next().unwrap_or_default()));
        let code = (0..300).fold(Code::default(), |code, _| {
            let (page, register, value) = (word() % 0x40, word() % 0x400, word());
            let value = [value, 1, 0, RAM + value % 0x4_0000][word() as usize % 4];
            // Not System OFF, which would end the run.
            if (page, register) == (0, 0x140) {
                code
            } else {
                code.poke(0x4000_0000 + page * 0x1000 + register * 4, value)
            }
        });
        let image = Image::from_flash(&flash(code.sleep(), Code::default().raw(&[FOREVER])))
            .expect("a usable image");
        run(
            image,
            &Settings::default(),
            [b"input", b"input"],
            &Limits {
                cycles: Some(SECOND / 10),
                ..Limits::default()
            },
        );
    }
}

#[test]
fn no_file_makes_it_panic() {
    let whole = elf(&flash(Code::default().sleep(), Code::default()));
    let image = Image::parse(&whole).expect("a usable file");
    assert!(Machine::new(image, &Settings::default()).is_ok());
    for length in 0..whole.len() {
        assert!(
            Image::parse(&whole[..length]).is_err(),
            "cut to {length} bytes"
        );
    }
    for (position, byte) in
        (0..whole.len()).flat_map(|position| [0, 1, 0x7f, 0x80, 0xff].map(|byte| (position, byte)))
    {
        let mut damaged = whole.clone();
        damaged[position] = byte;
        if let Ok(image) = Image::parse(&damaged) {
            let _ = image.describe_code(0x100);
            assert!(Machine::new(image, &Settings::default()).is_ok());
        }
    }
}

#[test]
fn files_for_other_processors_are_refused() {
    let code = flash(Code::default(), Code::default());
    let mut other = elf(&code);
    other[18] = 62;
    let elsewhere = {
        let mut file = elf(&code);
        file[64..68].copy_from_slice(&0x0010_0000_u32.to_le_bytes());
        file
    };
    for (file, text) in [
        (other, "not for a 32-bit little-endian Arm"),
        (elsewhere, "neither flash nor RAM"),
        (elf(&[0; 64]), "no vector table"),
    ] {
        let error = Image::parse(&file).expect_err(text).to_string();
        assert!(error.contains(text), "{error}");
    }
}
