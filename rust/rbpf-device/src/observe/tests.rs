// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

const INTERVAL: u32 = 1000;
/// Wraps in the middle of a test.
const START: u32 = u32::MAX - 1500;

/// The last digit is the address, the first of three the network.
impl Peer for u8 {
    fn address(&self) -> u128 {
        u128::from(self / 100) << 64 | u128::from(self % 10)
    }
}

type Table = Observers<u8, 4, INTERVAL>;

fn table() -> Table {
    Observers::new()
}

fn none(_: &str) -> Option<u32> {
    None
}

fn version(version: u32) -> impl Fn(&str) -> Option<u32> {
    move |_| Some(version)
}

/// Time of a test.
fn at(ms: u32) -> u32 {
    START.wrapping_add(ms)
}

/// Tells who is due that there is this version.
fn tell(table: &mut Table, id: u16, ms: u32, current: u32) -> Option<Notification> {
    let observer = table.take_due(at(ms), version(current))?;
    // What a container answers has no version.
    Some(table.notify(observer, 0, id, at(ms)))
}

/// An observer who has confirmed the first notification, of version 1.
fn confirmed() -> Table {
    let mut table = table();
    table.register(1, b"t", "/a", None, 0, at(0)).unwrap();
    assert!(tell(&mut table, 7, 0, 1).unwrap().is_confirmable);
    table.acknowledge(&1, 7, at(0));
    table
}

#[test]
fn who_is_registered() {
    let mut table = table();
    assert!(table.is_empty());
    let mut register = |peer, token: &[u8], path: &str, format| {
        table.register(peer, token, path, format, 0, at(0))
    };
    assert_eq!(register(1, b"", "/a", None), Some(1));
    assert_eq!(register(1, b"12345678", "/b", None), Some(2));
    assert_eq!(register(2, b"", "/a", None), Some(3));
    assert_eq!(register(3, b"", "/a", None), Some(4));
    // There is room for four.
    assert_eq!(register(2, b"x", "/b", None), None);
    // Again, with a token or a resource that the peer has: in its place.
    assert_eq!(register(1, b"", "/c", None), Some(5));
    assert_eq!(register(1, b"x", "/c", None), Some(6));
    assert_eq!(register(2, b"x", "/b", None), None);
    assert_eq!(register(1, b"y", "/c", Some(60)), None, "another resource");
    // What is hostile takes nobody's place.
    assert_eq!(register(2, b"123456789", "/a", None), None);
    let long = "/0123456789012345678901234567890123456789";
    assert_eq!(register(2, b"", long, None), None);
    assert_eq!(table.observers.len(), 4);

    table.deregister(&1, b"");
    table.deregister(&4, b"");
    assert_eq!(table.observers.len(), 4);
    table.deregister(&1, b"x");
    table.deregister(&1, b"12345678");
    table.deregister(&2, b"");
    table.deregister(&3, b"");
    assert!(table.is_empty());
    assert_eq!(
        table.take_due(at(0), none).map(|observer| observer.peer),
        None
    );
}

/// From however many ports, and with however many resources.
#[test]
fn one_address_has_half_of_the_table() {
    let mut table = table();
    let mut register = |peer, token: &[u8], path: &str| {
        let number = table.register(peer, token, path, None, 0, at(0));
        number.is_some()
    };
    let registered = [1, 11, 21, 31].map(|peer| register(peer, b"", "/a"));
    assert_eq!(registered, [true, true, false, false]);
    assert!(!register(1, b"new", "/b"), "another resource");
    assert!(register(1, b"new", "/a"), "again");
    let registered = [2, 12, 3].map(|peer| register(peer, b"", "/a"));
    assert_eq!(registered, [true, true, true], "who has few gets room");
    table.deregister(&11, b"");
    assert!(table.register(21, b"", "/a", None, 0, at(0)).is_some());

    // One that has room for one has it for anybody.
    let mut single = Observers::<u8, 1, INTERVAL>::new();
    assert!(single.register(1, b"", "/a", None, 0, at(0)).is_some());
    assert!(single.register(2, b"", "/a", None, 0, at(0)).is_none());
}

/// Nobody takes the place of those who have few.
#[test]
fn who_has_most_gives_way() {
    let mut table = table();
    let register = |table: &mut Table, peer: u8| {
        let number = table.register(peer, b"", "/a", None, 0, at(0));
        number.is_some()
    };
    let peers = |table: &Table| {
        let mut peers: Vec<u8, 4> = table.observers.iter().map(|other| other.peer).collect();
        peers.sort_unstable();
        peers
    };
    // A network alone has the whole table, and its neighbours a part for each.
    assert!([101, 102, 103, 104].map(|peer| register(&mut table, peer)) == [true; 4]);
    assert!(!register(&mut table, 105), "each has one");
    // Another one, however many addresses and ports it has, gets half.
    assert!([201, 202, 203].map(|peer| register(&mut table, peer)) == [true, true, false]);
    assert_eq!(peers(&table)[2..], [201, 202]);
    // A third takes one of those; not those who are in a network of one then.
    assert!(register(&mut table, 1));
    assert!(register(&mut table, 2));
    let networks = peers(&table)
        .iter()
        .map(|peer| peer / 100)
        .collect::<Vec<u8, 4>>();
    assert_eq!(networks, [0, 0, 1, 2]);
    assert!(!register(&mut table, 3) && !register(&mut table, 103) && !register(&mut table, 203));

    // In a network, one who has many addresses' worth gives way to its neighbours.
    let mut table = self::table();
    assert!([109, 119, 101, 102].map(|peer| register(&mut table, peer)) == [true; 4]);
    assert!(register(&mut table, 103));
    assert_eq!(peers(&table)[..3], [101, 102, 103]);
}

/// Whoever confirms nothing is forgotten, though it asks again and again.
#[test]
fn asking_again_confirms_nothing() {
    let mut table = table();
    let (mut sent, mut ms) = (0, 0);
    table.register(1, b"t", "/a", None, 0, at(0)).unwrap();
    while !table.is_empty() {
        sent += u32::from(tell(&mut table, 7, ms, 1).is_some());
        ms += 500;
        if !table.is_empty() {
            table.register(1, b"t", "/a", None, 0, at(ms)).unwrap();
        }
        assert!(ms < 600_000, "it stays");
    }
    assert_eq!(sent, ATTEMPTS.into());
}

#[test]
fn changes_are_told_once_and_in_order() {
    let mut table = confirmed();
    assert_eq!(tell(&mut table, 8, 999, 2), None, "it is too soon");
    assert_eq!(tell(&mut table, 8, 5000, 1), None, "there is no change");
    let first = tell(&mut table, 8, 5000, 2).unwrap();
    assert_eq!(tell(&mut table, 9, 5000, 3), None);
    assert_eq!(tell(&mut table, 9, 5999, 4), None);
    let second = tell(&mut table, 9, 6000, 5).unwrap();
    assert_eq!(tell(&mut table, 9, 7000, 5), None);
    assert_eq!((first.number, second.number), (3, 4));
    assert!(!first.is_confirmable && !second.is_confirmable);
}

#[test]
fn numbers_have_24_bits() {
    let mut table = table();
    table.number = 0x00ff_fffe;
    assert_eq!(
        table.register(1, b"", "/a", None, 0, at(0)),
        Some(0x00ff_ffff)
    );
    assert_eq!(tell(&mut table, 0, 0, 1).map(|told| told.number), Some(0));
}

#[test]
fn nothing_is_sent_before_a_confirmation() {
    let mut table = table();
    table.register(1, b"t", "/a", None, 0, at(0));
    // Three seconds, then twice as long each time, with what there is then.
    let mut now = 0;
    for (attempt, wait) in [3000, 6000, 12_000, 24_000, 48_000].into_iter().enumerate() {
        let attempt = attempt as u16;
        let told = tell(&mut table, attempt, now, 1 + u32::from(attempt));
        assert!(told.unwrap().is_confirmable);
        assert_eq!(table.next(at(now), version(9)), Some(wait));
        assert_eq!(tell(&mut table, 99, now + wait - 1, 9), None);
        now += wait;
    }
    assert_eq!(tell(&mut table, 99, now, 9), None);
    assert!(table.is_empty(), "it has gone");
}

#[test]
fn a_confirmation_is_of_the_last_message() {
    let mut table = table();
    table.register(1, b"t", "/a", None, 0, at(0));
    tell(&mut table, 7, 0, 1).unwrap();
    tell(&mut table, 8, 3000, 1).unwrap();
    table.acknowledge(&1, 7, at(3001));
    table.acknowledge(&2, 8, at(3001));
    assert_eq!(table.next(at(3001), version(1)), Some(5999), "not of it");
    table.acknowledge(&1, 8, at(3001));
    assert_eq!(table.next(at(3001), version(2)), Some(INTERVAL));
    // A second one means nothing.
    table.acknowledge(&1, 8, at(3500));
    assert_eq!(table.next(at(3501), version(2)), Some(500));
}

#[test]
fn every_so_often_one_is_to_be_confirmed() {
    let mut table = confirmed();
    for number in 1..=UNCONFIRMED {
        let number = u32::from(number);
        let told = tell(&mut table, 8, number * INTERVAL, 1 + number);
        assert!(!told.unwrap().is_confirmable, "{number}");
    }
    assert!(
        tell(&mut table, 8, 9 * INTERVAL, 99)
            .unwrap()
            .is_confirmable
    );
}

/// Whoever sends a datagram takes a place, but not for long if nobody is there.
#[test]
fn who_has_confirmed_nothing_is_soon_asked() {
    let mut table = table();
    table.register(1, b"t", "/a", None, 0, at(0)).unwrap();
    assert_eq!(table.next(at(0), version(0)), Some(CONFIRM_FIRST));
    assert_eq!(tell(&mut table, 7, CONFIRM_FIRST - 1, 0), None);
    let mut now = CONFIRM_FIRST;
    for _ in 0..ATTEMPTS {
        assert!(tell(&mut table, 7, now, 0).unwrap().is_confirmable);
        now += table.next(at(now), version(0)).unwrap();
    }
    assert_eq!(tell(&mut table, 7, now, 0), None);
    assert!(table.is_empty());
    assert!(now < 3 * CONFIRM_FIRST);
}

#[test]
fn after_a_day_who_is_silent_is_asked() {
    let mut table = confirmed();
    assert_eq!(table.next(at(10), version(1)), Some(CONFIRM - 10));
    assert_eq!(tell(&mut table, 8, CONFIRM - 1, 1), None);
    let observer = table.take_due(at(CONFIRM), version(1)).unwrap();
    assert!(observer.needs(0, at(CONFIRM)));
    let told = table.notify(observer, 0, 8, at(CONFIRM));
    assert!(told.is_confirmable);
    table.acknowledge(&1, 8, at(CONFIRM + 5));
    assert_eq!(table.next(at(CONFIRM + 5), version(1)), Some(CONFIRM));
}

#[test]
fn a_reset_ends_an_observation() {
    let mut table = confirmed();
    tell(&mut table, 8, 1000, 2).unwrap();
    table.reset(&1, 7);
    table.reset(&2, 8);
    assert!(!table.is_empty(), "not meant");
    table.reset(&1, 8);
    assert!(table.is_empty());
}

#[test]
fn own_resources_are_asked_at_intervals() {
    let mut table = table();
    table.register(1, b"t", "/rbpf", Some(60), 5, at(0));
    let observer = table.take_due(at(0), none).unwrap();
    assert_eq!((&*observer.path, observer.format), ("/rbpf", Some(60)));
    assert!(!observer.needs(5, at(0)));
    assert!(observer.needs(6, at(0)));
    table.keep(observer, at(0));
    assert_eq!(table.next(at(0), none), Some(INTERVAL));
    assert!(table.take_due(at(999), none).is_none());
    let observer = table.take_due(at(1000), none).unwrap();
    table.notify(observer, 6, 7, at(1000));
    table.acknowledge(&1, 7, at(1000));
    let observer = table.take_due(at(2000), none).unwrap();
    assert!(!observer.needs(6, at(2000)));
}

#[test]
fn who_waits_longest_is_first() {
    let mut table = table();
    for peer in 1..=3 {
        table.register(peer, b"", "/a", None, 0, at(peer.into()));
    }
    let told: Vec<u8, 4> = core::iter::from_fn(|| {
        let observer = table.take_due(at(10), version(1))?;
        let peer = observer.peer;
        table.keep(observer, at(10));
        Some(peer)
    })
    .collect();
    assert_eq!(told, [1, 2, 3]);
    // Nobody has been told.
    let observer = table.take_due(at(1010), version(1)).unwrap();
    assert!(observer.needs(0, at(1010)));
}
