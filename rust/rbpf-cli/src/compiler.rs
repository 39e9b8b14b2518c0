// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding clang and calling it.
//!
//! What clang says goes to the terminal as it is; this module only chooses
//! the program, its flags and the folder of the guest's headers.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};
use rbpf_sdk::HEADERS;
use tempfile::TempDir;

/// Environment variable that names the compiler.
pub const COMPILER_VARIABLE: &str = "RBPF_CLANG";

/// Looked for in this order; the newest that was tried stands first.
const CANDIDATES: &[&str] = &["clang-19", "clang-20", "clang-21", "clang-18", "clang"];

const INSTALL: &str = "install it (Debian, Ubuntu: apt install clang-19), \
    or name it with --cc or the environment variable RBPF_CLANG";

/// Revisions of the instruction set, as clang calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mcpu {
    /// The first.
    V1,
    /// More conditional jumps.
    V2,
    /// 32-bit arithmetic and jumps.
    V3,
    /// Signed division, sign-extending loads, byte swaps.
    V4,
}

impl Mcpu {
    const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V4 => "v4",
        }
    }

    /// The first version of clang that knows it.
    const fn least_version(self) -> u32 {
        match self {
            Self::V4 => 18,
            _ => 11,
        }
    }
}

/// A clang that can compile containers, and where the headers are.
#[derive(Debug)]
pub struct Compiler {
    program: OsString,
    headers: TempDir,
}

/// What to compile with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Revision of the instruction set.
    pub mcpu: Mcpu,
    /// Level of optimisation: 1, 2, 3, s or z.
    pub optimize: String,
    /// More arguments, such as `-D` and `-I` with their values.
    pub arguments: Vec<OsString>,
}

impl Compiler {
    /// Finds the compiler: the one wanted, that of the environment, or the
    /// first in the path that is new enough.
    ///
    /// # Errors
    ///
    /// If there is none; the message says how to get one.
    pub fn find(wanted: Option<&OsStr>, mcpu: Mcpu) -> Result<Self> {
        let named = wanted
            .map(OsStr::to_owned)
            .or_else(|| std::env::var_os(COMPILER_VARIABLE))
            .filter(|name| !name.is_empty());
        let program = match named {
            Some(program) => {
                let version = version(&program)
                    .with_context(|| format!("compiler `{}`", program.display()))?;
                check_version(&program, version, mcpu)?;
                program
            }
            None => search(mcpu)?,
        };
        Ok(Self {
            program,
            headers: unpack_headers().context("guest headers cannot be written")?,
        })
    }

    /// Compiles a source to an object.
    ///
    /// # Errors
    ///
    /// If clang fails; it has said why.
    pub fn compile(&self, source: &Path, object: &Path, settings: &Settings) -> Result<()> {
        let status = Command::new(&self.program)
            .args(["-target", "bpf", "-ffreestanding", "-c"])
            // Source lines for messages (clang 19 crashes with less than all of
            // -g), and how much stack a function uses.
            .args(["-g", "-fstack-size-section"])
            // Each variable on its own, so that unused ones can be left out.
            .args(["-fdata-sections", "-fno-common"])
            // Position-independent tables lose their relocations' meaning for
            // BPF (clang 19), and nothing here is moved anyway.
            .args(["-fno-pic", "-fno-jump-tables", "-fno-stack-protector"])
            .arg(format!("-mcpu={}", settings.mcpu.name()))
            .arg(format!("-O{}", settings.optimize))
            .arg("-I")
            .arg(self.headers.path())
            .args(&settings.arguments)
            .arg("-o")
            .arg(object)
            .arg("--")
            .arg(source)
            .status()
            .with_context(|| format!("`{}` cannot be started", self.program.display()))?;
        if !status.success() {
            bail!("{}: the compiler failed ({status})", source.display());
        }
        Ok(())
    }
}

fn search(mcpu: Mcpu) -> Result<OsString> {
    let mut too_old = None;
    for candidate in CANDIDATES.iter().map(OsString::from) {
        let Ok(version) = version(&candidate) else {
            continue;
        };
        match check_version(&candidate, version, mcpu) {
            Ok(()) => return Ok(candidate),
            Err(error) => too_old = Some(error),
        }
    }
    Err(too_old.unwrap_or_else(|| anyhow!("no clang found ({}); {INSTALL}", CANDIDATES.join(", "))))
}

fn check_version(program: &OsStr, version: u32, mcpu: Mcpu) -> Result<()> {
    let least = mcpu.least_version();
    if version < least {
        bail!(
            "{} is clang {version}; --mcpu {} needs clang {least} or later: {INSTALL}, \
             or compile with --mcpu v3",
            program.display(),
            mcpu.name(),
        );
    }
    Ok(())
}

/// The major version of a clang.
fn version(program: &OsStr) -> Result<u32> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot be started; {INSTALL}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).with_context(|| format!("is not clang; {INSTALL}"))
}

fn parse_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("clang version ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn unpack_headers() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("rbpf-include-").tempdir()?;
    for (path, contents) in HEADERS {
        let path: PathBuf = folder.path().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, contents)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(
            parse_version("Debian clang version 19.1.7 (3)\nTarget"),
            Some(19)
        );
        assert_eq!(parse_version("clang version 22.0.0git"), Some(22));
        assert_eq!(parse_version("gcc (Debian 12.2.0-14) 12.2.0"), None);
        assert_eq!(parse_version(""), None);
    }
}
