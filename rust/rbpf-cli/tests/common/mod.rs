// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of the command line have in common.
#![allow(dead_code, reason = "each test uses its part")]

#[cfg(unix)]
pub(crate) mod device;
pub(crate) mod fake;
#[cfg(unix)]
pub(crate) mod running;
pub(crate) mod world;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// A C source of these tests.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/c")
        .join(name)
}

/// The `rbpf` command.
pub(crate) fn rbpf() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rbpf"))
}

/// What a command wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Done {
    /// Fails the test unless the command did its work; returns stdout.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Fails the test unless the command refused, with all of these in the
    /// message.
    #[track_caller]
    pub(crate) fn refused(self, wanted: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert!(self.stderr.contains("error: "), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        for wanted in wanted {
            assert!(self.stderr.contains(wanted), "`{wanted}` in {self:#?}");
        }
    }
}

/// Runs a command.
pub(crate) fn done(command: &mut Command) -> Done {
    command.output().expect("the command can be started").into()
}

/// A folder that is gone after the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary folder"))
    }

    /// Writes a file; where it is.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }

    /// The content of a file.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).expect("it can be read")
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `rbpf` with arguments, in this folder.
    pub(crate) fn rbpf(&self, arguments: &str) -> Done {
        done(rbpf().current_dir(&self.0).args(arguments.split(' ')))
    }

    /// Builds the image of a source to a file in this folder.
    pub(crate) fn build(&self, source: &Path, image: &str) {
        let mut command = rbpf();
        command.current_dir(&self.0).arg("build").arg(source);
        done(command.args(["-o", image])).success();
    }

    /// Builds the image of a program in `examples/containers`.
    pub(crate) fn example(&self, name: &str) {
        let source = repository("examples/containers").join(name);
        self.build(&source.with_extension("c"), &format!("{name}.rbpf"));
    }
}

/// Whether there is a clang for BPF; if not, says loudly that a test is
/// skipped.
pub(crate) fn clang() -> bool {
    let found = rbpf_cli::compiler::Compiler::find(None, rbpf_cli::compiler::Mcpu::V4);
    if let Err(error) = &found {
        skipped(&format!("{error:#}"));
    }
    found.is_ok()
}

/// Says that a test is skipped, past the capture of the test's output.
pub(crate) fn skipped(why: &str) {
    let rule = "=".repeat(72);
    let message = format!("{rule}\nSKIPPED: {why}\n{rule}\n");
    // Without stderr, nobody is there to read it.
    let _ = std::io::stderr().write_all(message.as_bytes());
}
