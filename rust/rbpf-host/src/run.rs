// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf device`: a device described by a file, until it is told to end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use crate::config::{Config, ConfigError};
use crate::device::{ApplicationStatus, Device, DeviceError, DeviceSettings};
use crate::server::Server;
use crate::services::{Log, WorkstationServices};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// The device's description.
    pub config: PathBuf,
    /// Print the addresses only.
    pub quiet: bool,
}

/// Why a device does not run.
#[derive(Debug, Error)]
pub enum HostError {
    /// Its description is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An application is not what it should be.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// It cannot listen.
    #[error("cannot listen on {0}: {1}; change `listen` in the section `[coap]`")]
    Listen(SocketAddr, io::Error),
    /// There is a handler for Ctrl-C already, or the system allows none.
    #[error("no handler for Ctrl-C: {0}")]
    Signal(#[from] ctrlc::Error),
}

/// Where lines go; shared by the server's threads and the log.
type Output = Arc<Mutex<dyn Write + Send>>;

/// Runs a device until SIGINT or SIGTERM, and prints what it does, one record
/// a line:
///
/// ```text
/// listening coap://[::1]:5683
/// application temperature path /sensor bytes 312 granted sensor,coap-response
/// request [::1]:4711 GET /sensor 2.05 5 bytes 33 instructions 12 us
/// log temperature: text
/// counters temperature path /sensor bytes 312 runs 1 faults 0 ...
/// ```
///
/// To be called once in a process, as the handler of signals stays.
///
/// # Errors
/// What is wrong with the description, an image or an address.
pub fn run(options: &DeviceOptions) -> Result<(), HostError> {
    let (sender, stop) = mpsc::sync_channel(1);
    ctrlc::set_handler(move || {
        // Full if it was told before.
        let _ = sender.try_send(());
    })?;
    run_until(options, io::stdout(), &stop)
}

/// Runs a device until `stop` receives, or its sender is gone, and prints as
/// [`run`] does, to `output`. Output that is not taken does not stop it.
///
/// # Errors
/// As [`run`].
pub fn run_until(
    options: &DeviceOptions,
    output: impl Write + Send + 'static,
    stop: &Receiver<()>,
) -> Result<(), HostError> {
    let config = Config::load(&options.config)?;
    let output: Output = Arc::new(Mutex::new(output));
    let talkative = !options.quiet;

    let log = if talkative {
        let output = Arc::clone(&output);
        Log::new(move |container, text| print(&output, format_args!("log {container}: {text}")))
    } else {
        Log::silent()
    };
    let settings = DeviceSettings::from(&config);
    let services = WorkstationServices::new(&config.sensors, log.clone())
        .with_pins(&config.pins)
        .with_changes(&settings.changes)
        .with_remotes(&settings.remotes);
    let device = Device::start(services, log, settings)?;
    if config.coap.unsigned_install {
        print(
            &output,
            "warning: anyone on the network may install containers (unsigned_install)",
        );
    }
    if config.coap.expose {
        print(
            &output,
            "warning: anyone on the network may read values, logs and registers of containers \
             (expose)",
        );
    }
    let handle = device.handle();
    if talkative {
        for application in handle.applications() {
            print(&output, installed(&application));
        }
    }
    let server = {
        let output = Arc::clone(&output);
        Server::start(&config.coap, &handle, move |report| {
            if talkative {
                print(&output, format_args!("request {report}"));
            }
        })
        .map_err(|(address, error)| HostError::Listen(address, error))?
    };
    for address in server.addresses() {
        print(&output, format_args!("listening coap://{address}"));
    }

    // Told to stop, or nobody is left who could: the same.
    let _ = stop.recv();
    drop(server);
    if talkative {
        for line in handle.list().lines() {
            print(&output, format_args!("counters {line}"));
        }
    }
    Ok(())
}

/// The line about an application that is installed.
fn installed(application: &ApplicationStatus) -> String {
    let granted: Vec<&str> = application.granted.names().collect();
    format!(
        "application {} path {} bytes {} granted {}",
        application.name,
        application.path.as_deref().unwrap_or("-"),
        application.size,
        if granted.is_empty() {
            "nothing".to_owned()
        } else {
            granted.join(",")
        }
    )
}

/// Prints a line. A reader that is gone is no reason to end.
fn print(output: &Mutex<dyn Write + Send>, line: impl std::fmt::Display) {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
