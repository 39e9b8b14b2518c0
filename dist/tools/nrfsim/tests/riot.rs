// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real image of RIOT for nrf52840dk, if `NRFSIM_TEST_ELF` names one. Any
//! application does that prints RIOT's greeting; of one with a shell, the shell
//! is tried, too.

mod common;

use std::io::Write;
use std::path::Path;

use common::{SECOND, run};
use nrfsim::image::Image;
use nrfsim::machine::{Limits, Outcome};
use nrfsim::soc::Settings;
use nrfsim::stacks;

#[test]
fn riot_boots_and_its_stacks_are_found() {
    let Some(path) = std::env::var_os("NRFSIM_TEST_ELF") else {
        // Not by eprintln!, which the test harness would swallow.
        let text = "SKIPPED: NRFSIM_TEST_ELF names no image of RIOT for nrf52840dk";
        let _ = writeln!(std::io::stderr(), "{text}");
        return;
    };
    let image = Image::open(Path::new(&path)).expect("a usable file");
    let has_shell = image.symbol("shell_run_once").is_some();
    let limits = Limits {
        cycles: Some(60 * SECOND),
        idle: Some(5 * SECOND),
        ..Limits::default()
    };
    let run = run(
        image,
        &Settings {
            trace: true,
            ..Settings::default()
        },
        [b"s\nhelp\n", b""],
        &limits,
    );
    println!("{}\n{}", run.lines[0], run.messages);
    assert!(run.lines[0].contains("This is RIOT!"));
    assert!(
        matches!(run.outcome, Outcome::Idle | Outcome::TimeLimit),
        "{:?}",
        run.outcome
    );
    assert_eq!(run.machine.statistics().faults, 0);
    if has_shell {
        assert!(run.lines[0].contains("Description"), "no answer to `help`");
    }
    let stacks = stacks::measure(run.machine.image(), run.machine.memory());
    println!("{}", stacks::table(&stacks));
    assert!(
        stacks
            .iter()
            .any(|stack| stack.pid.is_some() && stack.used > 0 && stack.used < stack.size)
    );
}
