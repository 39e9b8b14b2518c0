// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list in text, and lines that hold one of it or a fault: copied from a
//! device's shell, from a log, or from what `rbpf run` says.

use rbpf_vm::FaultKind;

use super::{MAX_RECORDS, Record, ReportedFault};

/// The record of each line that has one.
#[must_use]
pub fn from_text(text: &str) -> Vec<Record> {
    text.lines().filter_map(record).take(MAX_RECORDS).collect()
}

/// `[...] NAME state STATE key value key value [last fault KIND pc N address A]`.
fn record(line: &str) -> Option<Record> {
    let tokens: Vec<&str> = line.split_whitespace().collect();
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
    Some(ReportedFault {
        kind: kind.map(str::to_owned),
        pc: Some(number(pc)?),
        address: match rest {
            ["address", address, ..] => number(address),
            _ => None,
        },
    })
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
        })
    }

    #[test]
    fn lists() {
        let text = format!("{LINE}\nfault state idle path - bytes 9 new 5 runs 0\nnonsense\n");
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
