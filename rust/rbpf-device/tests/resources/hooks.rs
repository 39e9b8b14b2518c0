// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may be bound to a hook.

use super::{
    CHANGED, CONFLICT, CREATED, FORBIDDEN, Fake, NOT_FOUND, POST, PUT, Server, image, number,
    with_tenants,
};
use rbpf_abi::Capabilities;
use rbpf_runtime::Hook;

/// For all, for those that may read sensors, for those that do not wait.
const HOOKS: &[Hook<'_>] = &[
    Hook::new("button"),
    Hook {
        needs: Capabilities::SENSOR,
        ..Hook::new("sensors")
    },
    Hook::new("quick").bounded(100),
];

#[test]
fn hooks_say_who_may_be_bound() {
    let fake = Fake {
        hooks: HOOKS,
        ..Fake::new()
    };
    let mut server = Server::new(&fake);
    let granted = image("call 0x30\nexit", &[0x30], Capabilities::SENSOR);
    let printing = image("exit", &[], Capabilities::LOG | Capabilities::SENSOR);
    server.expect(CREATED, PUT, "/rbpf/app/plain", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/granted", &granted);
    server.expect(CREATED, PUT, "/rbpf/app/printing", &printing);
    for (wanted, name, hook) in [
        // It needs a right.
        (FORBIDDEN, "plain", "sensors"),
        (CHANGED, "granted", "sensors"),
        (CONFLICT, "granted", "sensors"),
        // It has a bound, which forbids one.
        (FORBIDDEN, "printing", "quick"),
        (CHANGED, "plain", "quick"),
        // A path is bound by no rights.
        (CHANGED, "printing", "/sensors"),
        (NOT_FOUND, "granted", "sensor"),
    ] {
        let path = format!("/rbpf/bind/{name}");
        server.expect(wanted, POST, &path, hook.as_bytes());
    }
    assert_eq!(
        server.get("/rbpf/bindings").text(),
        "sensors granted events 0\nquick plain events 0\n/sensors printing events 0\nbutton -\n"
    );
}

/// Who asks may bind its own containers only, whatever rights these have.
#[test]
fn hooks_are_bound_to_for_oneself() {
    let fake = Fake {
        hooks: HOOKS,
        ..with_tenants()
    };
    let mut server = Server::new(&fake);
    server.expect(CREATED, PUT, "/rbpf/app/own", &number(1));
    server.expect(CREATED, PUT, "/rbpf/app/a?tenant=alice", &number(2));
    for (wanted, name, hook) in [
        (FORBIDDEN, "own?tenant=alice", "button"),
        (FORBIDDEN, "a?tenant=bob", "button"),
        (NOT_FOUND, "a?tenant=carol", "button"),
        // Her container has not the right.
        (FORBIDDEN, "a?tenant=alice", "sensors"),
        (CHANGED, "a?tenant=alice", "button"),
        (CHANGED, "own", "button"),
    ] {
        let path = format!("/rbpf/bind/{name}");
        server.expect(wanted, POST, &path, hook.as_bytes());
    }
    for (wanted, name) in [
        (FORBIDDEN, "own?tenant=alice"),
        (FORBIDDEN, "a?tenant=bob"),
        (CHANGED, "a?tenant=alice"),
        (CHANGED, "own"),
    ] {
        let path = format!("/rbpf/unbind/{name}");
        server.expect(wanted, POST, &path, b"button");
    }
}
