// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the fields of RIOT's `thread_t` are, from the debug information of the
//! image.

use gimli::{
    AttributeValue, DW_AT_data_member_location, DW_AT_name, DW_TAG_member, DW_TAG_structure_type,
};

use crate::image::{DebugReader, Image};

/// Offsets of fields of `struct _thread`, as far as this image has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadLayout {
    /// `stack_start`: with DEVELHELP or SCHED_TEST_STACK.
    pub stack_start: Option<u32>,
    /// `stack_size`: with DEVELHELP.
    pub stack_size: Option<u32>,
    /// `name`: with CONFIG_THREAD_NAMES.
    pub name: Option<u32>,
}

impl ThreadLayout {
    /// Reads the layout; nothing is known of an image without debug
    /// information.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let Ok(debug) = image.debug_information() else {
            return ThreadLayout::default();
        };
        find(&debug).ok().flatten().unwrap_or_default()
    }
}

/// Looks for a complete definition of `struct _thread`.
fn find(debug: &gimli::Dwarf<DebugReader>) -> Result<Option<ThreadLayout>, gimli::Error> {
    let mut units = debug.units();
    while let Some(header) = units.next()? {
        let unit = debug.unit(header)?;
        let mut tree = unit.entries_tree(None)?;
        let root = tree.root()?;
        let mut children = root.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() != DW_TAG_structure_type
                || name(debug, &unit, entry)?.as_deref() != Some("_thread")
            {
                continue;
            }
            let mut layout = ThreadLayout::default();
            let mut members = child.children();
            let mut complete = false;
            while let Some(member) = members.next()? {
                let entry = member.entry();
                if entry.tag() != DW_TAG_member {
                    continue;
                }
                complete = true;
                let offset = match entry.attr_value(DW_AT_data_member_location) {
                    Some(value) => value
                        .udata_value()
                        .and_then(|value| u32::try_from(value).ok()),
                    None => None,
                };
                match name(debug, &unit, entry)?.as_deref() {
                    Some("stack_start") => layout.stack_start = offset,
                    Some("stack_size") => layout.stack_size = offset,
                    Some("name") => layout.name = offset,
                    _ => {}
                }
            }
            if complete {
                return Ok(Some(layout));
            }
        }
    }
    Ok(None)
}

fn name(
    debug: &gimli::Dwarf<DebugReader>,
    unit: &gimli::Unit<DebugReader>,
    entry: &gimli::DebuggingInformationEntry<DebugReader>,
) -> Result<Option<String>, gimli::Error> {
    let Some(value): Option<AttributeValue<DebugReader>> = entry.attr_value(DW_AT_name) else {
        return Ok(None);
    };
    let text = debug.attr_string(unit, value)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}
