// SPDX-License-Identifier: MIT OR Apache-2.0
//! PPI: connects events of peripherals to tasks of others. 20 programmable
//! channels with forks, 12 fixed ones, 6 groups.

use super::{Context, Peripheral, triggers};

const CHEN: u32 = 0x500;
const CHENSET: u32 = 0x504;
const CHENCLR: u32 = 0x508;
const CHANNELS: u32 = 0x510;
const CHANNELS_END: u32 = CHANNELS + 8 * 20;
const GROUPS: u32 = 0x800;
const GROUPS_END: u32 = GROUPS + 4 * 6;
const FORKS: u32 = 0x910;
const FORKS_END: u32 = FORKS + 4 * 32;

/// Event and task of the channels 20 to 31 (product specification, "PPI",
/// "Pre-programmed channels").
const FIXED: [(u32, u32); 12] = [
    (0x4000_8140, 0x4000_1000), // TIMER0 COMPARE[0] to RADIO TXEN
    (0x4000_8140, 0x4000_1004), // TIMER0 COMPARE[0] to RADIO RXEN
    (0x4000_8144, 0x4000_1010), // TIMER0 COMPARE[1] to RADIO DISABLE
    (0x4000_1128, 0x4000_f000), // RADIO BCMATCH to AAR START
    (0x4000_1100, 0x4000_f000), // RADIO READY to CCM KSGEN
    (0x4000_1104, 0x4000_f004), // RADIO ADDRESS to CCM CRYPT
    (0x4000_1104, 0x4000_8044), // RADIO ADDRESS to TIMER0 CAPTURE[1]
    (0x4000_110c, 0x4000_8048), // RADIO END to TIMER0 CAPTURE[2]
    (0x4000_b140, 0x4000_1000), // RTC0 COMPARE[0] to RADIO TXEN
    (0x4000_b140, 0x4000_1004), // RTC0 COMPARE[0] to RADIO RXEN
    (0x4000_b140, 0x4000_800c), // RTC0 COMPARE[0] to TIMER0 CLEAR
    (0x4000_b140, 0x4000_8000), // RTC0 COMPARE[0] to TIMER0 START
];

/// The programmable peripheral interconnect.
#[derive(Debug, Default)]
pub struct Ppi {
    enabled: u32,
    channels: [(u32, u32); 20],
    forks: [u32; 32],
    groups: [u32; 6],
}

impl Ppi {
    /// The addresses of the tasks that the event at `event` triggers.
    pub fn tasks(&self, event: u32) -> impl Iterator<Item = u32> + '_ {
        let channels = self
            .channels
            .iter()
            .chain(&FIXED)
            .zip(self.forks)
            .enumerate();
        channels
            .filter(move |(channel, ((source, _), _))| {
                self.enabled >> channel & 1 == 1 && *source == event
            })
            .flat_map(|(_, ((_, task), fork))| [*task, fork])
            .filter(|task| *task != 0)
    }

    /// Whether any channel is enabled.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.enabled != 0
    }
}

impl Peripheral for Ppi {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        Some(match offset {
            0..0x30 => 0,
            CHEN | CHENSET | CHENCLR => self.enabled,
            CHANNELS..CHANNELS_END => {
                let (event, task) = self.channels[(offset - CHANNELS) as usize / 8];
                if offset & 4 == 0 { event } else { task }
            }
            GROUPS..GROUPS_END => self.groups[(offset - GROUPS) as usize / 4],
            FORKS..FORKS_END => self.forks[(offset - FORKS) as usize / 4],
            _ => return None,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> bool {
        match offset {
            0..0x30 if triggers(value) => {
                let group = self.groups[offset as usize / 8];
                if offset & 4 == 0 {
                    self.enabled |= group;
                } else {
                    self.enabled &= !group;
                }
            }
            0..0x30 => {}
            CHEN => self.enabled = value,
            CHENSET => self.enabled |= value,
            CHENCLR => self.enabled &= !value,
            CHANNELS..CHANNELS_END => {
                let channel = &mut self.channels[(offset - CHANNELS) as usize / 8];
                *(if offset & 4 == 0 {
                    &mut channel.0
                } else {
                    &mut channel.1
                }) = value;
            }
            GROUPS..GROUPS_END => self.groups[(offset - GROUPS) as usize / 4] = value,
            FORKS..FORKS_END => self.forks[(offset - FORKS) as usize / 4] = value,
            _ => return false,
        }
        true
    }

    fn reset(&mut self) {
        *self = Ppi::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn an_enabled_channel_names_its_task_and_its_fork() {
        let mut ppi = Bench::new(Ppi::default());
        ppi.write(CHANNELS + 8, 0x4000_8140);
        ppi.write(CHANNELS + 12, 0x4000_6000);
        ppi.write(FORKS + 4, 0x4000_9000);
        let tasks = |ppi: &Bench<Ppi>| ppi.device.tasks(0x4000_8140).collect::<Vec<_>>();
        assert!(tasks(&ppi).is_empty());
        ppi.write(GROUPS, 1 << 1 | 1 << 20);
        ppi.write(0, 1);
        assert_eq!(tasks(&ppi), [0x4000_6000, 0x4000_9000, 0x4000_1000]);
        ppi.write(4, 1);
        assert!(tasks(&ppi).is_empty());
    }
}
