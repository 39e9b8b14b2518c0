// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images from the containers in `tests/device/containers`.

use std::fs;
use std::path::Path;

use rbpf_abi::image::ImageParts;
use rbpf_abi::{Capabilities, Function, Helper};
use rbpf_isa::{Slot, assemble};

/// Opcode of `call`; of a helper if its source register is 0.
const CALL: u8 = 0x85;
/// Stack of the containers, in bytes.
const FRAME: u16 = 64;

/// Where the containers' texts are.
pub(crate) fn folder() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/device/containers"
    ))
}

/// Assembles a text and makes an image of it that wants what its helpers need.
pub(crate) fn image(text: &str) -> Vec<u8> {
    let slots = assemble(text).expect("the text is right");
    let mut helpers: Vec<u16> = slots
        .iter()
        .filter(|slot| slot.opcode == CALL && slot.src() == 0)
        .map(|slot| u16::try_from(slot.immediate).expect("a helper's id"))
        .collect();
    helpers.sort_unstable();
    helpers.dedup();
    let capabilities = helpers
        .iter()
        .filter_map(|&id| Helper::from_id(id.into()))
        .map(Helper::capability)
        .fold(Capabilities::empty(), Capabilities::union);
    let bytes: Vec<u8> = slots
        .iter()
        .flat_map(|slot: &Slot| slot.bits().to_le_bytes())
        .collect();
    ImageParts {
        capabilities,
        text: &bytes,
        functions: &[Function::new(0, FRAME)],
        helpers: &helpers,
        ..ImageParts::default()
    }
    .write()
    .expect("the image is sound")
}

/// Writes the images of all containers to a folder, and returns their names.
pub(crate) fn write_images(to: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        let text = fs::read_to_string(&path)?;
        fs::write(to.join(name).with_extension("rbpf"), image(&text))?;
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}
