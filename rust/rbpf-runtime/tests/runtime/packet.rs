// SPDX-License-Identifier: MIT OR Apache-2.0
//! What containers see of packets, and what they can do to them.

use rbpf_abi::Capabilities;
use rbpf_runtime::{
    AppId, BindError, Direction, Packet, PacketCounters, PacketHook, PacketType, Verdict,
};

use crate::support::*;

const RX: PacketHook = PacketHook::new(Direction::Rx, PacketType::Udp);
const BUDGET: u32 = 1000;

/// Installs an app that may do what is said, and binds it to `rx:udp`.
fn bind(device: &mut Device, name: &str, wants: Capabilities, source: &str) -> AppId {
    let app = App {
        wants,
        ..app(source)
    };
    let app = app.install(device, name);
    device.bind_hook(&RX.rules(), app).unwrap();
    app
}

fn packet(data: &[u8]) -> Packet<'_> {
    Packet {
        hook: RX,
        length: 1000,
        interface: 7,
        data,
    }
}

const FILTER: Capabilities = Capabilities::PACKET.union(Capabilities::PACKET_DROP);

#[test]
fn results_are_verdicts() {
    let cases = [
        ("mov %r0, 0\nexit", Verdict::Pass),
        ("mov %r0, 1\nexit", Verdict::Drop),
        ("mov %r0, 2\nexit", Verdict::Count),
        ("mov %r0, 3\nexit", Verdict::Pass),
        ("mov %r0, -1\nexit", Verdict::Pass),
        ("lddw %r0, 0x100000001\nexit", Verdict::Pass),
        // A fault, and no end.
        ("ldxb %r0, [%r0]\nexit", Verdict::Pass),
        ("loop: ja loop\nexit", Verdict::Pass),
    ];
    for (source, verdict) in cases {
        let mut device = device();
        bind(&mut device, "app", FILTER, source);
        assert_eq!(device.judge(&packet(b"x"), BUDGET), verdict, "{source}");
    }
    let mut device = device();
    assert_eq!(device.judge(&packet(b"x"), BUDGET), Verdict::Pass, "nobody");
}

#[test]
fn each_hook_has_its_own_containers_and_name() {
    let kinds = [PacketType::Udp, PacketType::Ipv6, PacketType::Sixlowpan];
    let hooks = [Direction::Rx, Direction::Tx]
        .into_iter()
        .flat_map(|direction| kinds.map(|kind| PacketHook::new(direction, kind)));
    let mut names = Vec::new();
    for hook in hooks {
        let mut device = device();
        bind(&mut device, "app", FILTER, "mov %r0, 1\nexit");
        let packet = Packet {
            hook,
            ..packet(b"x")
        };
        let dropped = device.judge(&packet, BUDGET) == Verdict::Drop;
        assert_eq!(dropped, hook == RX, "{hook:?}");
        names.push(hook.name());
    }
    let expected = [
        "rx:udp",
        "rx:ipv6",
        "rx:6lowpan",
        "tx:udp",
        "tx:ipv6",
        "tx:6lowpan",
    ];
    assert_eq!(names, expected);
}

#[test]
fn whoever_may_not_drop_watches() {
    let mut device = device();
    let watching = bind(
        &mut device,
        "watch",
        Capabilities::PACKET,
        "mov %r0, 1\nexit",
    );
    assert_eq!(device.judge(&packet(b"x"), BUDGET), Verdict::Pass);
    bind(&mut device, "filter", FILTER, "mov %r0, 1\nexit");
    assert_eq!(device.judge(&packet(b"x"), BUDGET), Verdict::Drop);
    let denied: Vec<_> = device.apps().map(|info| info.denied).collect();
    assert_eq!(denied, [2, 0]);
    assert!(device.remove(watching));

    // And whoever may only drop sees nothing.
    let blind = App {
        wants: Capabilities::PACKET_DROP,
        ..app("exit")
    };
    let blind = blind.install(&mut device, "blind");
    let bound = device.bind_hook(&RX.rules(), blind);
    assert_eq!(bound, Err(BindError::Denied));
}

#[test]
fn the_first_verdict_counts() {
    let mut device = device();
    bind(&mut device, "pass", FILTER, "mov %r0, 0\nexit");
    bind(&mut device, "fault", FILTER, "ldxb %r0, [%r0]\nexit");
    bind(&mut device, "drop", FILTER, "mov %r0, 1\nexit");
    assert_eq!(device.judge(&packet(b"x"), BUDGET), Verdict::Drop);
    assert!(device.apps().all(|info| info.counters.runs == 1));
}

#[test]
fn a_container_sees_the_packet() {
    // Fields of the context, and where: address, length, bytes that there are,
    // interface, direction and type.
    let fields = [
        ("ldxdw", 0, at::GRANTED),
        ("ldxw", 8, 1000),
        ("ldxw", 12, 3),
        ("ldxh", 16, 7),
        ("ldxb", 18, 0),
        ("ldxb", 19, 1),
        ("ldxw", 20, 0),
    ];
    for (load, offset, value) in fields {
        let source = format!(
            "{load} %r3, [%r1+{offset}]
            lddw %r4, {value:#x}
            mov %r0, 1
            jeq %r3, %r4, end
            mov %r0, 0
            end: exit"
        );
        let mut device = device();
        bind(&mut device, "app", FILTER, &source);
        assert_eq!(
            device.judge(&packet(b"abc"), BUDGET),
            Verdict::Drop,
            "{source}"
        );
    }
    let last = "ldxdw %r3, [%r1]\nldxb %r0, [%r3+2]\nsub %r0, 0x62\nexit";
    let mut device = device();
    bind(&mut device, "app", FILTER, last);
    assert_eq!(device.judge(&packet(b"abc"), BUDGET), Verdict::Drop);
    // One byte less, or none: it faults, and the packet passes.
    assert_eq!(device.judge(&packet(b"ab"), BUDGET), Verdict::Pass);
    assert_eq!(device.judge(&packet(b""), BUDGET), Verdict::Pass);
    assert!(device.apps().all(|info| info.counters.faults == 2));
}

#[test]
fn the_packet_is_not_written() {
    let mut device = device();
    let app = bind(
        &mut device,
        "app",
        FILTER,
        "ldxdw %r3, [%r1]\nstb [%r3], 0\nmov %r0, 1\nexit",
    );
    assert_eq!(device.judge(&packet(b"abc"), BUDGET), Verdict::Pass);
    let info = device.apps().find(|info| info.id == app).unwrap();
    assert_eq!(info.counters.faults, 1);
}

/// Who may only watch can't mislead those who decide.
#[test]
fn a_context_is_nobody_elses() {
    let mut device = device();
    bind(
        &mut device,
        "watch",
        Capabilities::PACKET,
        "stw [%r1+8], 1\nmov %r0, 0\nexit",
    );
    bind(
        &mut device,
        "filter",
        FILTER,
        "ldxw %r3, [%r1+8]\nmov %r0, 0\njne %r3, 1, end\nmov %r0, 1\nend: exit",
    );
    assert_eq!(device.judge(&packet(b"x"), BUDGET), Verdict::Pass);
    assert!(device.apps().all(|info| info.counters.faults == 0));
}

#[test]
fn counters_wrap() {
    let mut counters = PacketCounters {
        seen: u32::MAX - 2,
        ..PacketCounters::ZERO
    };
    for verdict in [Verdict::Pass, Verdict::Drop, Verdict::Count, Verdict::Drop] {
        counters.count(verdict);
    }
    let expected = PacketCounters {
        seen: 1,
        dropped: 2,
        counted: 1,
    };
    assert_eq!(counters, expected);
}
