// SPDX-License-Identifier: MIT OR Apache-2.0
//! The columns, and the table as plain text.
//!
//! Cells are printable whatever a device has sent.

use ratatui::text::Span;

use super::figures::{Container, Device, Row};
use crate::terminal::printable;

/// Characters of names, states and kinds that are shown: those of devices are
/// shorter.
const MAX_TEXT: usize = 32;
/// Characters of a fault that are shown at least: most kinds, and a pc.
const LEAST_FAULT: usize = 18;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Device,
    Container,
    Tenant,
    State,
    Runs,
    RunsRate,
    Instructions,
    InstructionsRate,
    Longest,
    Faults,
    Helpers,
    LastFault,
}

impl Column {
    /// All columns, from the left.
    pub(super) const ALL: [Self; 12] = [
        Self::Device,
        Self::Container,
        Self::Tenant,
        Self::State,
        Self::Runs,
        Self::RunsRate,
        Self::Instructions,
        Self::InstructionsRate,
        Self::Longest,
        Self::Faults,
        Self::Helpers,
        Self::LastFault,
    ];

    /// What a narrow screen does without, the first first.
    const DISPENSABLE: [Self; 8] = [
        Self::Helpers,
        Self::Longest,
        Self::State,
        Self::Instructions,
        Self::Runs,
        Self::LastFault,
        Self::Tenant,
        Self::Device,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Device => "DEVICE",
            Self::Container => "CONTAINER",
            Self::Tenant => "TENANT",
            Self::State => "STATE",
            Self::Runs => "RUNS",
            Self::RunsRate => "RUNS/S",
            Self::Instructions => "INSTRUCTIONS",
            Self::InstructionsRate => "INSTR/S",
            Self::Longest => "LONGEST",
            Self::Faults => "FAULTS",
            Self::Helpers => "HELPERS",
            Self::LastFault => "LAST FAULT",
        }
    }

    /// Whether it holds numbers.
    pub(super) const fn is_number(self) -> bool {
        !matches!(
            self,
            Self::Device | Self::Container | Self::Tenant | Self::State | Self::LastFault
        )
    }

    pub(super) fn cell(self, device: &Device, container: &Container) -> String {
        let record = &container.record;
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let text = |text: &Option<String>| text.as_deref().map(|text| printable(text, MAX_TEXT));
        let cell = match self {
            Self::Device => Some(short(device.uri()).to_owned()),
            Self::Container => text(&record.name),
            Self::Tenant => text(&record.tenant),
            Self::State => text(&record.state),
            Self::Runs => number(record.runs),
            Self::RunsRate => container.runs_rate.map(rate),
            Self::Instructions => number(record.instructions),
            Self::InstructionsRate => container.instructions_rate.map(rate),
            Self::Longest => number(record.longest),
            Self::Faults => number(record.faults),
            Self::Helpers => number(record.helpers),
            Self::LastFault => last_fault(container),
        };
        // A name may be empty, too.
        cell.filter(|cell| !cell.is_empty()).unwrap_or("-".into())
    }
}

/// A device's URI without what all have in common.
fn short(uri: &str) -> &str {
    uri.strip_prefix("coap://").unwrap_or(uri)
}

fn rate(rate: f64) -> String {
    match rate {
        ..100.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

fn last_fault(container: &Container) -> Option<String> {
    let fault = container.record.fault.as_ref()?;
    let kind = fault.kind.as_deref();
    let mut text = kind.map_or("?".into(), |kind| printable(kind, MAX_TEXT));
    if let Some(pc) = fault.pc {
        text.push_str(&format!(" pc {pc}"));
    }
    if let Some(address) = fault.address {
        text.push_str(&format!(" address {address:#x}"));
    }
    Some(text)
}

/// Columns with their widths, and their cells row by row.
pub(super) struct Table {
    pub(super) columns: Vec<(Column, usize)>,
    pub(super) cells: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(devices: &[Device], rows: &[Row]) -> Self {
        let found = rows.iter().filter_map(|row| row.of(devices));
        // Most devices have no tenants.
        let tenants = found
            .clone()
            .any(|(_, container)| container.record.tenant.is_some());
        let shown = |column: &&Column| tenants || **column != Column::Tenant;
        let columns: Vec<&Column> = Column::ALL.iter().filter(shown).collect();
        let cells: Vec<Vec<String>> = found
            .map(|(device, container)| {
                let cell = |column: &&Column| column.cell(device, container);
                columns.iter().map(cell).collect()
            })
            .collect();
        let width = |(index, &column): (usize, &&Column)| {
            let cells = cells.iter().filter_map(|row: &Vec<String>| row.get(index));
            let widest = cells.map(|cell| columns_of(cell)).max().unwrap_or(0);
            (*column, widest.max(column.title().len()))
        };
        let columns = columns.iter().enumerate().map(width).collect();
        Self { columns, cells }
    }

    /// Leaves columns out until the rest fits, with gaps of two.
    pub(super) fn fit(&mut self, room: usize) {
        for column in Column::DISPENSABLE {
            if self.squeeze(room) {
                return;
            }
            let Some(index) = self.columns.iter().position(|&(found, _)| found == column) else {
                continue;
            };
            self.columns.remove(index);
            for row in &mut self.cells {
                if index < row.len() {
                    row.remove(index);
                }
            }
        }
    }

    /// Whether all columns fit, perhaps with the ends of faults cut off.
    fn squeeze(&mut self, room: usize) -> bool {
        let width: usize = self.columns.iter().map(|(_, width)| width + 2).sum();
        let excess = width.saturating_sub(room + 2);
        match self.columns.last_mut() {
            _ if excess == 0 => true,
            Some((Column::LastFault, last)) if *last >= excess + LEAST_FAULT => {
                *last -= excess;
                true
            }
            _ => false,
        }
    }
}

/// How many columns of a terminal a text takes.
fn columns_of(text: &str) -> usize {
    Span::raw(text).width()
}

/// The table as plain text.
pub(super) fn text(devices: &[Device], rows: &[Row]) -> String {
    let table = Table::new(devices, rows);
    let titles = table
        .columns
        .iter()
        .map(|(column, _)| column.title().to_owned());
    let mut text = String::new();
    for row in std::iter::once(titles.collect()).chain(table.cells) {
        let mut line = String::new();
        for (cell, &(column, width)) in row.iter().zip(&table.columns) {
            let padding = " ".repeat(width.saturating_sub(columns_of(cell)));
            let (before, after) = match column.is_number() {
                true => (padding.as_str(), ""),
                false => ("", padding.as_str()),
            };
            for part in [before, cell, after, "  "] {
                line.push_str(part);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::figures::tests::{record, said};
    use super::super::figures::{Sort, rows};
    use super::*;
    use crate::listing::{Record, ReportedFault};

    fn devices() -> Vec<Device> {
        let start = Instant::now();
        let mut devices = vec![
            Device::new("coap://[::1]:5000".into()),
            Device::new("coap://node".into()),
        ];
        let mut faulty = record("été", 1_000_000, 5, 2);
        faulty.fault = Some(ReportedFault {
            kind: Some("InvalidRead".into()),
            pc: Some(7),
            address: Some(0x10),
            ..ReportedFault::default()
        });
        faulty.helpers = Some(3);
        devices[0].update(said(0, start, Ok(vec![record("a", 0, 0, 0)])));
        let later = start + Duration::from_secs(2);
        devices[0].update(said(0, later, Ok(vec![record("a", 5, 1000, 0)])));
        let hostile = Record {
            name: Some("\x1b[2Jx\n".into()),
            state: Some(String::new()),
            ..Record::default()
        };
        devices[1].update(said(1, start, Ok(vec![faulty, hostile])));
        devices
    }

    #[test]
    fn plain_text() {
        let devices = devices();
        let text = text(&devices, &rows(&devices, Sort::Device));
        let expected = "\
DEVICE      CONTAINER     STATE     RUNS  RUNS/S  INSTRUCTIONS  INSTR/S  LONGEST  FAULTS  HELPERS  LAST FAULT
[::1]:5000  a             bound        5     2.5          1000      500        -       0        -  -
node        été           bound  1000000       -             5        -        -       2        3  InvalidRead pc 7 address 0x10
node        \\u{1b}[2Jx\\n  -            -       -             -        -        -       -        -  -
";
        assert_eq!(text, expected);
    }

    #[test]
    fn tenants_where_there_are_any() {
        let mut hers = record("b", 1, 2, 0);
        hers.tenant = Some("ali\x1bce".into());
        let mut device = Device::new("coap://node".into());
        let records = vec![record("a", 1, 2, 0), hers];
        device.update(said(0, Instant::now(), Ok(records)));
        let devices = [device];
        let text = text(&devices, &rows(&devices, Sort::Device));
        let expected = "\
DEVICE  CONTAINER  TENANT       STATE  RUNS  RUNS/S  INSTRUCTIONS  INSTR/S  LONGEST  FAULTS  HELPERS  LAST FAULT
node    a          -            bound     1       -             2        -        -       0        -  -
node    b          ali\\u{1b}ce  bound     1       -             2        -        -       0        -  -
";
        assert_eq!(text, expected);
        let mut table = Table::new(&devices, &rows(&devices, Sort::Device));
        table.fit(0);
        assert_eq!(table.columns.len(), 4);
        assert!(table.cells.iter().all(|row| row.len() == 4));
    }

    #[test]
    fn narrow_screens() {
        let devices = devices();
        let all = rows(&devices, Sort::Device);
        let columns = |room| {
            let mut table = Table::new(&devices, &all);
            table.fit(room);
            let width: usize = table.columns.iter().map(|(_, width)| width + 2).sum();
            assert!(width <= room + 2 || table.columns.len() == 4, "{room}");
            assert!(
                table
                    .cells
                    .iter()
                    .all(|row| row.len() == table.columns.len())
            );
            table.columns
        };
        assert_eq!(columns(200).len(), 11);
        assert_eq!(columns(119).len(), 11);
        assert_eq!(columns(112).len(), 10);
        let narrow: Vec<Column> = columns(0).into_iter().map(|(column, _)| column).collect();
        let least = [
            Column::Container,
            Column::RunsRate,
            Column::InstructionsRate,
            Column::Faults,
        ];
        assert_eq!(narrow, least);
    }
}
