// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every rule of the layout is broken here once.

use alloc::string::ToString as _;

use super::*;

const TEXT: [u8; 32] = {
    let mut text = [0; 32];
    text[0] = 0xb7;
    text[24] = 0x95;
    text
};
const FUNCTIONS: [Function; 3] = [
    Function::new(1, 64),
    Function::new(0, 0),
    Function::new(3, 512),
];

fn sample() -> ImageParts<'static> {
    ImageParts {
        stack_size: 1024,
        capabilities: Capabilities::LOG | Capabilities::TIME,
        text: &TEXT,
        functions: &FUNCTIONS,
        helpers: &[0x01, 0x02, 0x20],
        rodata: b"%d\0",
        data: &[1, 2, 3, 4, 5],
        bss_len: 9,
        keep_values: false,
        version: None,
    }
}

/// What reading says after one change to the bytes of the sample.
fn after(change: impl FnOnce(&mut [u8])) -> Option<ImageError> {
    let mut bytes = sample().write().expect("the sample is sound");
    change(&mut bytes);
    ImageBuffer::copy_from(&bytes).image().err()
}

fn written(change: impl FnOnce(&mut ImageParts<'static>)) -> Option<ImageError> {
    let mut parts = sample();
    change(&mut parts);
    parts.write().err()
}

/// Touches everything that an image offers.
fn use_all(image: &Image) {
    let text_slots = image.text().len() / SLOT_LEN;
    assert!(text_slots > 0 && image.text().as_ptr().addr().is_multiple_of(8));
    assert_eq!(image.functions().len(), 4 * image.function_records().len());
    assert!(
        image
            .function_records()
            .iter()
            .all(|f| usize::from(f.entry()) < text_slots)
    );
    assert_eq!(image.entry_point(), image.function_records()[0]);
    assert!(image.helpers().is_sorted_by(|a, b| a < b));
    assert!(image.stack_size() > 0);
    let _ = (
        image.capabilities(),
        image.bss_len(),
        image.rodata(),
        image.data(),
    );
    let sum = HEADER_LEN
        + image.text().len()
        + image.functions().len()
        + 2 * image.helpers().len()
        + image.version().map_or(0, |_| 4)
        + image.rodata().len()
        + image.data().len();
    assert_eq!(image.bytes().len(), sum);
    assert_eq!(Image::required_len(image.bytes()), Ok(sum));
}

#[test]
fn round_trip() {
    let bytes = sample().write().expect("the sample is sound");
    let buffer = ImageBuffer::copy_from(&bytes);
    let image = buffer.image().expect("what was written can be read");
    use_all(&image);
    assert_eq!(image.bytes(), bytes);
    assert_eq!(image.text(), TEXT);
    assert_eq!(image.function_records(), FUNCTIONS);
    assert_eq!(image.entry_point(), Function::new(1, 64));
    assert!(image.helpers().eq([0x01, 0x02, 0x20]));
    assert_eq!(image.rodata(), b"%d\0");
    assert_eq!(image.data(), [1, 2, 3, 4, 5]);
    assert_eq!(image.bss_len(), 9);
    assert_eq!(image.capabilities(), Capabilities::LOG | Capabilities::TIME);
    assert_eq!(image.stack_size(), 1024);
    assert_eq!(image.version(), None);
}

#[test]
fn an_image_with_a_version() {
    for version in [0, 7, u32::MAX] {
        let parts = ImageParts {
            version: Some(version),
            ..sample()
        };
        let bytes = parts.write().expect("sound");
        assert_eq!(bytes[5], HAS_VERSION);
        assert_eq!(bytes[74..78], version.to_le_bytes());
        let buffer = ImageBuffer::copy_from(&bytes);
        let image = buffer.image().expect("sound");
        use_all(&image);
        assert_eq!(image.version(), Some(version));
        assert_eq!(
            (image.rodata(), image.data()),
            (&b"%d\0"[..], &[1, 2, 3, 4, 5][..])
        );
        for len in 0..bytes.len() {
            assert!(ImageBuffer::copy_from(&bytes[..len]).image().is_err());
        }
    }
}

#[test]
fn flags_are_apart() {
    for (keep_values, version, flags) in [
        (false, None, 0),
        (true, None, KEEP_VALUES),
        (false, Some(3), HAS_VERSION),
        (true, Some(3), 3),
    ] {
        let parts = ImageParts {
            keep_values,
            version,
            ..sample()
        };
        let bytes = parts.write().expect("sound");
        assert_eq!(bytes[5], flags);
        let buffer = ImageBuffer::copy_from(&bytes);
        let image = buffer.image().expect("sound");
        assert_eq!(
            (image.keeps_values(), image.version()),
            (keep_values, version)
        );
    }
}

#[test]
fn the_bytes_are_what_the_document_says() {
    let bytes = sample().write().expect("the sample is sound");
    assert_eq!(
        bytes[..HEADER_LEN],
        [
            b'r', b'B', b'P', b'F', 1, 0, 0, 4, 3, 0, 0, 0, 4, 0, 3, 0, 5, 0, 9, 0, 3, 0, 3, 0
        ]
    );
    assert_eq!(bytes[24..56], TEXT);
    assert_eq!(bytes[56..68], [1, 0, 64, 0, 0, 0, 0, 0, 3, 0, 0, 2]);
    assert_eq!(bytes[68..74], [1, 0, 2, 0, 0x20, 0]);
    assert_eq!(bytes[74..], *b"%d\0\x01\x02\x03\x04\x05");
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample().write().expect("the sample is sound");
    for len in 0..bytes.len() {
        let error = ImageBuffer::copy_from(&bytes[..len]).image().err();
        let expected = if len < HEADER_LEN {
            ImageError::Truncated
        } else {
            ImageError::Length
        };
        assert_eq!(error, Some(expected), "{len} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(
        ImageBuffer::copy_from(&longer).image().err(),
        Some(ImageError::Length)
    );
}

#[test]
fn every_bit_flip_is_an_error_or_an_image() {
    let bytes = sample().write().expect("the sample is sound");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(image) = ImageBuffer::copy_from(&flipped).image() {
            use_all(&image);
        }
    }
}

#[test]
fn header_errors() {
    assert_eq!(after(|bytes| bytes[0] = b'R'), Some(ImageError::Magic));
    assert_eq!(after(|bytes| bytes[4] = 2), Some(ImageError::Version));
    assert_eq!(
        after(|bytes| bytes[5] = HAS_VERSION),
        Some(ImageError::Length)
    );
    for flag in 2..8 {
        assert_eq!(after(|bytes| bytes[5] = 1 << flag), Some(ImageError::Flags));
    }
    assert_eq!(after(|bytes| bytes[5] = KEEP_VALUES), None);
    assert_eq!(after(|bytes| bytes[6] = 4), Some(ImageError::StackSize));
    assert_eq!(after(|bytes| bytes[12] = 5), Some(ImageError::Length));
    assert_eq!(
        after(|bytes| bytes[12..24].fill(0xff)),
        Some(ImageError::Length)
    );
    assert_eq!(
        after(|bytes| bytes[11] = 0x80),
        Some(ImageError::UnknownCapability)
    );
    assert_eq!(
        after(|bytes| bytes[8] = 1),
        Some(ImageError::MissingCapability)
    );
}

#[test]
fn alignment() {
    let mut bytes = sample().write().expect("the sample is sound");
    bytes.insert(0, 0);
    let buffer = ImageBuffer::copy_from(&bytes);
    assert_eq!(
        Image::new_checked(&buffer.bytes()[1..]).err(),
        Some(ImageError::Misaligned)
    );
}

#[test]
fn section_errors() {
    assert_eq!(written(|parts| parts.text = &[]), Some(ImageError::NoText));
    assert_eq!(
        written(|parts| parts.text = &TEXT[1..]),
        Some(ImageError::Length)
    );
    assert_eq!(
        written(|parts| parts.rodata = &[0; 65536]),
        Some(ImageError::TooLong)
    );
    assert_eq!(
        written(|parts| parts.functions = &[]),
        Some(ImageError::NoFunction)
    );
    assert_eq!(
        written(|parts| parts.functions = const { &[Function::new(4, 0)] }),
        Some(ImageError::FunctionEntry)
    );
    for frame in [4, 520, 65528] {
        let functions = [Function::new(0, frame)];
        let parts = ImageParts {
            functions: &functions,
            ..sample()
        };
        assert_eq!(
            parts.write().err(),
            Some(ImageError::FunctionFrame),
            "{frame}"
        );
    }
    assert_eq!(
        written(|parts| parts.stack_size = 256),
        Some(ImageError::FunctionFrame)
    );
    for [a, b, c] in [[1, 0, 0], [1, 2, 0], [1, 0, 1], [0, 0, 1]] {
        let functions = [
            Function::new(a, 0),
            Function::new(b, 0),
            Function::new(c, 0),
        ];
        let parts = ImageParts {
            functions: &functions,
            ..sample()
        };
        assert_eq!(
            parts.write().err(),
            Some(ImageError::FunctionOrder),
            "{a} {b} {c}"
        );
    }
    assert_eq!(
        written(|parts| parts.helpers = &[2, 1]),
        Some(ImageError::HelperOrder)
    );
    assert_eq!(
        written(|parts| parts.helpers = &[1, 1]),
        Some(ImageError::HelperOrder)
    );
    assert_eq!(
        written(|parts| parts.helpers = &[0x32]),
        Some(ImageError::MissingCapability)
    );
    assert_eq!(
        written(|parts| parts.helpers = &[0x8000]),
        Some(ImageError::MissingCapability)
    );
    assert_eq!(
        written(|parts| parts.helpers = &[0x7fff]),
        None,
        "left to the verifier"
    );
}

#[test]
fn defaults() {
    let parts = ImageParts {
        stack_size: 0,
        ..sample()
    };
    let buffer = ImageBuffer::copy_from(&parts.write().expect("sound"));
    assert_eq!(
        buffer.image().map(|image| image.stack_size()),
        Ok(DEFAULT_STACK_SIZE)
    );
}

#[test]
fn the_length_is_known_from_the_header() {
    let bytes = sample().write().expect("the sample is sound");
    assert_eq!(Image::required_len(&bytes[..HEADER_LEN]), Ok(bytes.len()));
    assert_eq!(
        Image::required_len(&bytes[..HEADER_LEN - 1]),
        Err(ImageError::Truncated)
    );
    let mut largest = bytes;
    largest[5] = HAS_VERSION;
    largest[12..24].fill(0xff);
    assert_eq!(Image::required_len(&largest), Ok(MAX_LEN));
}

#[test]
fn errors_have_values_and_descriptions() {
    for (index, error) in ImageError::ALL.iter().enumerate() {
        assert_eq!(*error as usize, index + 1);
        assert!(error.description().ends_with('.'));
        assert_eq!(error.to_string(), error.description());
    }
}
