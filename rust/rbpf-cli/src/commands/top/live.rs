// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal: taken over, drawn on, and given back, however it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};

use super::figures::Device;
use super::screen::Screen;
use super::watch::Update;

/// How long a key waits; ages on the screen grow in such steps, too.
const TICK: Duration = Duration::from_millis(100);
/// The screen is drawn this often if nothing happens.
const REDRAW: Duration = Duration::from_millis(500);
/// How long the loop has to notice a signal.
const GRACE: Duration = Duration::from_secs(1);
/// Keys that are taken before the screen is drawn again.
const MAX_EVENTS: usize = 64;

/// Shows devices until the user quits.
pub(super) fn run(
    devices: Vec<Device>,
    updates: &Receiver<Update>,
    interval: Duration,
) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // Ctrl-C is a key like others while the terminal is raw; this is for
    // signals from elsewhere.
    ctrlc::set_handler(move || {
        stopped.store(true, Ordering::Relaxed);
        // crossterm 0.29 reads for ever from a terminal that was closed.
        std::thread::sleep(GRACE);
        // It may be gone; then there is nothing to restore.
        let _ = ratatui::try_restore();
        std::process::exit(1);
    })
    .context("signals")?;
    // Restores the terminal on a panic, too.
    let result = ratatui::try_init()
        .context("terminal")
        .and_then(|terminal| show(terminal, Screen::new(devices, interval), updates, &stop));
    let restored = ratatui::try_restore().context("terminal");
    result.and(restored)
}

fn show(
    mut terminal: DefaultTerminal,
    mut screen: Screen,
    updates: &Receiver<Update>,
    stop: &AtomicBool,
) -> Result<()> {
    let mut drawn: Option<Instant> = None;
    while !screen.wants_to_quit() && !stop.load(Ordering::Relaxed) {
        let mut changed = false;
        for update in updates.try_iter() {
            screen.update(update);
            changed = true;
        }
        let now = Instant::now();
        let is_due = |drawn| now.saturating_duration_since(drawn) >= REDRAW;
        if changed || drawn.is_none_or(is_due) {
            terminal
                .draw(|frame| screen.draw(frame, now))
                .context("terminal")?;
            drawn = Some(now);
        }
        let mut wait = TICK;
        for _ in 0..MAX_EVENTS {
            if !event::poll(wait).context("terminal")? {
                break;
            }
            wait = Duration::ZERO;
            match event::read().context("terminal")? {
                Event::Key(key) => screen.key(key),
                Event::Resize(..) => {}
                _ => continue,
            }
            drawn = None;
        }
    }
    Ok(())
}
