// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that containers have made and that are not answered yet: one a slot of
//! the store, so none takes the place of another's.
//!
//! Who sends a request and hears the answer needs to know no container: it carries a
//! [`RequestId`] along. What comes late, twice, or for a request that it was never
//! given, changes nothing.
//!
//! Not here: sending, waiting, and locks; a host whose threads share the table locks
//! it for each call.

use rbpf_abi::Errno;
use rbpf_runtime::{AppId, CoapAnswer};

/// A request that is open, for a host to carry along: the slot in the lower 8 bits,
/// the number above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u32);

impl RequestId {
    /// The largest number; after it, they begin at 1 again.
    const LAST: u32 = u32::MAX >> 8;

    /// The same as one word, and back again; a word that is no request's is harmless.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// All of it in one word.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The number that the container knows it by, 1 to 2^24 - 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 >> 8
    }

    /// The slot of the container, if it is one.
    #[must_use]
    pub const fn slot(self) -> u8 {
        self.0 as u8
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Free,
    Open(AppId),
    Ended {
        app: AppId,
        outcome: Result<u8, Errno>,
        is_truncated: bool,
        length: usize,
    },
}

#[derive(Debug)]
struct Slot<const SIZE: usize> {
    state: State,
    /// The number of the last request.
    number: u32,
    payload: [u8; SIZE],
}

/// Requests of the containers in `SLOTS` slots, and up to `SIZE` bytes of the payload
/// of each answer.
#[derive(Debug)]
pub struct Requests<const SLOTS: usize, const SIZE: usize> {
    slots: [Slot<SIZE>; SLOTS],
    /// The slot whose turn it is to be answered.
    turn: usize,
}

impl<const SLOTS: usize, const SIZE: usize> Requests<SLOTS, SIZE> {
    /// Nothing is open.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [const {
                Slot {
                    state: State::Free,
                    number: 0,
                    payload: [0; SIZE],
                }
            }; SLOTS],
            turn: 0,
        }
    }

    /// Opens a request of a container's. To be done before it is sent: the answer may
    /// come at once.
    ///
    /// # Errors
    ///
    /// `Busy` if one of its slot has not ended, or its end has not been taken;
    /// `NotSupported` for what is in no slot, as an image that runs once.
    pub fn open(&mut self, app: AppId) -> Result<RequestId, Errno> {
        let slot = self.slots.get_mut(usize::from(app.slot()));
        let slot = slot.ok_or(Errno::NotSupported)?;
        if !matches!(slot.state, State::Free) {
            return Err(Errno::Busy);
        }
        slot.number = match slot.number {
            RequestId::LAST => 1,
            number => number + 1,
        };
        slot.state = State::Open(app);
        Ok(RequestId(slot.number << 8 | u32::from(app.slot())))
    }

    /// The slot of a request that is open, and whose it is.
    fn find(&mut self, id: RequestId) -> Option<(AppId, &mut Slot<SIZE>)> {
        let slot = self.slots.get_mut(usize::from(id.slot()))?;
        match slot.state {
            State::Open(app) if slot.number == id.number() => Some((app, slot)),
            _ => None,
        }
    }

    /// Takes a request back that was not sent.
    pub fn withdraw(&mut self, id: RequestId) {
        if let Some((_, slot)) = self.find(id) {
            slot.state = State::Free;
        }
    }

    /// Ends a request by a response, of which `is_truncated` says whether a part is
    /// missing already, or by an error. `false` if it is not open.
    pub fn end(
        &mut self,
        id: RequestId,
        outcome: Result<u8, Errno>,
        payload: &[u8],
        is_truncated: bool,
    ) -> bool {
        let Some((app, slot)) = self.find(id) else {
            return false;
        };
        for (to, from) in slot.payload.iter_mut().zip(payload) {
            *to = *from;
        }
        slot.state = State::Ended {
            app,
            outcome,
            is_truncated: is_truncated || payload.len() > SIZE,
            length: payload.len().min(SIZE),
        };
        true
    }

    /// Takes an answer out, for the runtime's owner to tell the
    /// [runtime](rbpf_runtime::Runtime::answer) of; its payload is copied, so that its
    /// slot is free before the container runs. Slots take turns.
    pub fn take<'m>(&mut self, memory: &'m mut [u8; SIZE]) -> Option<CoapAnswer<'m>> {
        let turn = self.turn.min(SLOTS);
        for index in (turn..SLOTS).chain(0..turn) {
            let slot = self.slots.get_mut(index)?;
            let State::Ended {
                app,
                outcome,
                is_truncated,
                length,
            } = slot.state
            else {
                continue;
            };
            slot.state = State::Free;
            self.turn = index + 1;
            *memory = slot.payload;
            return Some(CoapAnswer {
                app,
                number: slot.number,
                outcome,
                payload: memory.get(..length).unwrap_or_default(),
                is_truncated,
            });
        }
        None
    }
}

impl<const SLOTS: usize, const SIZE: usize> Default for Requests<SLOTS, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}
