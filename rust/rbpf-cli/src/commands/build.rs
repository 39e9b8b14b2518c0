// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf build`: from C to an image.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use rbpf_abi::image::ImageBuffer;
use serde_json::json;

use super::compile::Compile;
use super::{capability_names, helper_label, print, write_file};
use crate::linker::{self, Linked};

const AFTER_HELP: &str = "\
The compiler is clang: --cc, the environment variable RBPF_CLANG, or the first of clang-19,
clang-20, clang-21, clang-18 and clang that is new enough. The headers <rbpf/...> are built in.

Examples:
  rbpf build fletcher32.c -o fletcher32.rbpf
  rbpf build sensor.c filter.c -o sensor.rbpf --entry on_request -O s -D INTERVAL=10
  rbpf build precompiled.o -o precompiled.rbpf --json";

/// Arguments of `rbpf build`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// C sources, and BPF objects (.o)
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// The image to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    compile: Compile,
    /// Keep the compiled objects in this folder
    #[arg(long, value_name = "FOLDER")]
    keep_objects: Option<PathBuf>,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let Args {
        inputs, compile, ..
    } = arguments;
    let objects = compile.objects(inputs, arguments.keep_objects.as_deref())?;
    let linked = linker::link(&objects, &compile.options())?;
    write_file(&arguments.output, &linked.image)?;
    if !linked.assumed_frames.is_empty() {
        eprintln!(
            "note: the stack of {} is not known and assumed to be 512 bytes each\n  \
             help: compile objects with clang -fstack-size-section",
            linked.assumed_frames.join(", ")
        );
    }
    report(arguments, &linked)?;
    Ok(ExitCode::SUCCESS)
}

fn report(arguments: &Args, linked: &Linked) -> Result<()> {
    let buffer = ImageBuffer::copy_from(&linked.image);
    let image = buffer.image()?;
    let helpers: Vec<String> = image.helpers().map(helper_label).collect();
    let output = arguments.output.display();
    if arguments.json {
        let functions: Vec<_> = linked
            .functions
            .iter()
            .map(|function| {
                json!({
                    "name": function.name,
                    "entry": function.entry,
                    "slots": function.slots,
                    "frame": function.frame,
                })
            })
            .collect();
        let report = json!({
            "output": output.to_string(),
            "bytes": linked.image.len(),
            "text": image.text().len(),
            "rodata": image.rodata().len(),
            "data": image.data().len(),
            "bss": image.bss_len(),
            "stack": image.stack_size(),
            "stack_needed": linked.stack,
            "functions": functions,
            "helpers": helpers,
            "capabilities": image.capabilities().names().collect::<Vec<_>>(),
            "version": image.version(),
            "sha256": super::sha256(image.bytes()),
        });
        return print(&format!("{report:#}\n"));
    }
    print(&format!(
        "{output}: {} bytes (text {}, rodata {}, data {}, bss {}), functions {}, helpers {}, capabilities {}\n",
        linked.image.len(),
        image.text().len(),
        image.rodata().len(),
        image.data().len(),
        image.bss_len(),
        linked.functions.len(),
        helpers.len(),
        capability_names(image.capabilities()),
    ))
}
