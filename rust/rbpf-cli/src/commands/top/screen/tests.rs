// SPDX-License-Identifier: MIT OR Apache-2.0
//! Screens without a terminal.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::figures::tests::{record, said};
use super::*;
use crate::listing::{Record, ReportedFault};

const INTERVAL: Duration = Duration::from_secs(1);

fn press(screen: &mut Screen, keys: &str) {
    for key in keys.chars() {
        screen.key(KeyEvent::from(KeyCode::Char(key)));
    }
}

/// What is on a screen of this size, line by line.
fn drawn(screen: &mut Screen, width: u16, height: u16, now: Instant) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("infallible");
    terminal
        .draw(|frame| screen.draw(frame, now))
        .expect("infallible");
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Two devices, of which one has gone; and when that was.
fn screen() -> (Screen, Instant) {
    let start = Instant::now();
    let devices = vec![
        Device::new("coap://[::1]".into()),
        Device::new("coap://node:9".into()),
        Device::new("coap://new".into()),
    ];
    let mut screen = Screen::new(devices, INTERVAL);
    let mut faulty = record("filter", 7, 700, 1);
    faulty.path = Some("/filter".into());
    faulty.bytes = Some(290);
    faulty.fault = Some(ReportedFault {
        kind: Some("InvalidRead".into()),
        pc: Some(3),
        address: Some(4),
        ..ReportedFault::default()
    });
    screen.update(said(
        0,
        start,
        Ok(vec![record("sensor", 0, 0, 0), faulty.clone()]),
    ));
    screen.update(said(1, start, Ok(vec![record("a\x1b[2J", 1, 1, 0)])));
    let later = start + INTERVAL;
    screen.update(said(
        0,
        later,
        Ok(vec![record("sensor", 20, 3000, 0), faulty]),
    ));
    screen.update(said(1, later, Err("no answer within 5 s".into())));
    (screen, later)
}

#[test]
fn a_screen() {
    let (mut screen, now) = screen();
    press(&mut screen, "jj");
    let lines = drawn(&mut screen, 134, 15, now + Duration::from_millis(500));
    let expected = [
        "rbpf top   devices 3   containers 3   every 1 s   sorted by device",
        "coap://[::1]   up      containers 2   data 0.5 s old",
        "coap://node:9  down    containers 1   data 1.5 s old   no answer within 5 s",
        "coap://new     asking  no data yet",
        "",
        "  DEVICE  CONTAINER   STATE  RUNS  RUNS/S  INSTRUCTIONS  INSTR/S  LONGEST  FAULTS  HELPERS  LAST FAULT",
        "  [::1]   sensor      bound    20    20.0          3000     3000        -       0        -  -",
        "> [::1]   filter      bound     7     0.0           700      0.0        -       1        -  InvalidRead pc 3 address 0x4",
        "  node:9  a\\u{1b}[2J  bound     1       -             1        -        -       0        -  -",
        "",
        "",
        "",
        "filter on coap://[::1]   path /filter   bytes 290",
        "last fault InvalidRead pc 3 address 0x4   rbpf fault FILE --from coap://[::1] finds the line",
        "q quit   up/down or j/k select   s sort",
    ];
    assert_eq!(lines, expected, "{lines:#?}");
}

#[test]
fn the_selection_stays_with_the_container() {
    let (mut screen, now) = screen();
    let selected = |screen: &mut Screen| {
        let lines = drawn(screen, 80, 20, now);
        let line = lines.iter().position(|line| line.starts_with("> "));
        line.map(|line| (line, lines[line].clone()))
    };
    assert_eq!(selected(&mut screen), None);
    press(&mut screen, "jj");
    let (line, text) = selected(&mut screen).expect("one is selected");
    assert!(text.contains("filter"), "{text}");
    // By faults it is the first.
    press(&mut screen, "ssss");
    let (first, text) = selected(&mut screen).expect("it still is");
    assert!(first == line - 1 && text.contains("filter"), "{text}");
    press(&mut screen, "kkk");
    assert_eq!(selected(&mut screen).expect("one is").0, first);
    press(&mut screen, "G");
    assert_eq!(selected(&mut screen).expect("one is").0, first + 2);
    press(&mut screen, "j");
    assert_eq!(selected(&mut screen).expect("one is").0, first + 2);
    press(&mut screen, "g");
    assert_eq!(selected(&mut screen).expect("one is").0, first);
    // Removed from the device: nothing is selected.
    screen.update(said(0, now, Ok(vec![])));
    assert_eq!(selected(&mut screen), None);
    press(&mut screen, "j");
    assert!(selected(&mut screen).is_some());
}

#[test]
fn keys_that_quit() {
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for key in [KeyCode::Char('q').into(), KeyCode::Esc.into(), control] {
        let (mut screen, _) = screen();
        press(&mut screen, "cdxjks");
        assert!(!screen.wants_to_quit());
        screen.key(key);
        assert!(screen.wants_to_quit());
    }
}

#[test]
fn screens_of_any_size() {
    let (mut screen, now) = screen();
    press(&mut screen, "j");
    for width in [0, 1, 2, 3, 5, 9, 20, 33, 60] {
        for height in [0, 1, 2, 3, 5, 6, 7, 9, 12, 20] {
            drawn(&mut screen, width, height, now);
        }
    }
    let mut empty = Screen::new(Vec::new(), INTERVAL);
    press(&mut empty, "jkgGs");
    drawn(&mut empty, 80, 24, now);
}

#[test]
fn many_devices_and_containers() {
    let now = Instant::now();
    let uris = (0..50).map(|number| Device::new(format!("coap://node{number}")));
    let mut screen = Screen::new(uris.collect(), INTERVAL);
    for device in 0..50 {
        let name = |number| record(&format!("c{device}-{number}"), number, 0, 0);
        screen.update(said(device, now, Ok((0..20).map(name).collect())));
    }
    screen.update(said(49, now, Err("gone".into())));
    let lines = drawn(&mut screen, 80, 24, now);
    assert!(
        lines[1].contains("node49") && lines[1].contains("gone"),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line == "and 43 more"), "{lines:#?}");
    press(&mut screen, "jG");
    let lines = drawn(&mut screen, 80, 24, now);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("> node49  c49-19")),
        "{lines:#?}"
    );
}

#[test]
fn hostile_records() {
    let now = Instant::now();
    let mut screen = Screen::new(vec![Device::new("coap://a".into())], INTERVAL);
    let text = || Some("\x1b]0;x\x07\u{202e}\u{200b}\u{301}漢".repeat(1000));
    let record = Record {
        name: text(),
        state: text(),
        tenant: text(),
        path: text(),
        bytes: Some(u64::MAX),
        runs: Some(u64::MAX),
        faults: Some(u64::MAX),
        instructions: Some(u64::MAX),
        longest: Some(u64::MAX),
        helpers: Some(u64::MAX),
        fault: Some(ReportedFault {
            kind: text(),
            pc: Some(u64::MAX),
            address: Some(u64::MAX),
            ..ReportedFault::default()
        }),
    };
    let zero = Record {
        runs: Some(0),
        ..record.clone()
    };
    screen.update(said(0, now, Ok(vec![zero])));
    screen.update(said(0, now + Duration::from_nanos(1), Ok(vec![record; 3])));
    press(&mut screen, "j");
    let all = drawn(&mut screen, 300, 24, now).concat();
    let harmful = |char: char| char.is_control() || "\u{202e}\u{200b}\u{301}".contains(char);
    assert!(!all.chars().any(harmful), "{all}");
}
