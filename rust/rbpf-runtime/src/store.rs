// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slots, and the containers in them.

use core::mem::offset_of;
use core::ops::Range;

use heapless::String;
use rbpf_abi::helpers::is_application_helper;
use rbpf_abi::image::{HEADER_LEN, Header, KEEP_VALUES};
use rbpf_abi::{Capabilities, Helper, Image, ImageError};
use rbpf_vm::{Fault, HelperGrant, Verified, VerifyError};

use crate::run::RunReport;
use crate::runtime::RunError;
use crate::services::Services;
use crate::share::Share;
use crate::tenant::{Tenant, TenantId};

/// Bytes of the longest name of a container.
pub const MAX_NAME: usize = 16;

/// The last occupant of a slot.
const LAST_GENERATION: u32 = u32::MAX;

/// A container in the store: a slot, and which of its successive occupants.
///
/// An id outlives its container: once that is removed, the id names nothing,
/// even when the slot is used again. None is ever given out twice: a slot that has had
/// 2^32 occupants is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppId {
    pub(crate) slot: u8,
    pub(crate) generation: u32,
}

impl AppId {
    /// The slot.
    #[must_use]
    pub fn slot(self) -> u8 {
        self.slot
    }

    /// Which of the slot's occupants, counted from 0.
    #[must_use]
    pub fn generation(self) -> u32 {
        self.generation
    }
}

macro_rules! install_errors {
    ($($(#[$doc:meta])* $name:ident $(($inner:ty))?, $text:expr;)*) => {
        /// Why a container is not installed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum InstallError {
            $($(#[$doc])* $name $(($inner))?,)*
        }

        impl InstallError {
            /// A short text for people; image and verifier errors have their
            /// own.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $text,)*
                }
            }
        }
    };
}

install_errors! {
    /// The name is empty, longer than [`MAX_NAME`] bytes, has other characters
    /// than visible ones of ASCII, or [means something](is_name).
    Name, NAME_RULE;
    /// Another container has that name.
    NameTaken, "name is taken";
    /// No slot is free, or none that is large enough. To replace a container,
    /// its own slot has to be, and not to be worn out.
    NoSlot, "no free slot is large enough";
    /// Its tenant has as many containers as it may.
    Quota, "the tenant has no slot left";
    /// The id of the container to be replaced names nothing.
    UnknownApp, "no such container";
    /// The image is not laid out soundly, or does not lie at a multiple of 8
    /// bytes where it is to be verified.
    Image(ImageError), "image is malformed";
    /// The program breaks a rule.
    Verify(VerifyError), "program refused by the verifier";
    /// The image wants a larger stack than this device has.
    Stack, "stack larger than the device's";
    /// The image's variables need more memory than this device has.
    Data, "data and bss larger than the device's memory for them";
}

/// Whether a name or target stands in a line of a report, and in an argument,
/// as it is, and is not empty.
pub(crate) fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What [`is_name`] says, for people.
pub const NAME_RULE: &str = "a name is 1 to 16 visible ASCII characters without /, not beginning \
    with @, and is not global, -, . or ..";

/// Whether a container, or a tenant, may be called so: a label of one segment of a path
/// that means nothing else. `@` begins the name of a tenant's store, `global` is the store
/// of all, `-` stands for none, and dots for steps along a path.
#[must_use]
pub fn is_name(name: &str) -> bool {
    is_label(name)
        && name.len() <= MAX_NAME
        && !name.starts_with('@')
        && !name.contains('/')
        && !matches!(name, "global" | "-" | "." | "..")
}

/// What is counted for each container. All counts wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs started.
    pub runs: u32,
    /// Runs that ended in a fault.
    pub faults: u32,
    /// Instructions executed.
    pub instructions: u64,
    /// Instructions of the longest run.
    pub longest_run: u32,
    /// Helpers called.
    pub helper_calls: u32,
}

/// A container, for those who watch.
#[derive(Clone, Copy, Debug)]
pub struct AppInfo<'a> {
    /// Its id.
    pub id: AppId,
    /// Its name.
    pub name: &'a str,
    /// Whose it is; the device's own if nobody's.
    pub tenant: Option<TenantId>,
    /// Its image, as it was installed.
    pub image: &'a [u8],
    /// What it may do.
    pub granted: Capabilities,
    /// Its counters.
    pub counters: Counters,
    /// How its last faulty run ended.
    pub last_fault: Option<Fault>,
    /// Whether it runs no more, since too many of its runs in a row ended in a
    /// fault.
    pub quarantined: bool,
    /// What it was denied: runs that did not begin, because it was in quarantine,
    /// its share or its tenant's was used up, or its last run was paused; and results
    /// other than 0 where it had no say; wraps.
    pub denied: u32,
}

/// A slot, for those who watch.
#[derive(Clone, Copy, Debug)]
pub struct SlotInfo<'a> {
    /// Its number, from 0.
    pub number: u8,
    /// Which of its occupants is the one there, or will be the next.
    pub generation: u32,
    /// Bytes of the longest image that it has room for.
    pub room: usize,
    /// The container in it, if there is one.
    pub app: Option<AppInfo<'a>>,
}

impl AppInfo<'_> {
    /// Which version it is, if its image says so.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        Image::new_checked(self.image).ok()?.version()
    }
}

/// What the host needs to know of an image to run it.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) rodata: Range<usize>,
    /// Ends where the image does.
    pub(crate) data: Range<usize>,
    pub(crate) bss_len: usize,
    pub(crate) stack_len: usize,
    pub(crate) granted: Capabilities,
}

/// A verified image, in the buffer where it lies.
#[derive(Debug)]
pub(crate) struct Loaded<B> {
    pub(crate) verified: Verified<B>,
    pub(crate) layout: Layout,
}

/// A container that is ready to run.
#[derive(Debug)]
pub(crate) struct Container<'s> {
    pub(crate) name: String<MAX_NAME>,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) loaded: Loaded<&'s mut [u8]>,
    pub(crate) counters: Counters,
    pub(crate) last_fault: Option<Fault>,
    /// Faults since its last run that returned, or since its release.
    faults_in_a_row: u8,
    quarantined: bool,
    denied: u32,
    share: Share,
}

impl Counters {
    /// Counts a run, however it ended.
    fn add<T>(&mut self, report: &RunReport<T>) {
        let instructions = report.instructions;
        self.runs = self.runs.wrapping_add(1);
        self.instructions = self.instructions.wrapping_add(instructions.into());
        self.longest_run = self.longest_run.max(instructions);
        self.helper_calls = self.helper_calls.wrapping_add(report.helper_calls);
    }
}

impl Container<'_> {
    /// Its image, without what lies behind it in its slot.
    fn image(&self) -> &[u8] {
        let image = self.loaded.verified.bytes();
        image.get(..self.loaded.layout.data.end).unwrap_or_default()
    }

    /// Whether it may run now.
    pub(crate) fn may_run(
        &mut self,
        limits: &Limits,
        tenant: Option<&mut Tenant>,
        services: &mut impl Services,
    ) -> Result<(), RunError> {
        let refused = match self.is_allowed(limits, tenant, services) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        Err(self.deny(refused))
    }

    /// Counts a run that did not begin.
    pub(crate) fn deny(&mut self, refused: RunError) -> RunError {
        self.denied = self.denied.wrapping_add(1);
        refused
    }

    /// Whether it may run now, if nobody asks.
    pub(crate) fn is_allowed(
        &mut self,
        limits: &Limits,
        tenant: Option<&mut Tenant>,
        services: &mut impl Services,
    ) -> Result<(), RunError> {
        if self.quarantined {
            Err(RunError::Quarantined)
        } else if (limits.rate != 0 && !self.share.has_left(limits.rate, services.now_ms()))
            || tenant.is_some_and(|tenant| !tenant.has_left(services.now_ms()))
        {
            Err(RunError::Throttled)
        } else {
            Ok(())
        }
    }

    /// Counts a part of a run, which goes on later.
    pub(crate) fn record_part(&mut self, cost: u32, limits: &Limits) {
        if limits.rate != 0 {
            self.share.spend_run(cost);
        }
    }

    /// Counts a run. The last of the faults in a row that are allowed puts it
    /// in quarantine: whether it is there.
    pub(crate) fn record<T>(&mut self, report: &RunReport<T>, limits: &Limits) -> bool {
        self.counters.add(report);
        if limits.rate != 0 {
            self.share.spend_run(report.cost);
        }
        let Err(fault) = report.outcome else {
            self.faults_in_a_row = 0;
            return false;
        };
        self.counters.faults = self.counters.faults.wrapping_add(1);
        self.last_fault = Some(fault);
        self.faults_in_a_row = self.faults_in_a_row.saturating_add(1);
        self.quarantined = limits.faults != 0 && self.faults_in_a_row >= limits.faults;
        self.quarantined
    }

    /// Lets it run again.
    pub(crate) fn release(&mut self) {
        self.faults_in_a_row = 0;
        self.quarantined = false;
    }
}

/// What a container may take before it must pause or stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Faults in a row that put it in quarantine; 0 never does.
    pub(crate) faults: u8,
    /// Instructions a second; 0 is no limit.
    pub(crate) rate: u32,
    /// How often a run may be paused.
    pub(crate) pauses: u16,
}

/// What a slot holds.
#[derive(Debug, Default)]
enum Content<'s> {
    /// Memory for an image.
    Free(&'s mut [u8]),
    Occupied(Container<'s>),
    /// While the content is being exchanged; and for good, once the slot is retired.
    #[default]
    Nothing,
}

#[derive(Debug)]
struct Slot<'s> {
    generation: u32,
    content: Content<'s>,
}

/// What an image has to keep to.
pub(crate) struct Rules<'r, S> {
    /// Bytes of stack that there are.
    pub(crate) stack: usize,
    /// Bytes for data and bss that there are.
    pub(crate) data: usize,
    /// What it may be granted.
    pub(crate) allowed: Capabilities,
    /// Know what the application's helpers need.
    pub(crate) services: &'r S,
}

impl<S: Services> Rules<'_, S> {
    /// What a container with these capabilities may do with a helper.
    fn grant(&self, granted: Capabilities, id: u32) -> HelperGrant {
        let needed = match Helper::capability_of(id) {
            Some(needed) => Some(needed),
            None if is_application_helper(id) => self.services.application_helper(id),
            None => None,
        };
        match needed {
            Some(needed) if granted.contains(needed) => HelperGrant::Granted,
            Some(_) => HelperGrant::Denied,
            None => HelperGrant::Unknown,
        }
    }
}

impl<'s> Slot<'s> {
    /// Puts an image into the buffer of this slot, which has been taken out.
    /// If it is refused, the slot is free.
    fn fill(
        &mut self,
        number: u8,
        buffer: &'s mut [u8],
        (name, tenant): (String<MAX_NAME>, Option<TenantId>),
        bytes: &[u8],
        rules: &Rules<'_, impl Services>,
    ) -> Result<AppId, InstallError> {
        let loaded = match buffer.get_mut(..bytes.len()) {
            Some(target) => {
                target.copy_from_slice(bytes);
                verify(buffer, bytes.len(), rules)
            }
            None => Err((buffer, InstallError::NoSlot)),
        };
        match loaded {
            Ok(loaded) => {
                self.content = Content::Occupied(Container {
                    name,
                    tenant,
                    loaded,
                    counters: Counters::default(),
                    last_fault: None,
                    faults_in_a_row: 0,
                    quarantined: false,
                    denied: 0,
                    // It is full, for whatever rate there is when it runs.
                    share: Share::FULL,
                });
                Ok(AppId {
                    slot: number,
                    generation: self.generation,
                })
            }
            Err((buffer, error)) => {
                self.content = Content::Free(buffer);
                Err(error)
            }
        }
    }

    /// The container in it, for those who watch.
    fn info(&self, number: u8) -> Option<AppInfo<'_>> {
        let Content::Occupied(container) = &self.content else {
            return None;
        };
        Some(AppInfo {
            id: AppId {
                slot: number,
                generation: self.generation,
            },
            name: &container.name,
            tenant: container.tenant,
            image: container.image(),
            granted: container.loaded.layout.granted,
            counters: container.counters,
            last_fault: container.last_fault,
            quarantined: container.quarantined,
            denied: container.denied,
        })
    }

    /// Takes the container out; its id names nothing from then on.
    fn take(&mut self) -> Option<Container<'s>> {
        match core::mem::take(&mut self.content) {
            Content::Occupied(container) => {
                self.generation = self.generation.saturating_add(1);
                Some(container)
            }
            other => {
                self.content = other;
                None
            }
        }
    }
}

/// All slots.
#[derive(Debug)]
pub(crate) struct Store<'s, const SLOTS: usize> {
    slots: [Slot<'s>; SLOTS],
}

impl<'s, const SLOTS: usize> Store<'s, SLOTS> {
    /// Free slots; of each buffer the part from the first multiple of 8 on is
    /// used, since text must be aligned.
    pub(crate) fn new(buffers: [&'s mut [u8]; SLOTS]) -> Self {
        const { assert!(SLOTS <= 255, "slots are numbered by one byte") };
        Self {
            slots: buffers.map(|buffer| {
                let skip = buffer.as_ptr().align_offset(8).min(buffer.len());
                let (_, aligned) = buffer.split_at_mut(skip);
                Slot {
                    generation: 0,
                    content: Content::Free(aligned),
                }
            }),
        }
    }

    pub(crate) fn install(
        &mut self,
        name: &str,
        tenant: Option<TenantId>,
        bytes: &[u8],
        rules: &Rules<'_, impl Services>,
    ) -> Result<AppId, InstallError> {
        let name = String::try_from(name).map_err(|_| InstallError::Name)?;
        if !is_name(&name) {
            return Err(InstallError::Name);
        }
        if self.find(&name).is_some() {
            return Err(InstallError::NameTaken);
        }
        // The smallest that is large enough.
        let (number, slot) = self
            .slots
            .iter_mut()
            .enumerate()
            .filter_map(|(number, slot)| match &slot.content {
                Content::Free(buffer) if buffer.len() >= bytes.len() => {
                    Some((buffer.len(), number, slot))
                }
                _ => None,
            })
            .min_by_key(|&(length, number, _)| (length, number))
            .map(|(_, number, slot)| (number as u8, slot))
            .ok_or(InstallError::NoSlot)?;
        let Content::Free(buffer) = core::mem::take(&mut slot.content) else {
            return Err(InstallError::NoSlot);
        };
        slot.fill(number, buffer, (name, tenant), bytes, rules)
    }

    /// Exchanges the image of a container. A refused one leaves it as it is.
    pub(crate) fn replace(
        &mut self,
        id: AppId,
        bytes: &[u8],
        rules: &Rules<'_, impl Services>,
    ) -> Result<AppId, InstallError> {
        let container = self.get_mut(id).ok_or(InstallError::UnknownApp)?;
        if container.loaded.verified.bytes().len() < bytes.len() || id.generation == LAST_GENERATION
        {
            return Err(InstallError::NoSlot);
        }
        // There is one buffer only. So it is judged in full where it lies.
        // Then the same bytes are judged by the same rules, which fails only
        // if the services give other answers; the slot is free then.
        verify(bytes, bytes.len(), rules).map_err(|(_, error)| error)?;
        let (slot, container) = self
            .slots
            .get_mut(usize::from(id.slot))
            .and_then(|slot| slot.take().map(|container| (slot, container)))
            .ok_or(InstallError::UnknownApp)?;
        let buffer = container.loaded.verified.into_inner();
        let owned = (container.name, container.tenant);
        slot.fill(id.slot, buffer, owned, bytes, rules)
    }

    /// Frees the slot of a container; `false` if the id names nothing.
    pub(crate) fn remove(&mut self, id: AppId) -> bool {
        if !self.contains(id) {
            return false;
        }
        if let Some(slot) = self.slots.get_mut(usize::from(id.slot))
            && let Some(container) = slot.take()
            && id.generation != LAST_GENERATION
        {
            slot.content = Content::Free(container.loaded.verified.into_inner());
        }
        true
    }

    /// The tenant of the container in a slot, if there is one.
    pub(crate) fn tenant_of(&self, slot: u8) -> Option<TenantId> {
        match &self.slots.get(usize::from(slot))?.content {
            Content::Occupied(container) => container.tenant,
            _ => None,
        }
    }

    /// Whether an id names a container.
    pub(crate) fn contains(&self, id: AppId) -> bool {
        let slot = self.slots.get(usize::from(id.slot));
        slot.is_some_and(|slot| {
            matches!(slot.content, Content::Occupied(_)) && slot.generation == id.generation
        })
    }

    pub(crate) fn get_mut(&mut self, id: AppId) -> Option<&mut Container<'s>> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        match &mut slot.content {
            Content::Occupied(container) if slot.generation == id.generation => Some(container),
            _ => None,
        }
    }

    /// Whether a container has been granted these capabilities.
    pub(crate) fn has_rights(&mut self, id: AppId, needed: Capabilities) -> bool {
        let granted = self.granted(id);
        granted.is_some_and(|granted| granted.contains(needed))
    }

    /// What a container has been granted.
    pub(crate) fn granted(&mut self, id: AppId) -> Option<Capabilities> {
        let container = self.get_mut(id)?;
        Some(container.loaded.layout.granted)
    }

    /// Whether the image of a container says that values of the one before it are
    /// to be kept.
    pub(crate) fn keeps_values(&mut self, id: AppId) -> bool {
        let image = self
            .get_mut(id)
            .map(|container| container.loaded.verified.bytes());
        let flags = image.and_then(|image| image.get(offset_of!(Header, flags)));
        flags.is_some_and(|flags| flags & KEEP_VALUES != 0)
    }

    /// Whether the result of a container is to be looked at, where that takes
    /// these capabilities.
    pub(crate) fn has_say(&mut self, id: AppId, needed: Capabilities, result: u64) -> bool {
        let Some(container) = self.get_mut(id) else {
            return false;
        };
        let has = container.loaded.layout.granted.contains(needed);
        if !has && result != 0 {
            container.denied = container.denied.wrapping_add(1);
        }
        has
    }

    /// Whether there is a container in a slot.
    pub(crate) fn occupied(&self, slot: u8) -> bool {
        self.iter().any(|info| info.id.slot == slot)
    }

    pub(crate) fn find(&self, name: &str) -> Option<AppId> {
        self.iter()
            .find(|info| info.name == name)
            .map(|info| info.id)
    }

    /// The containers, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = AppInfo<'_>> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(number, slot)| slot.info(number as u8))
    }

    /// All slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotInfo<'_>> {
        let slots = self.slots.iter().enumerate();
        slots.map(|(number, slot)| SlotInfo {
            number: number as u8,
            generation: slot.generation,
            room: match &slot.content {
                Content::Free(buffer) => buffer.len(),
                Content::Occupied(container) => container.loaded.verified.bytes().len(),
                Content::Nothing => 0,
            },
            app: slot.info(number as u8),
        })
    }
}

/// Verifies the image at the start of a buffer. Gives the buffer back with an
/// error.
pub(crate) fn verify<B: AsRef<[u8]>, S: Services>(
    buffer: B,
    length: usize,
    rules: &Rules<'_, S>,
) -> Result<Loaded<B>, (B, InstallError)> {
    let bytes = buffer.as_ref().get(..length).unwrap_or_default();
    let (layout, text, functions) = match Layout::new(bytes, rules) {
        Ok(layout) => layout,
        Err(error) => return Err((buffer, error)),
    };
    let policy = |id| rules.grant(layout.granted, id);
    match Verified::verify(buffer, text, functions, &policy) {
        Ok(verified) => Ok(Loaded { verified, layout }),
        Err((buffer, error)) => Err((buffer, InstallError::Verify(error))),
    }
}

impl Layout {
    /// The layout of an image, and where its text and function table are.
    fn new<S>(
        bytes: &[u8],
        rules: &Rules<'_, S>,
    ) -> Result<(Self, Range<usize>, Range<usize>), InstallError> {
        let image = Image::new_checked(bytes).map_err(InstallError::Image)?;
        let bss_len = usize::from(image.bss_len());
        let stack_len = usize::from(image.stack_size());
        if stack_len > rules.stack {
            return Err(InstallError::Stack);
        }
        if image.data().len() + bss_len > rules.data {
            return Err(InstallError::Data);
        }
        let text = HEADER_LEN..HEADER_LEN + image.text().len();
        let functions = text.end..text.end + image.functions().len();
        let data = bytes.len() - image.data().len()..bytes.len();
        let rodata = data.start - image.rodata().len()..data.start;
        let layout = Self {
            rodata,
            data,
            bss_len,
            stack_len,
            granted: image.capabilities() & rules.allowed,
        };
        Ok((layout, text, functions))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use rbpf_abi::image::{Function, ImageParts};
    use zerocopy::IntoBytes as _;

    use super::*;

    struct Nothing;

    impl Services for Nothing {
        fn now_ms(&mut self) -> u32 {
            0
        }

        fn now_us(&mut self) -> u32 {
            0
        }

        fn random(&mut self) -> u32 {
            0
        }

        fn log(&mut self, _: &str, _: &[u8]) -> usize {
            0
        }
    }

    const RULES: Rules<'_, Nothing> = Rules {
        stack: 512,
        data: 0,
        allowed: Capabilities::CORE,
        services: &Nothing,
    };

    fn image() -> vec::Vec<u8> {
        let text = rbpf_isa::assemble("exit").expect("a program");
        ImageParts {
            text: text.as_slice().as_bytes(),
            functions: &[Function::new(0, 0)],
            ..ImageParts::default()
        }
        .write()
        .expect("an image")
    }

    /// No id ever means another container than the one that it was made for.
    #[test]
    fn a_slot_is_retired_after_its_last_generation() {
        let image = image();
        let mut store = Store::new([vec![0; 128].leak(), vec![0; 128].leak()]);
        store.slots[0].generation = LAST_GENERATION - 1;
        let install = |store: &mut Store<'_, 2>, name| store.install(name, None, &image, &RULES);
        let first = install(&mut store, "a").expect("room");
        assert_eq!(first.slot, 0);
        let last = store.replace(first, &image, &RULES).expect("the last");
        assert_eq!(last.generation, LAST_GENERATION);
        assert_eq!(
            store.replace(last, &image, &RULES),
            Err(InstallError::NoSlot)
        );
        assert!(store.contains(last) && !store.contains(first));
        assert!(store.remove(last));
        for gone in [first, last] {
            assert!(!store.contains(gone) && !store.remove(gone));
        }
        // The other slot is as it was.
        let other = install(&mut store, "b").expect("room");
        assert_eq!((other.slot, other.generation), (1, 0));
        assert_eq!(install(&mut store, "c"), Err(InstallError::NoSlot));
    }

    #[test]
    fn names_that_mean_something() {
        for name in [
            "a", "-a", "a-", "...", ".a", "globa", "global2", "Global", "a@", "~",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "global",
            "-",
            ".",
            "..",
            "@",
            "@a",
            "a/b",
            "/",
            "a b",
            "seventeen letters",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
