// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device` as a process of its own: it answers, and ends when told to.
#![cfg(unix)]

mod common;

use common::device::Device;
use common::{Folder, clang};

#[test]
fn it_answers_until_it_is_told_to_end() {
    if !clang() {
        return;
    }
    let folder = Folder::new();
    folder.example("coap_sensor");
    let description = folder.write(
        "device.toml",
        "[coap]\nlisten = ['127.0.0.1:0']\n\
         [[sensor]]\nname = 'a'\nclass = 'temp'\nscale = -2\nkind = 'constant'\nvalue = [-705]\n\
         [[application]]\nname = 'temperature'\nimage = 'coap_sensor.rbpf'\ncoap = '/sensor'\n\
         allow = ['sensor', 'coap-response']\n",
    );
    let device = Device::start(&description);
    // Acknowledgement, 2.05, the same message id, text, and the payload.
    let expected = b"\x60\x45\x12\x34\xc0\xff-7.05";
    assert_eq!(
        device.get("sensor").escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    let all = device.end();
    for wanted in [
        "application temperature path /sensor bytes ",
        "request 127.0.0.1:",
        "GET /sensor 2.05 5 bytes",
        "counters temperature state bound path /sensor bytes ",
        "runs 1 faults 0",
    ] {
        assert!(all.contains(wanted), "`{wanted}` in {all}");
    }
}
