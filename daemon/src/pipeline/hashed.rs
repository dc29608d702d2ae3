//! Files that were hashed elsewhere in this process a moment ago: what comes in through `inbox/` is hashed to be
//! recognised, before it is moved to where readers find it. A file that differs in anything from what it was right after
//! that, its change time included, is hashed anew: a wrong digest could cost a photo. Each is good for one reading.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use library::{Digests, FileStat};

/// How many are remembered: more than ever wait for a reader, unless the reader of a root hangs.
const MOST: usize = 4096;

/// What was hashed and not yet found.
#[derive(Debug, Default)]
pub struct Hashed(Mutex<HashMap<(u64, u64), (FileStat, Digests)>>);

impl Hashed {
    /// A file was hashed, and is what `stat` says.
    pub fn add(&self, stat: FileStat, digests: Digests) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert((stat.device, stat.inode), (stat, digests));
    }

    /// What a file that was found has been hashed to, if it is the same still.
    pub fn take(&self, found: &FileStat) -> Option<Digests> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stat, digests) = all.remove(&(found.device, found.inode))?;
        (stat == *found).then_some(digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_once_and_anew_when_it_is_another() {
        let hashed = Hashed::default();
        let stat = FileStat { size: 3, mtime_ns: 5, ctime_ns: 7, device: 1, inode: 2 };
        let digests = Digests::of(b"abc");
        hashed.add(stat, digests);
        assert_eq!(hashed.take(&stat), Some(digests));
        assert_eq!(hashed.take(&stat), None, "good for one reading");
        for another in [
            FileStat { mtime_ns: 6, ..stat },
            FileStat { size: 4, ..stat },
            // Written to, and its time set back.
            FileStat { ctime_ns: 9, ..stat },
        ] {
            hashed.add(stat, digests);
            assert_eq!(hashed.take(&another), None, "{another:?}");
        }
    }
}
