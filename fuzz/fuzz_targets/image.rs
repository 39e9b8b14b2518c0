// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images from nowhere: what is accepted can be read in every way, and is
//! what its own parts make again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbpf_abi::image::{ImageBuffer, ImageParts};
use rbpf_abi::{Function, Image};

fuzz_target!(|bytes: &[u8]| {
    let buffer = ImageBuffer::copy_from(bytes);
    let length = Image::required_len(bytes);
    let Ok(image) = buffer.image() else {
        return;
    };
    assert_eq!(length, Ok(bytes.len()));
    assert_eq!(image.bytes(), bytes);
    assert_eq!(image.entry_point().frame() % 8, 0);
    assert!(image.stack_size() > 0);
    let functions: Vec<Function> = image.function_records().to_vec();
    assert_eq!(image.functions().len(), functions.len() * 4);
    let helpers: Vec<u16> = image.helpers().collect();
    let parts = ImageParts {
        stack_size: image.header().stack_size.get(),
        capabilities: image.capabilities(),
        text: image.text(),
        functions: &functions,
        helpers: &helpers,
        rodata: image.rodata(),
        data: image.data(),
        bss_len: image.bss_len(),
        keep_values: image.keeps_values(),
        version: image.version(),
    };
    assert_eq!(parts.write().as_deref(), Ok(bytes));
});
