//! From what a row is called by (its id, inode number, name, paths) to the row, shared by many snapshots: a changed entry
//! costs the copy of one shard in a thousand.
//!
//! There are four entries a photo, so what one takes counts: it holds a short hash and the row, and not the key. Whoever
//! looks something up tells a row that has the key from one whose key hashes alike ([`Index::get`]).

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, LazyLock};

use hashbrown::HashTable;

use crate::id::RowNumber;

/// A power of two: the lower bits of a hash choose among them.
const SHARDS: usize = 1024;

/// Drawn anew by every process, so that nobody can make file names that hash alike.
static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyHash(u32);

impl KeyHash {
    pub(crate) fn of(key: impl Hash) -> Self {
        Self(STATE.hash_one(key) as u32)
    }

    fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    /// All entries of a shard have their lower bits in common; a table needs both ends of the hash to differ.
    fn spread(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(32)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: KeyHash,
    row: RowNumber,
}

type Shard = HashTable<Entry>;

/// Row numbers by key.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    shards: Arc<Vec<Arc<Shard>>>,
}

impl Index {
    /// Empty, with room for so many entries: growing is a good part of what filling it costs.
    pub(crate) fn with_capacity(entries: usize) -> Self {
        let a_shard = entries / SHARDS;
        // Hashes do not spread evenly: a tenth more, or half of the shards would grow all the same.
        let room = a_shard + a_shard / 10;
        let shard = || Arc::new(Shard::with_capacity(room));
        Self { shards: Arc::new(std::iter::repeat_with(shard).take(SHARDS).collect()) }
    }

    /// The row under a key with this hash that `has` that very key.
    pub(crate) fn get(&self, hash: KeyHash, has: impl Fn(RowNumber) -> bool) -> Option<RowNumber> {
        let is_it = |entry: &Entry| entry.hash == hash && has(entry.row);
        self.shards[hash.shard()].find(hash.spread(), is_it).map(|entry| entry.row)
    }

    /// Puts `row` under a key, in place of the row that `has` it.
    pub(crate) fn insert(&mut self, hash: KeyHash, row: RowNumber, has: impl Fn(RowNumber) -> bool) {
        let is_it = |entry: &Entry| entry.hash == hash && (entry.row == row || has(entry.row));
        let found = self.shards[hash.shard()].find(hash.spread(), is_it);
        if found.is_some_and(|entry| entry.row == row) {
            return;
        }
        let is_replaced = found.is_some();
        let shard = self.shard_mut(hash);
        if is_replaced && let Some(entry) = shard.find_mut(hash.spread(), is_it) {
            entry.row = row;
        } else {
            shard.insert_unique(hash.spread(), Entry { hash, row }, |entry| entry.hash.spread());
        }
    }

    /// Removes the entry only while it still points at `row`: another row may have taken the key since.
    pub(crate) fn remove(&mut self, hash: KeyHash, row: RowNumber) {
        let is_it = |entry: &Entry| entry.hash == hash && entry.row == row;
        if self.shards[hash.shard()].find(hash.spread(), is_it).is_some()
            && let Ok(entry) = self.shard_mut(hash).find_entry(hash.spread(), is_it)
        {
            entry.remove();
        }
    }

    fn shard_mut(&mut self, hash: KeyHash) -> &mut Shard {
        Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[hash.shard()])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Rows with one key each, of few keys and fewer hashes: whoever takes a key has it until it lets go.
        #[test]
        fn keys_that_hash_alike_are_told_apart(steps in prop::collection::vec((0_u32..12, 0_u32..8, any::<bool>()), 0..80)) {
            let hash = |key: u32| KeyHash(key % 3 * SHARDS as u32);
            let (mut index, mut model) = (Index::with_capacity(0), HashMap::new());
            let mut keys: HashMap<u32, u32> = HashMap::new();
            for (row, key, is_put) in steps {
                if let Some(old) = keys.get(&row).copied().filter(|old| !is_put || *old != key) {
                    index.remove(hash(old), RowNumber(row));
                    if model.get(&old) == Some(&row) {
                        model.remove(&old);
                    }
                    keys.remove(&row);
                }
                if is_put {
                    index.insert(hash(key), RowNumber(row), |other| keys.get(&other.0) == Some(&key));
                    // One row a key, as with paths: who had it has it no more.
                    keys.retain(|other, had| *had != key || *other == row);
                    keys.insert(row, key);
                    model.insert(key, row);
                }
                for key in 0..8 {
                    let found = index.get(hash(key), |row| keys.get(&row.0) == Some(&key));
                    prop_assert_eq!(found.map(|row| row.0), model.get(&key).copied());
                }
            }
        }
    }
}
