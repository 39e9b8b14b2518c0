// SPDX-License-Identifier: MIT OR Apache-2.0
//! UARTE: a serial line with EasyDMA.
//!
//! Bytes take the time that the baud rate gives them, in both directions. A
//! byte is not delivered while the end of the last buffer (ENDRX) is still
//! unread or reception is off: the other end of the line is polite, and no byte
//! is ever lost. Parity and framing errors, and flow control by RTS and CTS, do
//! not happen. The older UART without EasyDMA (ENABLE = 4) is not there.

use std::collections::VecDeque;

use super::events::Events;
use super::{APB_BASE, CYCLES_PER_SECOND, Context, Peripheral, earliest, triggers};
use crate::memory::Memory;
use crate::notes::Level;

const RXDRDY: u32 = 2;
const ENDRX: u32 = 4;
const TXDRDY: u32 = 7;
const ENDTX: u32 = 8;
const RXTO: u32 = 17;
const RXSTARTED: u32 = 19;
const TXSTARTED: u32 = 20;
const TXSTOPPED: u32 = 22;
/// Those above, CTS, NCTS and ERROR.
const IMPLEMENTED: u32 = 0b0101_1010_0000_0011_1001_0111;

const TASK_STARTRX: u32 = 0x000;
const TASK_STOPRX: u32 = 0x004;
const TASK_STARTTX: u32 = 0x008;
const TASK_STOPTX: u32 = 0x00c;
const TASK_FLUSHRX: u32 = 0x02c;
const SHORTS: u32 = 0x200;
const ERRORSRC: u32 = 0x480;
const ENABLE: u32 = 0x500;
const PSEL: u32 = 0x508;
const PSEL_END: u32 = 0x518;
const BAUDRATE: u32 = 0x524;
const RXD_PTR: u32 = 0x534;
const RXD_MAXCNT: u32 = 0x538;
const RXD_AMOUNT: u32 = 0x53c;
const TXD_PTR: u32 = 0x544;
const TXD_MAXCNT: u32 = 0x548;
const TXD_AMOUNT: u32 = 0x54c;
const CONFIG: u32 = 0x56c;

const ENABLED: u32 = 8;
const SHORT_ENDRX_STARTRX: u32 = 1 << 5;
const SHORT_ENDRX_STOPRX: u32 = 1 << 6;
const SLOWEST_BAUD: u64 = 1200;

/// A transfer between RAM and the line. Its buffer was latched at its start:
/// the pointer registers may be written anew meanwhile.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    pointer: u32,
    length: u32,
    done: u32,
}

/// What a line has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStatistics {
    /// Bytes from the guest.
    pub sent: u64,
    /// Bytes that the guest received.
    pub received: u64,
}

/// UARTE0 or UARTE1.
#[derive(Debug)]
pub struct Uarte {
    base: u32,
    events: Events,
    shorts: u32,
    enable: u32,
    pins: [u32; 4],
    baud_rate: u32,
    config: u32,
    rxd: (u32, u32, u32),
    txd: (u32, u32, u32),
    receive: Option<Transfer>,
    transmit: Option<Transfer>,
    /// When the byte under way has left.
    sent_at: u64,
    /// When the next byte can have arrived.
    arrives_at: u64,
    input: VecDeque<u8>,
    output: Vec<u8>,
    statistics: LineStatistics,
}

impl Uarte {
    /// The UARTE that is peripheral `number`.
    #[must_use]
    pub fn new(number: u32) -> Self {
        let base = APB_BASE + number * 0x1000;
        Uarte {
            base,
            events: Events::new(base, IMPLEMENTED),
            shorts: 0,
            enable: 0,
            pins: [u32::MAX; 4],
            baud_rate: 0x0400_0000,
            config: 0,
            rxd: (0, 0, 0),
            txd: (0, 0, 0),
            receive: None,
            transmit: None,
            sent_at: 0,
            arrives_at: 0,
            input: VecDeque::new(),
            output: Vec::new(),
            statistics: LineStatistics::default(),
        }
    }

    /// Puts bytes on the line to the guest.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// Bytes that wait on the line to the guest.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.input.len()
    }

    /// Whether the guest is sending.
    #[must_use]
    pub const fn is_sending(&self) -> bool {
        self.transmit.is_some()
    }

    /// Takes what the guest has sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// What the line has carried since power-on.
    #[must_use]
    pub const fn statistics(&self) -> LineStatistics {
        self.statistics
    }

    /// Cycles that one byte takes: start bit, eight bits, parity, stop bits.
    fn byte_time(&self) -> u64 {
        let baud = ((u64::from(self.baud_rate) * 16_000_000) >> 32).max(SLOWEST_BAUD);
        let parity = u64::from(self.config >> 1 & 7 != 0);
        let stop = u64::from(self.config >> 4 & 1);
        (10 + parity + stop) * CYCLES_PER_SECOND / baud
    }

    fn outside_of_ram(&self, what: &str, pointer: u32, length: u32, context: &mut Context<'_>) {
        let base = self.base;
        context.effects.notes.add(Level::Warning, "easydma", pointer, || {
            format!("UARTE at {base:#010x}: EasyDMA cannot {what} {length} bytes at {pointer:#010x}, which is not RAM")
        });
    }

    fn start_receiving(&mut self, context: &mut Context<'_>) {
        if self.enable != ENABLED {
            return;
        }
        let (pointer, length, _) = self.rxd;
        self.receive = Some(Transfer {
            pointer,
            length,
            done: 0,
        });
        self.events.raise(RXSTARTED, context);
        if length == 0 {
            self.end_receiving(context);
        }
    }

    fn end_receiving(&mut self, context: &mut Context<'_>) {
        let Some(transfer) = self.receive.take() else {
            return;
        };
        self.rxd.2 = transfer.done;
        self.events.raise(ENDRX, context);
    }

    fn stop_receiving(&mut self, context: &mut Context<'_>) {
        self.end_receiving(context);
        self.events.raise(RXTO, context);
    }

    fn start_sending(&mut self, context: &mut Context<'_>) {
        if self.enable != ENABLED {
            return;
        }
        let (pointer, length, _) = self.txd;
        self.events.raise(TXSTARTED, context);
        self.transmit = Some(Transfer {
            pointer,
            length,
            done: 0,
        });
        self.sent_at = context.now + self.byte_time();
        if length > 0 && !Memory::is_ram(pointer, length) {
            self.outside_of_ram("read", pointer, length, context);
            self.end_sending(context);
        } else if length == 0 {
            self.end_sending(context);
        }
    }

    fn end_sending(&mut self, context: &mut Context<'_>) {
        let Some(transfer) = self.transmit.take() else {
            return;
        };
        self.txd.2 = transfer.done;
        self.events.raise(ENDTX, context);
    }

    fn task(&mut self, offset: u32, context: &mut Context<'_>) -> bool {
        match offset {
            TASK_STARTRX => self.start_receiving(context),
            TASK_STOPRX => self.stop_receiving(context),
            TASK_STARTTX => self.start_sending(context),
            TASK_STOPTX => {
                self.end_sending(context);
                self.events.raise(TXSTOPPED, context);
            }
            // There is no FIFO behind the buffer, so nothing is ever flushed.
            TASK_FLUSHRX => {
                self.rxd.2 = 0;
                self.events.raise(ENDRX, context);
            }
            _ => return false,
        }
        true
    }

    fn send_due(&mut self, context: &mut Context<'_>) {
        while let Some(mut transfer) = self.transmit.filter(|_| self.sent_at <= context.now) {
            let mut byte = [0];
            if context
                .memory
                .read(transfer.pointer.wrapping_add(transfer.done), &mut byte)
            {
                self.output.push(byte[0]);
                self.statistics.sent += 1;
            }
            transfer.done += 1;
            self.transmit = Some(transfer);
            self.sent_at += self.byte_time();
            self.events.raise(TXDRDY, context);
            if transfer.done >= transfer.length {
                self.end_sending(context);
            }
        }
    }

    /// Whether a byte can be delivered when its time comes.
    fn can_receive(&self) -> bool {
        self.receive.is_some() && !self.input.is_empty() && !self.events.is_raised(ENDRX)
    }

    fn receive_due(&mut self, context: &mut Context<'_>) {
        if !self.can_receive() || self.arrives_at > context.now {
            return;
        }
        let (Some(mut transfer), Some(byte)) = (self.receive, self.input.pop_front()) else {
            return;
        };
        let address = transfer.pointer.wrapping_add(transfer.done);
        if !(Memory::is_ram(address, 1) && context.memory.write(address, &[byte])) {
            self.outside_of_ram("write", address, 1, context);
        }
        self.statistics.received += 1;
        self.arrives_at = context.now + self.byte_time();
        transfer.done += 1;
        self.receive = Some(transfer);
        self.events.raise(RXDRDY, context);
        if transfer.done >= transfer.length {
            self.end_receiving(context);
            if self.shorts & SHORT_ENDRX_STARTRX != 0 && self.rxd.1 > 0 {
                self.start_receiving(context);
            }
            if self.shorts & SHORT_ENDRX_STOPRX != 0 {
                self.stop_receiving(context);
            }
        }
    }
}

impl Peripheral for Uarte {
    fn read(&mut self, offset: u32, _context: &mut Context<'_>) -> Option<u32> {
        Some(match offset {
            TASK_STARTRX | TASK_STOPRX | TASK_STARTTX | TASK_STOPTX | TASK_FLUSHRX | ERRORSRC => 0,
            SHORTS => self.shorts,
            ENABLE => self.enable,
            PSEL..PSEL_END => self.pins[(offset - PSEL) as usize / 4],
            BAUDRATE => self.baud_rate,
            RXD_PTR => self.rxd.0,
            RXD_MAXCNT => self.rxd.1,
            RXD_AMOUNT => self.rxd.2,
            TXD_PTR => self.txd.0,
            TXD_MAXCNT => self.txd.1,
            TXD_AMOUNT => self.txd.2,
            CONFIG => self.config,
            _ => return self.events.read(offset),
        })
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> bool {
        match offset {
            0..0x100 if triggers(value) => return self.task(offset, context),
            0..0x100 => {}
            SHORTS => self.shorts = value,
            ERRORSRC | RXD_AMOUNT | TXD_AMOUNT => {}
            ENABLE => {
                self.enable = value & 15;
                if self.enable != ENABLED {
                    (self.receive, self.transmit) = (None, None);
                }
            }
            PSEL..PSEL_END => self.pins[(offset - PSEL) as usize / 4] = value,
            BAUDRATE => self.baud_rate = value,
            RXD_PTR => self.rxd.0 = value,
            RXD_MAXCNT => self.rxd.1 = value & 0xffff,
            TXD_PTR => self.txd.0 = value,
            TXD_MAXCNT => self.txd.1 = value & 0xffff,
            CONFIG => self.config = value,
            _ => return self.events.write(offset, value),
        }
        true
    }

    fn interrupt(&self) -> bool {
        self.events.interrupt()
    }

    fn deadline(&self) -> Option<u64> {
        let sent = self.transmit.map(|_| self.sent_at);
        earliest(sent, self.can_receive().then_some(self.arrives_at))
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        self.send_due(context);
        self.receive_due(context);
    }

    fn reset(&mut self) {
        let number = (self.base - APB_BASE) / 0x1000;
        let (input, output) = (
            std::mem::take(&mut self.input),
            std::mem::take(&mut self.output),
        );
        let (statistics, arrives_at) = (self.statistics, self.arrives_at);
        *self = Uarte {
            input,
            output,
            statistics,
            arrives_at,
            ..Uarte::new(number)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;
    use crate::memory::{RAM_BASE, RAM_SIZE};

    /// Cycles a byte at 115,200 baud, as the register can express it.
    const BYTE: u64 = 5577;

    fn line() -> Bench<Uarte> {
        let mut line = Bench::new(Uarte::new(2));
        line.write(ENABLE, ENABLED);
        line.write(BAUDRATE, 0x01d6_0000);
        line
    }

    #[test]
    fn sending_takes_time_and_ends() {
        let mut line = line();
        assert!(line.memory.write(RAM_BASE + 4, b"abc"));
        line.write(TXD_PTR, RAM_BASE + 4);
        line.write(TXD_MAXCNT, 3);
        line.write(TASK_STARTTX, 1);
        line.run_to(2 * BYTE + BYTE / 2);
        assert_eq!(
            (line.read(0x120), line.device.take_output()),
            (0, b"ab".to_vec())
        );
        line.run_to(3 * BYTE + 2);
        assert_eq!((line.read(0x120), line.read(TXD_AMOUNT)), (1, 3));
        assert_eq!(line.device.take_output(), b"c");
        assert_eq!(line.device.deadline(), None);
    }

    #[test]
    fn easydma_does_not_leave_ram() {
        for (pointer, length) in [
            (0, 4),
            (RAM_BASE + RAM_SIZE - 2, 4),
            (RAM_BASE - 1, 2),
            (u32::MAX, 0xffff),
        ] {
            let mut line = line();
            line.write(TXD_PTR, pointer);
            line.write(TXD_MAXCNT, length);
            line.write(TASK_STARTTX, 1);
            assert_eq!((line.read(0x120), line.read(TXD_AMOUNT)), (1, 0));
            assert!(line.device.take_output().is_empty());
            assert_eq!(line.effects.notes.take().len(), 1);
        }
        let mut line = line();
        line.device.feed(b"xy");
        line.write(RXD_PTR, RAM_BASE + RAM_SIZE - 1);
        line.write(RXD_MAXCNT, 2);
        line.write(TASK_STARTRX, 1);
        line.run_to(10 * BYTE);
        assert_eq!(line.read(RXD_AMOUNT), 2);
        assert_eq!(
            line.memory.word(RAM_BASE + RAM_SIZE - 4),
            Some(u32::from(b'x') << 24)
        );
        assert_eq!(line.effects.notes.take().len(), 1);
    }

    #[test]
    fn a_byte_waits_until_the_last_was_taken() {
        let mut line = line();
        line.device.feed(b"12");
        line.write(RXD_PTR, RAM_BASE);
        line.write(RXD_MAXCNT, 1);
        line.write(SHORTS, SHORT_ENDRX_STARTRX);
        line.write(0x304, 1 << ENDRX);
        line.write(TASK_STARTRX, 1);
        line.run_to(100 * BYTE);
        assert!(line.device.interrupt());
        assert_eq!(
            (line.memory.word(RAM_BASE), line.device.waiting()),
            (Some(u32::from(b'1')), 1)
        );
        line.write(0x110, 0);
        assert!(!line.device.interrupt());
        line.run_to(101 * BYTE);
        assert_eq!(
            (line.memory.word(RAM_BASE), line.device.waiting()),
            (Some(u32::from(b'2')), 0)
        );
    }

    #[test]
    fn nothing_happens_while_it_is_disabled() {
        let mut line = Bench::new(Uarte::new(0x28));
        line.device.feed(b"1");
        line.write(TXD_MAXCNT, 1);
        line.write(TASK_STARTRX, 1);
        line.write(TASK_STARTTX, 1);
        assert_eq!(
            (line.device.deadline(), line.read(0x14c), line.read(0x150)),
            (None, 0, 0)
        );
    }

    #[test]
    fn stopping_ends_the_buffer() {
        let mut line = line();
        line.device.feed(b"1");
        line.write(RXD_PTR, RAM_BASE);
        line.write(RXD_MAXCNT, 8);
        line.write(TASK_STARTRX, 1);
        line.run_to(2 * BYTE);
        line.write(TASK_STOPRX, 1);
        assert_eq!(
            (line.read(RXD_AMOUNT), line.read(0x110), line.read(0x144)),
            (1, 1, 1)
        );
    }

    #[test]
    fn any_register_values_are_survived() {
        let mut line = line();
        for offset in (0..0x1000).step_by(4) {
            for value in [u32::MAX, 1, 0] {
                line.with(|device, context| device.write(offset, value, context));
                line.with(|device, context| device.read(offset, context));
            }
        }
        line.run_to(1 << 40);
    }
}
