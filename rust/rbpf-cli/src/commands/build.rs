// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rbpf build`: from C to an image.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use rbpf_abi::image::ImageBuffer;
use serde_json::json;

use super::{capability_names, helper_label, print, write_file};
use crate::compiler::{Compiler, Mcpu, Settings};
use crate::container::read_file;
use crate::linker::{self, Linked, Object, Options};
use crate::progress;

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
    /// The function where runs start; otherwise the only global function that no other calls
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// Stack that the image asks for, in bytes; otherwise what the functions need
    #[arg(long, value_name = "BYTES")]
    stack: Option<u16>,
    /// Revision of the instruction set to compile for
    #[arg(long, value_enum, default_value_t = Mcpu::V4)]
    mcpu: Mcpu,
    /// Level of optimisation
    #[arg(short = 'O', long, default_value = "2", value_parser = ["1", "2", "3", "s", "z"])]
    optimize: String,
    /// Define a macro, for the compiler
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<OsString>,
    /// Look for headers in a folder, for the compiler
    #[arg(short = 'I', value_name = "FOLDER")]
    include: Vec<OsString>,
    /// The clang to use
    #[arg(long, value_name = "PROGRAM")]
    cc: Option<OsString>,
    /// Keep the compiled objects in this folder
    #[arg(long, value_name = "FOLDER")]
    keep_objects: Option<PathBuf>,
    /// Report in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Args) -> Result<ExitCode> {
    let objects = compile(arguments)?;
    let options = Options {
        entry: arguments.entry.clone(),
        stack: arguments.stack,
    };
    let linked = linker::link(&objects, &options)?;
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

/// Reads objects, and compiles what is none.
fn compile(arguments: &Args) -> Result<Vec<Object>> {
    let scratch = tempfile::tempdir().context("temporary folder")?;
    let folder = match &arguments.keep_objects {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{}: cannot be made", folder.display()))?;
            folder.as_path()
        }
        None => scratch.path(),
    };
    let settings = settings(arguments);
    let mut compiler = None;
    let mut objects = Vec::new();
    for (index, input) in arguments.inputs.iter().enumerate() {
        let bytes = read_file(input)?;
        let name = input.display().to_string();
        let extension = input.extension().and_then(|extension| extension.to_str());
        let bytes = match extension {
            _ if bytes.starts_with(b"\x7fELF") => bytes,
            Some("o") => bytes,
            Some("c" | "i") => {
                let compiler = match &mut compiler {
                    Some(compiler) => compiler,
                    none => none.insert(Compiler::find(arguments.cc.as_deref(), arguments.mcpu)?),
                };
                let object = folder.join(object_name(input, index, &arguments.inputs));
                progress::during(&format!("compiling {name}"), || {
                    compiler.compile(input, &object, &settings)
                })?;
                read_file(&object)?
            }
            _ => bail!("{name}: neither a C source (.c) nor an ELF object (.o)"),
        };
        objects.push(Object::read(&name, bytes)?);
    }
    Ok(objects)
}

fn settings(arguments: &Args) -> Settings {
    let flags = |flag: &str, values: &[OsString]| -> Vec<OsString> {
        values
            .iter()
            .flat_map(|value| [flag.into(), value.clone()])
            .collect()
    };
    let mut passed = flags("-D", &arguments.define);
    passed.extend(flags("-I", &arguments.include));
    Settings {
        mcpu: arguments.mcpu,
        optimize: arguments.optimize.clone(),
        arguments: passed,
    }
}

/// `name.o`, with the position if another input has the same name.
fn object_name(input: &Path, index: usize, inputs: &[PathBuf]) -> PathBuf {
    let stem = input.file_stem();
    let name = PathBuf::from(stem.unwrap_or_default());
    let alone = inputs
        .iter()
        .filter(|other| other.file_stem() == stem)
        .count()
        == 1;
    match alone {
        true => name.with_added_extension("o"),
        false => name.with_added_extension(format!("{index}.o")),
    }
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
