// SPDX-License-Identifier: MIT OR Apache-2.0
//! From C sources and objects to what the linker takes: the arguments that
//! `rbpf build` and `rbpf fault` have in common.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rbpf_abi::Capabilities;

use crate::compiler::{Compiler, Mcpu, Settings};
use crate::container::read_file;
use crate::linker::{Object, Options};
use crate::progress;

/// How sources are compiled and objects linked.
#[derive(Debug, clap::Args)]
pub(super) struct Compile {
    /// The function where runs start; otherwise the only global function that no other calls
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// Stack that the image asks for, in bytes; otherwise what the functions need
    #[arg(long, value_name = "BYTES")]
    stack: Option<u16>,
    /// Capabilities that it wants beside those of its helpers, separated by commas
    #[arg(long, value_name = "LIST", value_parser = super::capabilities, default_value = "core")]
    want: Capabilities,
    /// Which version of the container it is, as a number; otherwise what its source says
    #[arg(long, value_name = "N")]
    app_version: Option<u32>,
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
}

impl Compile {
    /// The options of the linker.
    pub(super) fn options(&self) -> Options {
        Options {
            entry: self.entry.clone(),
            stack: self.stack,
            wants: self.want,
            version: self.app_version,
        }
    }

    /// Reads objects, and compiles what is none; compiled ones are kept in a
    /// folder, if there is one.
    pub(super) fn objects(&self, inputs: &[PathBuf], keep: Option<&Path>) -> Result<Vec<Object>> {
        let scratch = tempfile::tempdir().context("temporary folder")?;
        let folder = match keep {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("{}: cannot be made", folder.display()))?;
                folder
            }
            None => scratch.path(),
        };
        let settings = self.settings();
        let mut compiler = None;
        let mut objects = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let bytes = read_file(input)?;
            let name = input.display().to_string();
            let extension = input.extension().and_then(|extension| extension.to_str());
            let bytes = match extension {
                _ if bytes.starts_with(b"\x7fELF") => bytes,
                Some("o") => bytes,
                Some("c" | "i") => {
                    let compiler = match &mut compiler {
                        Some(compiler) => compiler,
                        none => none.insert(Compiler::find(self.cc.as_deref(), self.mcpu)?),
                    };
                    let object = folder.join(object_name(input, index, inputs));
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

    fn settings(&self) -> Settings {
        let flags = |flag: &str, values: &[OsString]| -> Vec<OsString> {
            values
                .iter()
                .flat_map(|value| [flag.into(), value.clone()])
                .collect()
        };
        let mut passed = flags("-D", &self.define);
        passed.extend(flags("-I", &self.include));
        Settings {
            mcpu: self.mcpu,
            optimize: self.optimize.clone(),
            arguments: passed,
        }
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
