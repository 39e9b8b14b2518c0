// SPDX-License-Identifier: MIT OR Apache-2.0
//! Observing resources (RFC 7641): what has changed, and who is to be told.
//!
//! The owner of the runtime keeps [`Published`]: on which paths containers answer, and
//! a version of each, which changes as often as its container says so. Who sends
//! messages keeps [`Observers`], compares in its turns, and has a resource that has
//! changed answer once more. So nobody computes anything for a resource that is not
//! observed, and several changes are one notification.
//!
//! The device's own resources have no versions: while one is observed, it is asked at
//! intervals, and a notification sent if the answer is another one.
//!
//! Sockets, and how a message looks, are not known here.

use heapless::{String, Vec};
use rbpf_runtime::AppId;

use crate::coap::{MAX_PATH, hash, is_own_path};

mod peer;

pub use peer::{Peer, crowd, network};

/// Notifications without a confirmation before one is to be confirmed; the first one
/// is as well, so who has never been there is soon forgotten.
const UNCONFIRMED: u8 = 8;
/// Milliseconds after which a notification is sent that is to be confirmed, even
/// if nothing has changed: a day (RFC 7641, section 4.5).
const CONFIRM: u32 = 86_400_000;
/// The same after a registration, of whom nothing is known but a datagram: a minute.
const CONFIRM_FIRST: u32 = 60_000;
/// Milliseconds until a notification is repeated that is not confirmed; twice as long
/// each time (RFC 7252, section 4.8: `ACK_TIMEOUT` times `ACK_RANDOM_FACTOR`).
const ACK_TIMEOUT: u32 = 3000;
/// How often it is sent, in all.
const ATTEMPTS: u8 = 5;
/// What sets the versions of several containers apart: a prime.
const SPREAD: u32 = 0x0100_0193;
/// Numbers of notifications have 24 bits.
const NUMBERS: u32 = 0x00ff_ffff;

/// The paths that containers answer on, `N` at most.
#[derive(Debug)]
pub struct Published<const N: usize> {
    paths: Vec<Path, N>,
    /// The version that was given last; wraps.
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    hash: u32,
    app: AppId,
    version: u32,
}

impl<const N: usize> Published<N> {
    /// No paths.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            paths: Vec::new(),
            last: 0,
        }
    }

    /// Tells which containers answer on which path from now on. Where it is not those
    /// before, the path has changed.
    pub fn publish<'p>(&mut self, bound: impl Iterator<Item = (&'p str, AppId)>) {
        let before = core::mem::take(&mut self.paths);
        for (path, app) in bound {
            let hash = hash(path.as_bytes());
            let same = before
                .iter()
                .find(|other| other.hash == hash && other.app == app);
            let version = same.map_or_else(|| self.next(), |path| path.version);
            // There is room for all bindings.
            let _ = self.paths.push(Path { hash, app, version });
        }
    }

    /// What a container answers has changed.
    pub fn change(&mut self, app: AppId) {
        let version = self.next();
        for path in &mut self.paths {
            if path.app == app {
                path.version = version;
            }
        }
    }

    /// The version of a path; `None` if no container answers there. That of several
    /// changes if one does, or if one comes or goes. If other paths have the same hash,
    /// as anybody can make them have, their changes are taken for its, too.
    #[must_use]
    pub fn version(&self, path: &[u8]) -> Option<u32> {
        if is_own_path(path) {
            return None;
        }
        let hash = hash(path);
        let paths = self.paths.iter().filter(|path| path.hash == hash);
        // Versions are small numbers; what is made of several is large, so that it is
        // not that of one.
        let combine = |several: u32, one| several.wrapping_mul(SPREAD).wrapping_add(one);
        paths.map(|path| path.version).reduce(combine)
    }

    fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}

impl<const N: usize> Default for Published<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Who is to be told of changes of a resource.
#[derive(Clone, Debug)]
pub struct Observer<P> {
    /// Where notifications go.
    pub peer: P,
    /// Token of the request, and of notifications; up to 8 bytes.
    pub token: Vec<u8, 8>,
    /// The resource.
    pub path: String<MAX_PATH>,
    /// The Content-Format that is wanted.
    pub format: Option<u16>,
    /// What it was told last.
    version: u32,
    /// What was published when it was taken out.
    current: u32,
    /// Id of the last notification.
    id: u16,
    /// Notifications since one was confirmed.
    unconfirmed: u8,
    /// How often the one was sent that waits for a confirmation.
    attempts: u8,
    /// Before that, nothing is sent.
    not_before: u32,
    /// When it was last known to be there; once it has registered, as long ago as lets
    /// it be asked soon.
    seen: u32,
}

impl<P> Observer<P> {
    /// Milliseconds until there may be something to tell, 0 or less if there may be
    /// now.
    fn left(&self, now: u32, current: Option<u32>) -> i32 {
        let news =
            self.attempts > 0 || is_own_path(self.path.as_bytes()) || current != Some(self.version);
        let left = self.not_before.wrapping_sub(now) as i32;
        if news {
            left
        } else {
            left.max(self.silence(now))
        }
    }

    /// Milliseconds until it is asked whether it is still there, 0 or less if it is to
    /// be now.
    fn silence(&self, now: u32) -> i32 {
        let since = now.wrapping_sub(self.seen);
        (CONFIRM as i32).saturating_sub_unsigned(since)
    }

    /// Whether it has to be told what its resource has answered, with that version.
    #[must_use]
    pub fn needs(&self, version: u32, now: u32) -> bool {
        self.attempts > 0 || self.told(version) != self.version || self.silence(now) <= 0
    }

    /// The version that an answer tells. A container's has none: it is what was
    /// published before it was asked.
    fn told(&self, version: u32) -> u32 {
        if is_own_path(self.path.as_bytes()) {
            version
        } else {
            self.current
        }
    }

    /// Whether a resource is meant, for which there is one observation a peer.
    fn is_of(&self, path: &str, format: Option<u16>) -> bool {
        self.path == path && self.format == format
    }
}

/// A notification, besides what the resource says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The value of the option Observe.
    pub number: u32,
    /// Whether it is to be confirmed.
    pub is_confirmable: bool,
}

/// Up to `N` observers, with peers as the transport knows them, each of whom is told at
/// most once in `INTERVAL` milliseconds. One address has half of them at most, from however
/// many ports, and one network no more than others want, so that there is room for them.
#[derive(Debug)]
pub struct Observers<P, const N: usize, const INTERVAL: u32> {
    observers: Vec<Observer<P>, N>,
    /// The number that was sent last, to whomever: they rise for each observer.
    number: u32,
}

impl<P: Peer, const N: usize, const INTERVAL: u32> Observers<P, N, INTERVAL> {
    /// Observers of one address.
    const PER_ADDRESS: usize = if N > 1 { N / 2 } else { N };

    /// No observers. All zeros, which firmwares need not bring along.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            observers: Vec::new(),
            number: 0,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observers.is_empty()
    }

    /// Adds an observer, who is sent this version at the same time, of a container's
    /// path the one that was published before it was asked: the number for the option
    /// Observe of that response, or `None` if it cannot be one, since the table is
    /// full, or its address's part of it, or the path longer than any request's.
    ///
    /// It takes the place of the observer of the same peer that has the same token, or
    /// the same resource, and is no more trusted than that. If the table is full, it takes
    /// that of one of the network that has most, there of the address that has most, if
    /// they have more than its own will have then.
    pub fn register(
        &mut self,
        peer: P,
        token: &[u8],
        path: &str,
        format: Option<u16>,
        version: u32,
        now: u32,
    ) -> Option<u32> {
        let mut observer = Observer {
            peer,
            token: Vec::from_slice(token).ok()?,
            path: String::try_from(path).ok()?,
            format,
            version,
            current: version,
            id: 0,
            unconfirmed: UNCONFIRMED,
            attempts: 0,
            not_before: now,
            seen: now.wrapping_sub(CONFIRM - CONFIRM_FIRST),
        };
        while let Some(index) = self.observers.iter().position(|other| {
            other.peer == observer.peer
                && (other.token == observer.token || other.is_of(path, format))
        }) {
            // Who confirms nothing does not stay by asking again.
            let before = self.observers.swap_remove(index);
            observer.id = before.id;
            observer.unconfirmed = before.unconfirmed;
            observer.attempts = before.attempts;
            observer.not_before = before.not_before;
            observer.seen = before.seen;
        }
        self.make_room(observer.peer.address())?;
        self.observers.push(observer).ok()?;
        Some(self.next_number())
    }

    /// Makes room for one of an address, if there is to be any.
    fn make_room(&mut self, address: u128) -> Option<()> {
        let addresses = || self.observers.iter().map(|other| other.peer.address());
        let (near, same) = crowd(address, addresses());
        if same >= Self::PER_ADDRESS {
            return None;
        }
        if self.observers.len() < N {
            return Some(());
        }
        let largest = addresses().map(|other| (crowd(other, addresses()), other));
        let ((count, most), crowded) = largest.max()?;
        let is_worth_it = match network(crowded) == network(address) {
            true => most > same + 1,
            false => count > near + 1,
        };
        let index = addresses().position(|other| is_worth_it && other == crowded)?;
        self.observers.swap_remove(index);
        Some(())
    }

    /// Forgets the observer with a token.
    pub fn deregister(&mut self, peer: &P, token: &[u8]) {
        self.forget(&|observer| observer.peer == *peer && observer.token == token);
    }

    /// A peer has rejected a message: it is no observer, or no longer.
    pub fn reset(&mut self, peer: &P, id: u16) {
        self.forget(&|observer| is_told(observer, peer, id));
    }

    /// A peer has acknowledged a message.
    pub fn acknowledge(&mut self, peer: &P, id: u16, now: u32) {
        let mut observers = self.observers.iter_mut();
        let found = observers.find(|observer| observer.attempts > 0 && is_told(observer, peer, id));
        if let Some(observer) = found {
            observer.attempts = 0;
            observer.unconfirmed = 0;
            observer.seen = now;
            observer.not_before = now.wrapping_add(INTERVAL);
        }
    }

    /// Takes an observer out who may be told something now; the one who waits
    /// longest. The current version of a path is told by `version`.
    ///
    /// Its resource is then asked, and the observer [put back](Self::keep), or it is
    /// one no longer. Those who have confirmed nothing for too long are forgotten.
    pub fn take_due(
        &mut self,
        now: u32,
        version: impl Fn(&str) -> Option<u32>,
    ) -> Option<Observer<P>> {
        self.forget(&|observer| {
            observer.attempts >= ATTEMPTS && observer.not_before.wrapping_sub(now) as i32 <= 0
        });
        let observers = self.observers.iter().enumerate();
        let (left, index) = observers
            .map(|(index, observer)| (observer.left(now, version(&observer.path)), index))
            .min()?;
        if left > 0 {
            return None;
        }
        let mut observer = self.observers.swap_remove(index);
        observer.current = version(&observer.path).unwrap_or(observer.version);
        Some(observer)
    }

    /// Puts an observer back who is told nothing; it may be after the interval.
    pub fn keep(&mut self, mut observer: Observer<P>, now: u32) {
        observer.not_before = now.wrapping_add(INTERVAL);
        // Its place is free.
        let _ = self.observers.push(observer);
    }

    /// Puts an observer back who is told what its resource has answered, with that
    /// version, by a message with this id, as soon as this returns.
    pub fn notify(
        &mut self,
        mut observer: Observer<P>,
        version: u32,
        id: u16,
        now: u32,
    ) -> Notification {
        let is_confirmable = observer.attempts > 0
            || observer.unconfirmed >= UNCONFIRMED
            || observer.silence(now) <= 0;
        observer.version = observer.told(version);
        observer.id = id;
        observer.not_before = now.wrapping_add(if is_confirmable {
            observer.attempts += 1;
            ACK_TIMEOUT << (observer.attempts - 1)
        } else {
            observer.unconfirmed += 1;
            INTERVAL
        });
        // Its place is free.
        let _ = self.observers.push(observer);
        Notification {
            number: self.next_number(),
            is_confirmable,
        }
    }

    /// Milliseconds until there may be somebody to tell, 0 if there may be now; `None`
    /// if there are no observers. Earlier if a version changes.
    pub fn next(&self, now: u32, version: impl Fn(&str) -> Option<u32>) -> Option<u32> {
        let observers = self.observers.iter();
        let left = observers
            .map(|observer| observer.left(now, version(&observer.path)))
            .min()?;
        Some(left.max(0).unsigned_abs())
    }

    /// Forgets some. A reference, so that there is one copy of it.
    fn forget(&mut self, is_gone: &dyn Fn(&Observer<P>) -> bool) {
        self.observers.retain(|observer| !is_gone(observer));
    }

    fn next_number(&mut self) -> u32 {
        self.number = (self.number + 1) & NUMBERS;
        self.number
    }
}

impl<P: Peer, const N: usize, const INTERVAL: u32> Default for Observers<P, N, INTERVAL> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a message was the last notification to an observer.
fn is_told<P: PartialEq>(observer: &Observer<P>, peer: &P, id: u16) -> bool {
    observer.peer == *peer && observer.id == id
}

#[cfg(test)]
mod tests;
