// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list in text, and lines that hold one of it or a fault: copied from a
//! device's shell, from a log, or from what `rbpf run` says.

use rbpf_vm::FaultKind;

use super::{MAX_RECORDS, REGISTERS, Record, ReportedFault};

/// The record of each line that has one.
#[must_use]
pub fn from_text(text: &str) -> Vec<Record> {
    text.lines().filter_map(record).take(MAX_RECORDS).collect()
}

/// `[...] NAME state STATE key value key value [last fault KIND pc N address A]`,
/// or `[...] NAME fault KIND pc N address A ms T key value key value`.
fn record(line: &str) -> Option<Record> {
    let tokens: Vec<&str> = line.split_whitespace().collect();
    faulty(line, &tokens).or_else(|| container(line, &tokens))
}

/// A fault with the name of the container.
fn faulty(line: &str, tokens: &[&str]) -> Option<Record> {
    let mut places = tokens.windows(9).rev();
    let [name, ..] =
        places.find(|words| matches!(words, [_, "fault", _, "pc", _, "address", _, "ms", _]))?
    else {
        return None;
    };
    Some(Record {
        name: Some((*name).to_owned()),
        fault: fault_in(line),
        ..Record::default()
    })
}

fn container(line: &str, tokens: &[&str]) -> Option<Record> {
    let state = tokens.iter().skip(1).position(|&token| token == "state")? + 1;
    let mut record = Record {
        name: state
            .checked_sub(1)
            .and_then(|index| tokens.get(index))
            .map(|&name| name.to_owned()),
        fault: fault_in(line),
        ..Record::default()
    };
    let mut rest = tokens.iter().skip(state);
    while let Some(&key) = rest.next() {
        if key == "last" {
            break;
        }
        let Some(&value) = rest.next() else { break };
        let counter = match key {
            "state" => {
                record.state = Some(value.to_owned());
                continue;
            }
            "tenant" => {
                record.tenant = Some(value.to_owned());
                continue;
            }
            "path" => {
                record.path = Some(value).filter(|&path| path != "-").map(str::to_owned);
                continue;
            }
            "bytes" => &mut record.bytes,
            "runs" => &mut record.runs,
            "faults" => &mut record.faults,
            "instructions" => &mut record.instructions,
            "longest" => &mut record.longest,
            "helpers" => &mut record.helpers,
            _ => continue,
        };
        *counter = number(value);
    }
    Some(record)
}

/// The fault that a line tells of: `fault KIND pc N address A`, or as `rbpf
/// run` says it, `fault at slot N, address A: text (KIND)`. Of several, the
/// last one.
#[must_use]
pub fn fault_in(line: &str) -> Option<ReportedFault> {
    let tokens: Vec<&str> = line.split_whitespace().map(bare).collect();
    (0..tokens.len())
        .rev()
        .find_map(|start| fault_at(tokens.get(start..)?))
}

fn fault_at(tokens: &[&str]) -> Option<ReportedFault> {
    let (kind, pc, rest) = match tokens {
        ["fault", "at", "slot", pc, rest @ ..] => {
            let named = |token: &&str| FaultKind::ALL.iter().any(|kind| kind.name() == *token);
            (rest.iter().copied().find(named), pc, rest)
        }
        ["fault", kind, "pc", pc, rest @ ..] => (Some(*kind), pc, rest),
        _ => return None,
    };
    let mut fault = ReportedFault {
        kind: kind.map(str::to_owned),
        pc: Some(number(pc)?),
        address: match rest {
            ["address", address, ..] => number(address),
            _ => None,
        },
        ..ReportedFault::default()
    };
    let (pairs, _) = rest.as_chunks();
    for &[key, value] in pairs {
        match key {
            "ms" => fault.at_ms = number(value),
            "version" => fault.version = number(value),
            "digest" => fault.digest = digest(value),
            "registers" => fault.registers = registers(value).unwrap_or_default(),
            _ => {}
        }
    }
    Some(fault)
}

/// A SHA-256 in hexadecimal.
fn digest(text: &str) -> Option<String> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| text.to_ascii_lowercase())
}

/// The numbers of all registers, with commas between.
fn registers(text: &str) -> Option<Vec<u64>> {
    let values: Option<Vec<u64>> = text.split(',').take(REGISTERS + 1).map(number).collect();
    values.filter(|values| values.len() == REGISTERS)
}

/// A word without what people put around it.
fn bare(word: &str) -> &str {
    word.trim_matches([',', ';', ':', '.', '(', ')', '"', '\'', '`'])
}

/// A number in decimal or, after `0x`, in hexadecimal.
pub(crate) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "counter state bound path /count bytes 322 runs 2 faults 1 instructions 70 \
         longest 35 helpers 14 last fault InvalidRead pc 3 address 0x2000004";

    fn fault(kind: &str, pc: u64, address: Option<u64>) -> Option<ReportedFault> {
        Some(ReportedFault {
            kind: Some(kind.to_owned()),
            pc: Some(pc),
            address,
            ..ReportedFault::default()
        })
    }

    #[test]
    fn lists() {
        let text = format!(
            "{LINE}\nfault state verified path - bytes 9 new 5 runs 0 tenant alice lease 3\nnonsense\n"
        );
        let records = from_text(&text);
        let [counter, other] = &records[..] else {
            panic!("{records:?}");
        };
        assert_eq!(counter.name.as_deref(), Some("counter"));
        assert_eq!(counter.path.as_deref(), Some("/count"));
        assert_eq!((counter.bytes, counter.helpers), (Some(322), Some(14)));
        assert_eq!(counter.fault, fault("InvalidRead", 3, Some(0x200_0004)));
        assert_eq!(other.name.as_deref(), Some("fault"));
        assert_eq!((other.runs, other.path.as_ref()), (Some(0), None));
        assert_eq!(other.fault, None);
        assert_eq!(other.tenant.as_deref(), Some("alice"));
        assert_eq!(counter.tenant, None);
    }

    #[test]
    fn faults_with_all_that_is_known() {
        let digest = "0123456789abcdef".repeat(4);
        let line = |registers: &str| {
            format!(
                "> state fault InvalidRead pc 3 address 0x4 ms 70 slot 0 generation 2 version 7 \
                 digest {digest} registers {registers}"
            )
        };
        let all = "0x0,0x2000000,0x28,0x7,0,0,0,0,0,0,0x1000020";
        let [record] = &from_text(&line(all))[..] else {
            panic!("one");
        };
        assert_eq!(record.name.as_deref(), Some("state"));
        let fault = record.fault.as_ref().expect("a fault");
        assert_eq!((fault.pc, fault.address), (Some(3), Some(4)));
        assert_eq!((fault.at_ms, fault.version), (Some(70), Some(7)));
        assert_eq!(fault.digest.as_deref(), Some(&digest[..]));
        assert_eq!(fault.registers.len(), 11);
        assert_eq!(fault.registers[1], 0x200_0000);
        for wrong in ["", "0x0", &format!("{all},1"), &all.replace('7', "x")] {
            let fault = fault_in(&line(wrong)).expect("a fault");
            assert!(fault.registers.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn faults_in_lines() {
        for (line, expected) in [
            (LINE, fault("InvalidRead", 3, Some(0x200_0004))),
            (
                "error: fault StackOverflow pc 12 address 0x0",
                fault("StackOverflow", 12, Some(0)),
            ),
            ("5.00 fault Novel pc 0x10", fault("Novel", 16, None)),
            (
                "[w] \"fault InvalidWrite pc 1, address 0xff.\"",
                fault("InvalidWrite", 1, Some(255)),
            ),
            (
                "error: p.bin: fault at slot 1, address 0x2000004: read outside of the granted \
                 memory (InvalidRead), after 2 instructions",
                fault("InvalidRead", 1, Some(0x200_0004)),
            ),
            (
                "fault fault InvalidRead pc 1 address 9",
                fault("InvalidRead", 1, Some(9)),
            ),
        ] {
            assert_eq!(fault_in(line), expected, "{line}");
        }
        for line in [
            "",
            "fault",
            "fault InvalidRead",
            "fault InvalidRead pc",
            "fault InvalidRead pc -1",
            "fault InvalidRead pc 99999999999999999999",
            "faults 3 pc 4",
        ] {
            assert_eq!(fault_in(line), None, "{line}");
        }
    }
}
