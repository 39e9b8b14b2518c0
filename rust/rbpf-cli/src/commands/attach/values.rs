// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a container has stored, and what of it has changed.

use std::collections::BTreeMap;

use crate::terminal::printable;
use rbpf_host::client::{Client, GetError};

/// Values that are remembered; a container has no more.
const MAX_VALUES: usize = 4096;
/// Characters of a store's name that are shown.
const MAX_STORE: usize = 32;

/// Values by store and key, as they were seen last.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<(String, u32), u32>);

impl Values {
    /// Reads the values of a container; a line for each that has changed.
    pub(super) fn read(&mut self, client: &mut Client, name: &str) -> Result<String, GetError> {
        let answer = client.get(&["rbpf", "kv"], None)?;
        let text = String::from_utf8_lossy(&answer.payload);
        let mut found = of(&text, name);
        if answer.is_in_blocks() {
            // Each block is of its own time, so a number may be put together of
            // two. The values alone are not.
            found = single(client, found)?;
        }
        Ok(self.update(found, name))
    }

    /// Takes what there is now; a line for each that has changed.
    fn update(&mut self, now: BTreeMap<(String, u32), u32>, name: &str) -> String {
        let mut lines = String::new();
        for ((store, key), value) in &now {
            if self.0.get(&(store.clone(), *key)) != Some(value) {
                let store = printable(store, MAX_STORE);
                lines += &format!("{name}: store {store} key {key} value {value}\n");
            }
        }
        self.0 = now;
        lines
    }
}

/// The values that a container owns, of the list `STORE key K value V owner NAME`.
fn of(text: &str, name: &str) -> BTreeMap<(String, u32), u32> {
    let own = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [store, "key", key, "value", value, "owner", owner] = words[..] else {
            return None;
        };
        let value = value.parse().ok().filter(|_| owner == name)?;
        Some(((store.to_owned(), key.parse().ok()?), value))
    };
    text.lines().filter_map(own).take(MAX_VALUES).collect()
}

/// The same, asked for one by one; those that are not there are left out.
fn single(
    client: &mut Client,
    found: BTreeMap<(String, u32), u32>,
) -> Result<BTreeMap<(String, u32), u32>, GetError> {
    let mut values = BTreeMap::new();
    for (store, key) in found.into_keys() {
        let path = ["rbpf", "kv", &store, &key.to_string()];
        match client.get(&path, None) {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.payload);
                values.extend(text.parse().ok().map(|value| ((store, key), value)));
            }
            Err(GetError::Refused(..)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed() {
        let mut values = Values::default();
        for (list, wanted) in [
            ("", ""),
            (
                "a key 1 value 5 owner a\nb key 1 value 6 owner b\nglobal key 2 value 7 owner a\n",
                "a: store a key 1 value 5\na: store global key 2 value 7\n",
            ),
            (
                "a key 1 value 5 owner a\nglobal key 2 value 7 owner a\n",
                "",
            ),
            (
                "a key 1 value 4294967295 owner a\n",
                "a: store a key 1 value 4294967295\n",
            ),
            // One that comes back.
            (
                "a key 1 value 4294967295 owner a\nglobal key 2 value 7 owner a\n",
                "a: store global key 2 value 7\n",
            ),
            (
                "\x1b key 1 value 1 owner a\n",
                "a: store \\u{1b} key 1 value 1\n",
            ),
            (
                "a key 1 value 4294967296 owner a\na key x value 1 owner a\nnonsense\n",
                "",
            ),
        ] {
            assert_eq!(values.update(of(list, "a"), "a"), wanted, "{list}");
        }
    }
}
