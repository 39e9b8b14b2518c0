// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking the devices, each in a thread of its own: one that is slow, gone or
//! hostile holds up nobody else.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::listing::{self, Record};
use rbpf_host::client::{Client, Target};

/// Updates that wait to be looked at; threads wait if there are more.
const WAITING: usize = 16;

/// What a device has said when it was asked.
pub(super) struct Update {
    /// Which device, by position.
    pub(super) device: usize,
    /// When.
    pub(super) at: Instant,
    /// Its containers, or why there are none, made printable.
    pub(super) result: Result<Vec<Record>, String>,
}

/// Asks devices again and again, or so many times; the threads end when
/// nobody receives any more.
pub(super) fn watch(
    targets: Vec<Target>,
    interval: Duration,
    timeout: Duration,
    times: Option<u32>,
) -> Result<Receiver<Update>> {
    let (updates, received) = sync_channel(WAITING);
    for (device, target) in targets.into_iter().enumerate() {
        let updates = updates.clone();
        let client = Client::new(target, timeout);
        thread::Builder::new()
            .name(format!("device {device}"))
            .spawn(move || ask(device, client, interval, times, &updates))
            .context("too many devices")?;
    }
    Ok(received)
}

fn ask(
    device: usize,
    mut client: Client,
    interval: Duration,
    times: Option<u32>,
    updates: &SyncSender<Update>,
) {
    let mut left = times;
    loop {
        let began = Instant::now();
        let result = listing::fetch(&mut client).map_err(|error| error.to_string());
        let failed = result.is_err();
        let update = Update {
            device,
            at: Instant::now(),
            result,
        };
        if updates.send(update).is_err() {
            return;
        }
        if let Some(left) = &mut left {
            *left = left.saturating_sub(1);
            if *left == 0 || failed {
                return;
            }
        }
        thread::sleep(interval.saturating_sub(began.elapsed()));
    }
}
