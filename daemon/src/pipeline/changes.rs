//! Which folders changed since they were listed.
//!
//! A listing may wait in the queue with its file for minutes, and who describes whom depends on it. A listing older
//! than the last change of its folder is made again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A point in the order of changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment(u64);

/// The last change of every folder that changed.
#[derive(Debug, Default)]
pub struct Changes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    now: Moment,
    /// A name came or went in the folder.
    names: HashMap<Box<[u8]>, Moment>,
    /// The folder itself came or went, and with it all below.
    trees: HashMap<Box<[u8]>, Moment>,
}

impl Changes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now. A listing begun after this holds all changes noted before it.
    pub fn now(&self) -> Moment {
        self.state().now
    }

    /// A name came or went in a folder.
    pub fn note_name(&self, folder: &[u8]) {
        let mut state = self.state();
        state.now.0 += 1;
        let now = state.now;
        state.names.insert(folder.into(), now);
    }

    /// A folder came or went.
    pub fn note_tree(&self, folder: &[u8]) {
        let mut state = self.state();
        state.now.0 += 1;
        let now = state.now;
        state.trees.insert(folder.into(), now);
    }

    /// Whether a folder, or one above it, changed after `moment`.
    pub fn since(&self, folder: &[u8], moment: Moment) -> bool {
        let state = self.state();
        if state.now <= moment {
            return false;
        }
        let later = |changed: Option<&Moment>| changed.is_some_and(|changed| *changed > moment);
        let ends = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        later(state.names.get(folder))
            || ends.chain([folder.len()]).any(|end| later(state.trees.get(&folder[..end])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_changes_with_those_above_it() {
        let changes = Changes::default();
        let before = changes.now();
        changes.note_name(b"a/b");
        assert!(
            changes.since(b"a/b", before) && !changes.since(b"a", before) && !changes.since(b"a/b/c", before)
        );
        let before = changes.now();
        assert!(!changes.since(b"a/b", before));
        changes.note_tree(b"a");
        assert!(
            changes.since(b"a", before) && changes.since(b"a/b/c", before) && !changes.since(b"ab", before)
        );
    }
}
