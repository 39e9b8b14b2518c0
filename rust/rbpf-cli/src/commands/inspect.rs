// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf inspect`: what an image holds.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{capability_names, helper_label, print, sha256};
use crate::container::{Container, Format};

const AFTER_HELP: &str = "\
An ELF object is linked first, and what would become of it is shown.

Examples:
  rbpf inspect sensor.rbpf
  rbpf inspect sensor.o --entry on_request --json";

/// Arguments of `rbpf inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// An image or an ELF object
    file: PathBuf,
    /// The entry of an ELF object
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let container = Container::read(&arguments.file, false, arguments.entry.as_deref())?;
    let buffer = container.image.as_ref().context("no image")?;
    let image = buffer.image()?;
    let header = image.header();
    let names = |entry: u16| {
        let function = container
            .names
            .iter()
            .find(|function| function.entry == entry);
        function.map(|function| function.name.as_str())
    };
    let format = match container.format {
        Format::Object => "object",
        _ => "image",
    };
    let digest = sha256(image.bytes());
    let verdict = container.verify().map(drop);

    if arguments.json {
        let functions: Vec<_> = image
            .function_records()
            .iter()
            .map(|function| {
                json!({
                    "name": names(function.entry()),
                    "entry": function.entry(),
                    "frame": function.frame(),
                })
            })
            .collect();
        let helpers: Vec<_> = image
            .helpers()
            .map(|id| json!({ "id": id, "name": crate::engines::helper_name(id.into()) }))
            .collect();
        let report = json!({
            "file": arguments.file.display().to_string(),
            "format": format,
            "image_format": header.version,
            "version": image.version(),
            "sha256": digest,
            "bytes": image.bytes().len(),
            "slots": header.text_slots.get(),
            "text": image.text().len(),
            "rodata": image.rodata().len(),
            "data": image.data().len(),
            "bss": image.bss_len(),
            "stack": image.stack_size(),
            "functions": functions,
            "helpers": helpers,
            "capabilities": image.capabilities().names().collect::<Vec<_>>(),
            "keeps_values": image.keeps_values(),
            "verified": verdict.is_ok(),
            "error": verdict.as_ref().err().map(ToString::to_string),
        });
        print(&format!("{report:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }

    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("file", format!("{} ({format})", arguments.file.display()));
    line("image format", header.version.to_string());
    if let Some(version) = image.version() {
        line("version", version.to_string());
    }
    line("sha256", digest);
    line("size", format!("{} bytes", image.bytes().len()));
    line(
        "text",
        format!(
            "{} bytes, {} slots",
            image.text().len(),
            header.text_slots.get()
        ),
    );
    line("rodata", format!("{} bytes", image.rodata().len()));
    line("data", format!("{} bytes", image.data().len()));
    line("bss", format!("{} bytes", image.bss_len()));
    line("stack", format!("{} bytes", image.stack_size()));
    line("capabilities", capability_names(image.capabilities()));
    if image.keeps_values() {
        line("values", "kept of the version that it replaces".into());
    }
    for (index, function) in image.function_records().iter().enumerate() {
        let name = names(function.entry()).map(|name| format!(" {name}"));
        let start = if index == 0 { ", start" } else { "" };
        line(
            "function",
            format!(
                "slot {}, frame {} bytes{start}{}",
                function.entry(),
                function.frame(),
                name.unwrap_or_default()
            ),
        );
    }
    for id in image.helpers() {
        line("helper", format!("{id:#04x} {}", helper_label(id)));
    }
    match verdict {
        Ok(()) => line("verifier", "accepted".into()),
        Err(error) => line("verifier", error.to_string()),
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
