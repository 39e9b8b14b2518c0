// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list in CBOR: an array of maps, each of definite or indefinite length.
//!
//! The bytes are a device's, and hostile: nothing is allocated by a length
//! that they name, and nesting is not followed by recursion.

use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;

use super::{MAX_RECORDS, REGISTERS, Record, ReportedFault};
use crate::terminal::hex;

/// The records of a list; `None` if it is none.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Record>> {
    let mut decoder = Decoder::new(bytes);
    let records = list(&mut decoder).ok()?;
    // Whatever follows was not meant to be there.
    (decoder.position() == bytes.len()).then_some(records)
}

fn list(decoder: &mut Decoder<'_>) -> Result<Vec<Record>, Error> {
    let mut left = decoder.array()?;
    let mut records = Vec::new();
    while !at_end(decoder, &mut left)? {
        if records.len() == MAX_RECORDS {
            return Err(Error::message("too many containers"));
        }
        records.push(record(decoder)?);
    }
    Ok(records)
}

fn record(decoder: &mut Decoder<'_>) -> Result<Record, Error> {
    let mut left = decoder.map()?;
    let mut record = Record::default();
    let (mut version, mut digest) = (None, None);
    fn fault(record: &mut Record) -> &mut ReportedFault {
        record.fault.get_or_insert_default()
    }
    while !at_end(decoder, &mut left)? {
        let Some(key) = text(decoder)? else {
            // A key of another type.
            decoder.skip()?;
            continue;
        };
        match key {
            "name" => record.name = text(decoder)?.map(str::to_owned),
            "tenant" => record.tenant = text(decoder)?.map(str::to_owned),
            "state" => record.state = text(decoder)?.map(str::to_owned),
            "path" => record.path = text(decoder)?.map(str::to_owned),
            "bytes" => record.bytes = number(decoder)?,
            "runs" => record.runs = number(decoder)?,
            "faults" => record.faults = number(decoder)?,
            "instructions" => record.instructions = number(decoder)?,
            "longest" => record.longest = number(decoder)?,
            "helpers" => record.helpers = number(decoder)?,
            // The record of a fault alone has `ms`.
            "fault" => fault(&mut record).kind = text(decoder)?.map(str::to_owned),
            "pc" => fault(&mut record).pc = number(decoder)?,
            "address" => fault(&mut record).address = number(decoder)?,
            "ms" => fault(&mut record).at_ms = number(decoder)?,
            "registers" => fault(&mut record).registers = registers(decoder)?,
            "version" => version = number(decoder)?,
            "digest" => digest = bytes(decoder)?.map(|digest| hex(digest, "")),
            _ => decoder.skip()?,
        }
    }
    if let Some(fault) = &mut record.fault {
        (fault.version, fault.digest) = (version, digest);
    }
    Ok(record)
}

/// Whether an array or map has ended; takes the end of an indefinite one.
fn at_end(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(true),
        Some(left) => {
            *left -= 1;
            Ok(false)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// A text; `None`, and skipped, if it is something else.
fn text<'b>(decoder: &mut Decoder<'b>) -> Result<Option<&'b str>, Error> {
    match decoder.datatype()? {
        Type::String => decoder.str().map(Some),
        _ => decoder.skip().map(|()| None),
    }
}

/// A number that is not negative; `None`, and skipped, if it is something
/// else.
fn number(decoder: &mut Decoder<'_>) -> Result<Option<u64>, Error> {
    match decoder.datatype()? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64().map(Some),
        _ => decoder.skip().map(|()| None),
    }
}

/// Bytes; `None`, and skipped, if it is something else.
fn bytes<'b>(decoder: &mut Decoder<'b>) -> Result<Option<&'b [u8]>, Error> {
    match decoder.datatype()? {
        Type::Bytes => decoder.bytes().map(Some),
        _ => decoder.skip().map(|()| None),
    }
}

/// The numbers of all registers; none, and skipped, if it is something else.
fn registers(decoder: &mut Decoder<'_>) -> Result<Vec<u64>, Error> {
    let (Type::Array | Type::ArrayIndef) = decoder.datatype()? else {
        return decoder.skip().map(|()| Vec::new());
    };
    let mut left = decoder.array()?;
    let mut registers = Vec::new();
    let mut sound = true;
    while !at_end(decoder, &mut left)? {
        match number(decoder)? {
            Some(value) if registers.len() < REGISTERS => registers.push(value),
            _ => sound = false,
        }
    }
    sound &= registers.len() == REGISTERS;
    Ok(if sound { registers } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list as a device writes it.
    fn list() -> Vec<u8> {
        let mut bytes = vec![0x9f, 0xbf];
        bytes.extend(b"\x64name\x61a\x65state\x68verified\x64runs\x03\x66faults\x01");
        bytes.extend(b"\x65fault\x6bInvalidRead\x62pc\x07\x67address\x1a\x02\x00\x00\x04");
        bytes.extend(b"\x66future\x9f\x01\x9f\xff\xff\x07\x08\xff\xff");
        bytes
    }

    #[test]
    fn lists() {
        let records = decode(&list()).expect("a list");
        let [record] = &records[..] else {
            panic!("{records:?}");
        };
        assert_eq!(record.name.as_deref(), Some("a"));
        assert_eq!((record.runs, record.faults), (Some(3), Some(1)));
        assert_eq!((record.bytes, record.longest), (None, None));
        let fault = record.fault.as_ref().expect("a fault");
        assert_eq!(fault.kind.as_deref(), Some("InvalidRead"));
        assert_eq!((fault.pc, fault.address), (Some(7), Some(0x200_0004)));
        // Of definite length; values of other types are missing.
        let records = decode(b"\x81\xa2\x64name\x05\x64runs\x20").expect("a list");
        assert_eq!(records, [Record::default()]);
        assert_eq!(decode(b"\x80"), Some(vec![]));
        assert_eq!(decode(b"\x9f\xff"), Some(vec![]));
    }

    #[test]
    fn faults_with_all_that_is_known() {
        let fault = |registers: &[u8]| {
            let mut bytes = b"\x9f\xbf\x64name\x61a\x65fault\x61K\x62pc\x07\x62ms\x18\x46".to_vec();
            bytes.extend(b"\x67version\x03\x66digest\x43\x01\xa2\xff\x69registers");
            bytes.extend(registers);
            bytes.extend(b"\xff\xff");
            let mut records = decode(&bytes).expect("a list");
            records
                .pop()
                .and_then(|record| record.fault)
                .expect("a fault")
        };
        let all = fault(b"\x9f\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x1a\x01\x00\x00\x20\xff");
        assert_eq!((all.at_ms, all.version), (Some(70), Some(3)));
        assert_eq!(all.digest.as_deref(), Some("01a2ff"));
        assert_eq!((all.registers.len(), all.registers[10]), (11, 0x100_0020));
        for wrong in [
            &b"\x80"[..],
            b"\x05",
            b"\x8a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\x8c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\x8b\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00",
        ] {
            assert!(fault(wrong).registers.is_empty(), "{wrong:x?}");
        }
    }

    #[test]
    fn damaged_lists() {
        let list = list();
        for length in 0..list.len() {
            assert_eq!(decode(&list[..length]), None, "{length}");
        }
        for bit in 0..list.len() * 8 {
            let mut damaged = list.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // Whatever it is, it ends.
            decode(&damaged);
        }
    }

    #[test]
    fn hostile_lists() {
        let nested = [vec![0x81; 100_000], vec![0x00]].concat();
        let endless = vec![0x9f; 100_000];
        let within = [b"\x9f\xbf\x61x".to_vec(), vec![0x9f; 100_000]].concat();
        let mixed: Vec<u8> = [0x81, 0x9f].repeat(50_000);
        for bytes in [
            nested,
            endless,
            within,
            [b"\x81\xa1\x61x".to_vec(), mixed].concat(),
            // 2^64 - 1 entries, containers, bytes.
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\x81\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\x81\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            // No UTF-8.
            b"\x81\xa1\x64name\x61\xff".to_vec(),
            // More after the end.
            b"\x80\x80".to_vec(),
            b"not CBOR".to_vec(),
            [vec![0x9f], vec![0xa0; MAX_RECORDS + 1], vec![0xff]].concat(),
        ] {
            assert_eq!(decode(&bytes), None);
        }
    }
}
