// SPDX-License-Identifier: MIT OR Apache-2.0
//! A sign of life for what takes longer than a second, on terminals only.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::ProgressBar;

/// Runs something; a spinner with the message appears after a second.
pub(crate) fn during<T>(message: &str, work: impl FnOnce() -> T) -> T {
    let (done, wait) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(Duration::from_secs(1)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            // Draws to stderr, and nothing at all if that is no terminal.
            let spinner = ProgressBar::new_spinner().with_message(message.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(120));
            // An error says that the work is done: its end is dropped.
            let _ = wait.recv();
            spinner.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}
