//! Which slot has which key, at 9 bytes an entry: keys themselves stay on the disk and are compared there.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use super::key::VectorKey;
use super::layout::Slot;
use crate::people::FaceBox;

/// What the index remembers of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    tag: u32,
    slot: Slot,
}

/// Slots by key. Keys that share a tag are told apart by whoever can read them.
#[derive(Debug, Default)]
pub(super) struct Index(HashTable<Entry>);

/// Four bytes of the key: contents are hashes already.
fn tag(key: &VectorKey) -> u32 {
    let content = key.content.as_bytes();
    let mut tag = u32::from_le_bytes([content[0], content[1], content[2], content[3]]);
    for part in key.face.map(FaceBox::sides).iter().flatten() {
        tag = (tag.rotate_left(7) ^ u32::from(*part)).wrapping_mul(0x9e37_79b1);
    }
    tag
}

/// Spreads a tag over the 64 bits that the table looks at.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The slot of a key; `stands` says whether a slot really has it.
    pub(super) fn find(&self, key: &VectorKey, mut stands: impl FnMut(Slot) -> bool) -> Option<Slot> {
        let tag = tag(key);
        self.0.find(spread(tag), |entry| entry.tag == tag && stands(entry.slot)).map(|entry| entry.slot)
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, key: &VectorKey, slot: Slot) {
        let tag = tag(key);
        self.0.insert_unique(spread(tag), Entry { tag, slot }, |entry| spread(entry.tag));
    }

    /// Takes out what is known of this slot under this key.
    pub(super) fn remove(&mut self, key: &VectorKey, slot: Slot) {
        let tag = tag(key);
        let entry =
            self.0.entry(spread(tag), |entry| *entry == Entry { tag, slot }, |entry| spread(entry.tag));
        if let TableEntry::Occupied(entry) = entry {
            entry.remove();
        }
    }
}
