// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the devices, and the rates that follow from it.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::watch::Update;
use crate::listing::Record;

/// Beyond the interval, so much later an answer may be without being late.
const LATE: Duration = Duration::from_secs(2);

/// A device that is watched.
pub(super) struct Device {
    uri: String,
    /// When its containers were heard of last.
    at: Option<Instant>,
    containers: Vec<Container>,
    /// Why the last time that it was asked gave nothing.
    trouble: Option<String>,
}

/// A container, and what it does in a second.
pub(super) struct Container {
    pub(super) record: Record,
    pub(super) runs_rate: Option<f64>,
    pub(super) instructions_rate: Option<f64>,
}

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Never heard of so far.
    Asking,
    /// It answers.
    Up,
    /// It takes longer than it should.
    Late,
    /// It does not answer, or with something else than a list.
    Down,
}

impl Device {
    pub(super) fn new(uri: String) -> Self {
        Self {
            uri,
            at: None,
            containers: Vec::new(),
            trouble: None,
        }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn containers(&self) -> &[Container] {
        &self.containers
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// How old what is known is.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.at.map(|at| now.saturating_duration_since(at))
    }

    /// How it is, if it is asked this often.
    pub(super) fn reach(&self, now: Instant, interval: Duration) -> Reach {
        match self.age(now) {
            _ if self.trouble.is_some() => Reach::Down,
            None => Reach::Asking,
            Some(age) if age > interval + LATE => Reach::Late,
            Some(_) => Reach::Up,
        }
    }

    /// Takes what a device has said.
    pub(super) fn update(&mut self, update: Update) {
        let records = match update.result {
            Ok(records) => records,
            Err(trouble) => {
                self.trouble = Some(trouble);
                // What was counted stays true, what happens now is not known.
                for container in &mut self.containers {
                    container.runs_rate = None;
                    container.instructions_rate = None;
                }
                return;
            }
        };
        let seconds = self.age(update.at).map(|age| age.as_secs_f64());
        let before = std::mem::take(&mut self.containers);
        let with_rates = |record: Record| {
            let same = |old: &&Container| old.record.name == record.name;
            let old = before.iter().find(same).map(|old| &old.record);
            let rate = |figure: fn(&Record) -> Option<u64>| {
                // Less than before: replaced, or the device was restarted.
                let more = figure(&record)?.checked_sub(figure(old?)?)?;
                seconds
                    .filter(|&seconds| seconds > 0.0)
                    .map(|seconds| more as f64 / seconds)
            };
            Container {
                runs_rate: rate(|record| record.runs),
                instructions_rate: rate(|record| record.instructions),
                record,
            }
        };
        self.containers = records.into_iter().map(with_rates).collect();
        self.at = Some(update.at);
        self.trouble = None;
    }
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Device,
    Name,
    Runs,
    Instructions,
    Faults,
}

impl Sort {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Name => "container",
            Self::Runs => "runs/s",
            Self::Instructions => "instructions/s",
            Self::Faults => "faults",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Device => Self::Name,
            Self::Name => Self::Runs,
            Self::Runs => Self::Instructions,
            Self::Instructions => Self::Faults,
            Self::Faults => Self::Device,
        }
    }

    /// Largest figures first.
    fn compare(self, one: &Container, other: &Container) -> Ordering {
        let rate = |rate: Option<f64>| rate.unwrap_or(-1.0);
        match self {
            Self::Device => Ordering::Equal,
            Self::Name => one.record.name.cmp(&other.record.name),
            Self::Runs => rate(other.runs_rate)
                .total_cmp(&rate(one.runs_rate))
                .then(other.record.runs.cmp(&one.record.runs)),
            Self::Instructions => rate(other.instructions_rate)
                .total_cmp(&rate(one.instructions_rate))
                .then(other.record.instructions.cmp(&one.record.instructions)),
            Self::Faults => other.record.faults.cmp(&one.record.faults),
        }
    }
}

/// A row: a container of a device, both by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) device: usize,
    pub(super) container: usize,
}

impl Row {
    /// The container; `None` if it is not there any more.
    pub(super) fn of(self, devices: &[Device]) -> Option<(&Device, &Container)> {
        let device = devices.get(self.device)?;
        Some((device, device.containers.get(self.container)?))
    }
}

/// All containers, in order; equal ones as the devices list them.
pub(super) fn rows(devices: &[Device], sort: Sort) -> Vec<Row> {
    let mut rows: Vec<(Row, &Container)> = Vec::new();
    for (device, watched) in devices.iter().enumerate() {
        for (container, found) in watched.containers.iter().enumerate() {
            rows.push((Row { device, container }, found));
        }
    }
    rows.sort_by(|(_, one), (_, other)| sort.compare(one, other));
    rows.into_iter().map(|(row, _)| row).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A container with these counters.
    pub(in super::super) fn record(
        name: &str,
        runs: u64,
        instructions: u64,
        faults: u64,
    ) -> Record {
        Record {
            name: Some(name.into()),
            state: Some("bound".into()),
            runs: Some(runs),
            instructions: Some(instructions),
            faults: Some(faults),
            ..Record::default()
        }
    }

    /// What a device says so much after the beginning.
    pub(in super::super) fn said(
        device: usize,
        at: Instant,
        result: Result<Vec<Record>, String>,
    ) -> Update {
        Update { device, at, result }
    }

    #[test]
    fn rates() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let interval = Duration::from_secs(1);
        let mut device = Device::new("coap://a".into());
        assert_eq!(device.reach(start, interval), Reach::Asking);
        device.update(said(0, start, Ok(vec![record("a", 10, 1000, 0)])));
        assert_eq!(device.containers()[0].runs_rate, None);
        device.update(said(
            0,
            after(2),
            Ok(vec![record("b", 9, 9, 9), record("a", 15, 1800, 0)]),
        ));
        let [new, old] = device.containers() else {
            panic!("two containers");
        };
        assert_eq!((new.runs_rate, new.instructions_rate), (None, None));
        assert_eq!(
            (old.runs_rate, old.instructions_rate),
            (Some(2.5), Some(400.0))
        );
        assert_eq!(device.reach(after(4), interval), Reach::Up);
        assert_eq!(device.reach(after(6), interval), Reach::Late);
        // Replaced meanwhile; another answer at the same moment.
        device.update(said(0, after(3), Ok(vec![record("a", 1, 5, 0)])));
        assert_eq!(device.containers()[0].runs_rate, None);
        device.update(said(0, after(3), Ok(vec![record("a", 2, 5, 0)])));
        assert_eq!(device.containers()[0].runs_rate, None);
        // Gone, and back: the rate is over all of that time.
        device.update(said(0, after(4), Err("no answer".into())));
        assert_eq!(device.reach(after(4), interval), Reach::Down);
        assert_eq!(device.age(after(5)), Some(Duration::from_secs(2)));
        assert_eq!(device.containers()[0].record.runs, Some(2));
        device.update(said(0, after(5), Ok(vec![record("a", 8, 5, 0)])));
        assert_eq!(device.containers()[0].runs_rate, Some(3.0));
        assert_eq!(device.trouble(), None);
    }

    #[test]
    fn orders() {
        let start = Instant::now();
        let mut devices = vec![
            Device::new("coap://a".into()),
            Device::new("coap://b".into()),
        ];
        let first = vec![record("z", 1, 9, 0), record("m", 1, 5, 3)];
        devices[0].update(said(0, start, Ok(first)));
        devices[1].update(said(
            1,
            start,
            Ok(vec![record("a", 7, 1, 1), Record::default()]),
        ));
        let order = |sort| -> Vec<String> {
            let name = |row: Row| {
                let (_, container) = row.of(&devices).expect("it is there");
                container.record.name.clone().unwrap_or("-".into())
            };
            rows(&devices, sort).into_iter().map(name).collect()
        };
        assert_eq!(order(Sort::Device), ["z", "m", "a", "-"]);
        assert_eq!(order(Sort::Name), ["-", "a", "m", "z"]);
        assert_eq!(order(Sort::Runs), ["a", "z", "m", "-"]);
        assert_eq!(order(Sort::Instructions), ["z", "m", "a", "-"]);
        assert_eq!(order(Sort::Faults), ["m", "a", "z", "-"]);
        let mut sort = Sort::Device;
        for _ in 0..5 {
            sort = sort.next();
        }
        assert_eq!(sort, Sort::Device);
    }
}
