//! Directories that went with their last photo, for the moment in which somebody is about to remove them.
//!
//! `rm -r`, `find -delete` and file managers remove what is in a directory and then the directory. Where that is there
//! only while something is in it, it would be gone when they come to it, and they would report an error though all is as
//! they wished. So it can still be found for a moment after something was taken out of it, but it is not listed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::changes::{Changed, Changes, DirChanges};
use super::path::DirPath;
use super::state::State;
use super::{Tree, view};

/// How long after the last removal.
const MOMENT: Duration = Duration::from_secs(3);

/// How long a directory that somebody made for something to be moved into is waited with.
const EXPECTED: Duration = Duration::from_secs(600);

/// Directories out of which something was just taken. Those above them are meant, too.
#[derive(Debug, Default)]
pub(crate) struct Lingering(Mutex<BTreeMap<DirPath, Instant>>);

impl Lingering {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<DirPath, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is being taken out of a directory.
    pub(super) fn begin(&self, path: &DirPath) {
        self.lock().insert(path.clone(), Instant::now());
    }

    /// Something is about to be moved into a directory.
    pub(super) fn expect(&self, path: &DirPath) {
        self.lock().insert(path.clone(), Instant::now() + EXPECTED);
    }

    /// Whether a directory, though nothing is in it, is to be found.
    pub(super) fn has(&self, path: &DirPath) -> bool {
        let lingering = self.lock();
        // What is below comes after it, with nothing in between but names that begin with its own.
        let mut from = lingering.range(path..).map(|(at, _)| at);
        let begins = |at: &DirPath| at.as_bytes().starts_with(path.as_bytes());
        from.by_ref().take_while(|at| begins(at)).any(|at| at.moved(path, path).is_some())
    }

    /// A directory was removed: the one above may be next.
    pub(super) fn end(&self, path: &DirPath) {
        let mut lingering = self.lock();
        lingering.remove(path);
        if let Some((parent, _)) = path.parent().filter(|(parent, _)| !parent.is_root()) {
            lingering.insert(parent, Instant::now());
        }
    }

    /// A directory was moved: nobody comes to remove it where it was.
    pub(super) fn leave(&self, path: &DirPath) {
        self.lock().retain(|at, _| at.moved(path, path).is_none());
    }

    /// Those whose moment is over by `now`.
    fn over(&self, now: Instant) -> Vec<DirPath> {
        let mut lingering = self.lock();
        let is_over = |begun: &Instant| now.duration_since(*begun) >= MOMENT;
        let over = lingering.iter().filter(|(_, begun)| is_over(begun)).map(|(at, _)| at.clone()).collect();
        lingering.retain(|_, begun| !is_over(begun));
        over
    }
}

/// Whether there is such a directory by what is in it.
pub(super) fn is_real(state: &State, path: &DirPath) -> bool {
    path.split_view().is_none_or(|(top, at)| view(top).is_some_and(|view| view.has(state, &at)))
}

impl Tree {
    /// Removes a directory that only lingers. False where it does not.
    pub(super) fn end_lingering(&self, state: &State, path: &DirPath) -> bool {
        let lingers = !is_real(state, path) && state.lingering.has(path);
        if lingers {
            state.lingering.end(path);
            self.inodes().vanish(path.clone());
        }
        lingers
    }

    /// What the kernel must be told of directories whose moment is over by `now`.
    pub(crate) fn lingered(&self, now: Instant) -> Option<Changes> {
        let state = self.state();
        let over = state.lingering.over(now);
        let mut changes = Changes::default();
        for mut path in over {
            while let Some((parent, name)) = path.parent() {
                if is_real(&state, &path) || state.lingering.has(&path) {
                    break;
                }
                let mut inodes = self.inodes();
                let ino = Some(inodes.known_or_spare(&path));
                let above = inodes.known(&parent);
                inodes.vanish(path.clone());
                drop(inodes);
                if let Some(above) = above {
                    let vanished = vec![Changed { name: name.into(), is_dir: true, ino }];
                    changes.dirs.push((
                        above,
                        parent.clone(),
                        DirChanges { vanished, ..DirChanges::default() },
                    ));
                }
                path = parent;
            }
        }
        (!changes.dirs.is_empty()).then_some(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_those_above_it_are_found_for_a_moment() {
        let lingering = Lingering::default();
        let path = |path: &str| DirPath::of(path.split('/'));
        lingering.begin(&path("all/2024/05"));
        lingering.begin(&path("all/2024-x"));
        for (at, found) in
            [("all", true), ("all/2024", true), ("all/2024/05", true), ("all/2024/0", false), ("al", false)]
        {
            assert_eq!(lingering.has(&path(at)), found, "{at}");
        }
        lingering.end(&path("all/2024/05"));
        assert!(!lingering.has(&path("all/2024/05")) && lingering.has(&path("all/2024")));
        assert_eq!(lingering.over(Instant::now()).len(), 0);
        assert_eq!(lingering.over(Instant::now() + MOMENT), [path("all/2024"), path("all/2024-x")]);
        assert!(!lingering.has(&path("all")));
        for at in ["albums/A/B", "albums/A", "albums/AB"] {
            lingering.begin(&path(at));
        }
        lingering.leave(&path("albums/A"));
        assert!(!lingering.has(&path("albums/A")) && lingering.has(&path("albums/AB")));
    }
}
