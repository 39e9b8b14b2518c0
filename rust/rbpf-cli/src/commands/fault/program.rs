// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program that faulted, with as much as is known of its source.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::commands::compile::Compile;
use crate::commands::sha256;
use crate::container::{Container, Format, read_file};
use crate::linker::{self, Linked, Object, SourceFrame};

/// A program.
pub(super) struct Program {
    /// What it is called in messages.
    pub(super) name: String,
    /// Instructions and memory.
    pub(super) container: Container,
    /// Bytes of the image.
    pub(super) bytes: u64,
    /// SHA-256 of the image, in hexadecimal; `None` for bytecode without one.
    pub(super) digest: Option<String>,
    /// What it was linked from; `None` for an image.
    linked: Option<(Linked, Vec<Object>)>,
}

impl Program {
    /// Reads an image, or compiles and links.
    pub(super) fn read(inputs: &[PathBuf], compile: &Compile) -> Result<Self> {
        let names: Vec<String> = inputs
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let name = names.join(" ");
        if let Some(image) = inputs.iter().find(|path| is_image(path)) {
            if inputs.len() > 1 {
                bail!(
                    "{}: an image stands alone: give it, or what it was built from",
                    image.display()
                );
            }
            let container = Container::read(image, false, None)?;
            return Ok(Self {
                bytes: image_of(&container).map_or(0, |image| image.len() as u64),
                digest: image_of(&container).map(sha256),
                name,
                container,
                linked: None,
            });
        }
        let objects = compile.objects(inputs, None)?;
        let linked = linker::link(&objects, &compile.options())?;
        Ok(Self {
            name,
            container: Container::from_image(&linked.image, Format::Object)?,
            bytes: linked.image.len() as u64,
            digest: Some(sha256(&linked.image)),
            linked: Some((linked, objects)),
        })
    }

    /// What is known of the function that a slot belongs to.
    pub(super) fn function(&self, pc: u32) -> Option<String> {
        if let Some((linked, _)) = &self.linked {
            return Some(linked.function(pc)?.name.clone());
        }
        let functions = self.container.table.iter().enumerate();
        let (index, function) = functions
            .filter(|(_, function)| u32::from(function.entry) <= pc)
            .max_by_key(|(_, function)| function.entry)?;
        Some(format!("function {index}, from slot {}", function.entry))
    }

    /// Where a slot stands in the source, the innermost of inlined functions
    /// first.
    pub(super) fn source(&self, pc: u32) -> Vec<SourceFrame> {
        let linked = self.linked.as_ref();
        linked.map_or_else(Vec::new, |(linked, objects)| linked.source(objects, pc))
    }

    /// Whether there are names of functions.
    pub(super) fn has_names(&self) -> bool {
        self.linked.is_some()
    }
}

/// Whether a file is an image; if it cannot be read, that is found out later.
fn is_image(path: &Path) -> bool {
    read_file(path).is_ok_and(|bytes| bytes.starts_with(&rbpf_abi::image::MAGIC))
}

fn image_of(container: &Container) -> Option<&[u8]> {
    let image = container.image.as_ref()?.image().ok()?;
    Some(image.bytes())
}
