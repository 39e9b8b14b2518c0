// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that containers have open.

use rbpf_abi::Errno;
use rbpf_device::{RequestId, Requests};
use rbpf_runtime::AppId;

use super::*;

type Table = Requests<2, 4>;

/// Ids of containers in the slots 0 to 2.
fn apps(fake: &Fake) -> [AppId; 3] {
    let mut runtime = fake.runtime.borrow_mut();
    let image = image("mov %r0, 0\nexit", &[], Capabilities::CORE);
    ["a", "b", "c"].map(|name| {
        let installed = runtime.install(name, &image, Capabilities::all());
        installed.expect("there is room")
    })
}

/// What is taken next: whose it is, its number, outcome, payload, and whether that is
/// not all.
type Taken = (AppId, u32, Result<u8, Errno>, Vec<u8>, bool);

fn take(table: &mut Table) -> Option<Taken> {
    let mut memory = [0xee; 4];
    let answer = table.take(&mut memory)?;
    Some((
        answer.app,
        answer.number,
        answer.outcome,
        answer.payload.to_vec(),
        answer.is_truncated,
    ))
}

#[test]
fn a_slot_has_one_at_a_time() {
    let [a, b, c] = apps(&Fake::new());
    let mut table = Table::new();
    let first = table.open(a).expect("the first");
    assert_eq!(table.open(a), Err(Errno::Busy));
    let other = table.open(b).expect("another slot");
    assert_eq!(table.open(c), Err(Errno::NotSupported), "no such slot");
    assert_eq!((first.number(), other.number()), (1, 1));
    assert_eq!(take(&mut table), None);

    assert!(table.end(first, Ok(0x45), b"abc", false));
    assert_eq!(table.open(a), Err(Errno::Busy), "its end is not taken");
    assert_eq!(
        take(&mut table),
        Some((a, 1, Ok(0x45), b"abc".into(), false))
    );
    assert_eq!(take(&mut table), None);
    let second = table.open(a).expect("free again");
    assert_eq!(second.number(), 2);
    table.withdraw(second);
    assert_eq!(take(&mut table), None);
    assert_eq!(table.open(a).map(RequestId::number), Ok(3));
}

#[test]
fn what_is_late_or_foreign_changes_nothing() {
    let [a, b, _] = apps(&Fake::new());
    let mut table = Table::new();
    let first = table.open(a).expect("free");
    assert!(table.end(first, Err(Errno::TimedOut), b"", false));
    assert!(!table.end(first, Ok(0x45), b"late", false), "twice");
    table.withdraw(first);
    let timed_out = Some((a, 1, Err(Errno::TimedOut), vec![], false));
    assert_eq!(take(&mut table), timed_out);
    assert!(!table.end(first, Ok(0x45), b"late", false), "after its end");

    let second = table.open(a).expect("free");
    table.withdraw(first);
    let word = second.bits();
    for bits in [
        first.bits(),
        word ^ 1,
        word | 2,
        word ^ 0x100,
        word ^ 1 << 31,
        0,
        u32::MAX,
    ] {
        let id = RequestId::from_bits(bits);
        assert!(!table.end(id, Ok(0x45), b"x", false), "{bits:#x}");
    }
    assert_eq!(take(&mut table), None);
    assert!(table.end(RequestId::from_bits(word), Ok(0x84), b"x", false));
    assert_eq!(take(&mut table), Some((a, 2, Ok(0x84), b"x".into(), false)));
    assert!(table.open(b).is_ok());
}

#[test]
fn payloads_are_cut_and_none_sees_anothers() {
    let [a, ..] = apps(&Fake::new());
    let mut table = Table::new();
    for (payload, is_truncated, kept, cut) in [
        (&b"abcd"[..], false, &b"abcd"[..], false),
        (b"abcde", false, b"abcd", true),
        (b"ab", true, b"ab", true),
        (b"", false, b"", false),
    ] {
        let id = table.open(a).expect("free");
        assert!(table.end(id, Ok(0x45), payload, is_truncated));
        let (_, _, _, payload, truncated) = take(&mut table).expect("it has ended");
        assert_eq!((&*payload, truncated), (kept, cut));
    }
}

#[test]
fn slots_take_turns() {
    let [a, b, _] = apps(&Fake::new());
    let mut table = Table::new();
    let end = |table: &mut Table, app| {
        let id = table.open(app).expect("free");
        table.end(id, Ok(0x44), b"", false)
    };
    // One that asks again at once does not keep the other from its answer.
    assert!(end(&mut table, a) && end(&mut table, b));
    let mut order = Vec::new();
    for _ in 0..6 {
        let (app, ..) = take(&mut table).expect("two are there");
        order.push(app);
        assert!(end(&mut table, app));
    }
    assert_eq!(order, [a, b, a, b, a, b]);
}

#[test]
fn numbers_wrap_past_0() {
    let [a, ..] = apps(&Fake::new());
    let mut table = Box::new(Table::new());
    let mut last = 0;
    for _ in 0..(1 << 24) + 1 {
        let id = table.open(a).expect("free");
        assert_ne!(id.number(), 0);
        last = id.number();
        table.withdraw(id);
    }
    assert_eq!(last, 2);
}
