//! A hash map that many snapshots share: a changed entry costs the copy of one shard in a thousand.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use crate::id::RowNumber;

const SHARDS: usize = 1024;

/// A 128-bit hash of what is looked up, wide enough that two keys never meet: BLAKE3, so nobody can make them. In words of
/// 32 bits, since an entry then takes 20 bytes and not 32, and there are four a photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key([u32; 4]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.0[2]) << 32 | u64::from(self.0[3]));
    }
}

impl Key {
    /// The key of these parts in the map called `domain`.
    pub(crate) fn of(domain: u8, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[domain]);
        for part in parts {
            hasher.update(&(part.len() as u32).to_be_bytes());
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self([word(0), word(4), word(8), word(12)])
    }

    fn shard(self) -> usize {
        self.0[1] as usize % SHARDS
    }
}

/// The key is a hash already.
#[derive(Default, Clone, Copy, Debug)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Shard = HashMap<Key, RowNumber, BuildHasherDefault<Identity>>;

/// Row numbers by key.
#[derive(Clone, Debug)]
pub(crate) struct Sharded {
    shards: Arc<Vec<Arc<Shard>>>,
}

impl Default for Sharded {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Sharded {
    /// Empty, with room for so many entries: growing is a good part of what filling it costs.
    pub(crate) fn with_capacity(entries: usize) -> Self {
        let a_shard = entries / SHARDS;
        // Hashes do not spread evenly: a tenth more, or half of the shards would grow all the same.
        let room = a_shard + a_shard / 10;
        let shard = || Arc::new(Shard::with_capacity_and_hasher(room, BuildHasherDefault::default()));
        Self { shards: Arc::new(std::iter::repeat_with(shard).take(SHARDS).collect()) }
    }

    pub(crate) fn get(&self, key: Key) -> Option<RowNumber> {
        self.shards[key.shard()].get(&key).copied()
    }

    pub(crate) fn insert(&mut self, key: Key, row: RowNumber) {
        if self.get(key) != Some(row) {
            Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[key.shard()]).insert(key, row);
        }
    }

    /// Removes the entry only while it still points at `row`: another row may have taken the key since.
    pub(crate) fn remove(&mut self, key: Key, row: RowNumber) {
        if self.get(key) == Some(row) {
            Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[key.shard()]).remove(&key);
        }
    }
}
