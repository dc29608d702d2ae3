//! Inode numbers of directories.
//!
//! 1. A number must be the same after a restart (thumbnails and bookmarks know it): it is a hash of the path.
//! 2. Two paths may hash alike: the later one takes the next salt.
//! 3. A directory that vanished and comes again must get another number: the kernel keeps the old one dead for as
//!    long as somebody stands in it (tried). So vanishing raises the salt of the path, for the life of the mount.
//! 4. A lookup that was answered from an old state must not bring a vanished path back: numbers are given only to
//!    whoever has seen the state that the table stands at.
//! 5. Any name under `search/` is a directory, so numbers are forgotten when the kernel forgets them.

use std::collections::HashMap;

use library::Checksum;

use super::path::DirPath;

/// The root of every mount.
pub(crate) const ROOT: u64 = 1;
/// The inbox: asked about at every lookup, so it is known by its number alone. It is always there.
pub(crate) const INBOX: u64 = FIXED_END - 1;
/// Numbers below this are the root's fixed files.
pub(crate) const FIXED_END: u64 = 1 << 16;
/// Marks the numbers of unreadable files: the highest four bits are 0100.
pub(super) const UNREADABLE_MARK: u64 = 0b0100 << 60;
/// Marks the numbers of what file managers write of what they delete: 0101.
pub(super) const INFO_MARK: u64 = 0b0101 << 60;
/// Marks the numbers of versions that photos had: 0110.
pub(super) const VERSION_MARK: u64 = 0b0110 << 60;

/// A number for what these bytes say, of the kind that is marked so in the highest four bits.
pub(super) fn number_of(what: &[u8], mark: u64) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Checksum::of(what).as_bytes()[..8]);
    (u64::from_be_bytes(bytes) >> 4) | mark
}

/// A directory that somebody may hold.
#[derive(Debug)]
struct Held {
    path: DirPath,
    parent: u64,
    /// How many times the kernel was told of it and has not yet forgotten.
    lookups: u64,
    /// False once it vanished.
    alive: bool,
}

/// The directories the kernel knows.
#[derive(Debug)]
pub(crate) struct Inodes {
    /// Which state the table stands at.
    state: u64,
    held: HashMap<u64, Held>,
    by_path: HashMap<DirPath, u64>,
    /// How many directories stood at this path before.
    salts: HashMap<DirPath, u32>,
}

impl Default for Inodes {
    fn default() -> Self {
        let root = Held { path: DirPath::root(), parent: ROOT, lookups: 1, alive: true };
        Self {
            state: 0,
            held: HashMap::from([(ROOT, root)]),
            by_path: HashMap::from([(DirPath::root(), ROOT)]),
            salts: HashMap::new(),
        }
    }
}

impl Inodes {
    /// The path behind a number, unless it vanished.
    pub(crate) fn path(&self, ino: u64) -> Option<&DirPath> {
        self.held.get(&ino).filter(|held| held.alive).map(|held| &held.path)
    }

    /// The number of the directory above.
    pub(crate) fn parent(&self, ino: u64) -> Option<u64> {
        self.held.get(&ino).map(|held| held.parent)
    }

    /// The number of a path the kernel knows.
    pub(crate) fn known(&self, path: &DirPath) -> Option<u64> {
        self.by_path.get(path).copied()
    }

    /// The number of a path, or for one that the kernel does not know, a number that nothing has: whoever watches the
    /// directory above is told of its end all the same.
    pub(crate) fn known_or_spare(&self, path: &DirPath) -> u64 {
        let spare = || {
            (0..u32::MAX).rev().map(|salt| Self::number(path, salt)).find(|ino| !self.held.contains_key(ino))
        };
        self.known(path).or_else(spare).unwrap_or(FIXED_END)
    }

    fn number(path: &DirPath, salt: u32) -> u64 {
        if path.as_bytes() == super::inbox::NAME.as_bytes() {
            return INBOX;
        }
        (path.number(salt) & (crate::inbox::MARK - 1)) | FIXED_END
    }

    /// All directories the kernel knows, with their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &DirPath)> {
        self.by_path.iter().map(|(path, ino)| (*ino, path))
    }

    /// The number for a directory that the caller saw in state `seen`, counted as one lookup. `None` when the table
    /// stands at another state: look again.
    pub(crate) fn look_up(&mut self, path: &DirPath, parent: u64, seen: u64) -> Option<u64> {
        if seen != self.state {
            return None;
        }
        if let Some(ino) = self.known(path) {
            if let Some(held) = self.held.get_mut(&ino) {
                held.lookups += 1;
            }
            return Some(ino);
        }
        let mut salt = self.salts.get(path).copied().unwrap_or(0);
        let ino = loop {
            let ino = Self::number(path, salt);
            if !self.held.contains_key(&ino) {
                break ino;
            }
            salt += 1;
        };
        self.held.insert(ino, Held { path: path.clone(), parent, lookups: 1, alive: true });
        self.by_path.insert(path.clone(), ino);
        Some(ino)
    }

    /// A directory is at another path from now on, with all below it. Whatever was there is no more. False when the
    /// kernel does not know it.
    pub(crate) fn rename(&mut self, from: &DirPath, to: &DirPath) -> bool {
        let Some(ino) = self.known(from) else { return false };
        if let Some(replaced) = self.by_path.remove(to) {
            if let Some(held) = self.held.get_mut(&replaced) {
                held.alive = false;
            }
            // What is in it is in what has its place.
            for held in self.held.values_mut().filter(|held| held.parent == replaced) {
                held.parent = ino;
            }
        }
        *self.salts.entry(from.clone()).or_default() += 1;
        let below: Vec<(DirPath, u64)> = self
            .by_path
            .iter()
            .filter_map(|(path, ino)| path.moved(from, to).map(|_| (path.clone(), *ino)))
            .collect();
        for (path, ino) in below {
            self.by_path.remove(&path);
            if let (Some(new), Some(held)) = (path.moved(from, to), self.held.get_mut(&ino)) {
                held.path = new.clone();
                self.by_path.insert(new, ino);
            }
        }
        let parent = to.parent().and_then(|(parent, _)| self.known(&parent));
        if let (Some(held), Some(parent)) = (self.held.get_mut(&ino), parent) {
            held.parent = parent;
        }
        true
    }

    /// Keeps the number of a directory, whatever the kernel forgets.
    pub(crate) fn keep(&mut self, ino: u64) {
        if let Some(held) = self.held.get_mut(&ino) {
            held.lookups += 1;
        }
    }

    /// The kernel drops `count` of its lookups; at none, the number is free.
    pub(crate) fn forget(&mut self, ino: u64, count: u64) {
        if ino == ROOT {
            return;
        }
        let Some(held) = self.held.get_mut(&ino) else { return };
        held.lookups = held.lookups.saturating_sub(count);
        if held.lookups == 0
            && let Some(held) = self.held.remove(&ino)
            && self.by_path.get(&held.path) == Some(&ino)
        {
            self.by_path.remove(&held.path);
        }
    }

    /// Moves the table to another state, in which the directories `vanished` are not there.
    pub(crate) fn advance(&mut self, state: u64, vanished: impl IntoIterator<Item = DirPath>) {
        self.state = state;
        for path in vanished {
            self.vanish(path);
        }
    }

    /// A directory is not there any more.
    pub(crate) fn vanish(&mut self, path: DirPath) {
        if let Some(held) = self.by_path.remove(&path).and_then(|ino| self.held.get_mut(&ino)) {
            held.alive = false;
        }
        // Also for a path the kernel does not know now: it may have known it, and somebody may still hold it.
        *self.salts.entry(path).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_comes_again_is_another() {
        let mut inodes = Inodes::default();
        let path = DirPath::of(["tags", "a"]);
        let first = inodes.look_up(&path, ROOT, 0).unwrap();
        assert_eq!(inodes.look_up(&path, ROOT, 0), Some(first));
        inodes.advance(1, [path.clone()]);
        assert_eq!(inodes.path(first), None);
        assert_eq!(inodes.look_up(&path, ROOT, 0), None, "seen in a state that is over");
        let second = inodes.look_up(&path, ROOT, 1).unwrap();
        assert_ne!(first, second);
        // Forgetting the dead one leaves the living one alone.
        inodes.forget(first, 2);
        assert_eq!(inodes.path(second), Some(&path));
        inodes.forget(second, 1);
        assert_eq!(inodes.known(&path), None);
        assert_eq!(inodes.look_up(&path, ROOT, 1), Some(second), "forgotten and looked up again is the same");
        inodes.keep(second);
        inodes.forget(second, 1);
        assert_eq!(inodes.path(second), Some(&path), "something is on its way into it");
    }

    #[test]
    fn a_directory_that_is_moved_is_the_same_and_so_are_those_below_it() {
        let mut inodes = Inodes::default();
        let path = |path: &str| DirPath::of(path.split('/'));
        let albums = inodes.look_up(&path("albums"), ROOT, 0).unwrap();
        let one = inodes.look_up(&path("albums/one"), albums, 0).unwrap();
        let below = inodes.look_up(&path("albums/one/below"), one, 0).unwrap();
        let onely = inodes.look_up(&path("albums/onely"), albums, 0).unwrap();
        let two = inodes.look_up(&path("albums/two"), albums, 0).unwrap();
        assert!(inodes.rename(&path("albums/one"), &path("albums/two")));
        assert!(!inodes.rename(&path("albums/three"), &path("albums/four")));
        assert_eq!(inodes.path(one), Some(&path("albums/two")));
        assert_eq!(inodes.path(below), Some(&path("albums/two/below")));
        assert_eq!(inodes.path(onely), Some(&path("albums/onely")));
        assert_eq!(inodes.path(two), None);
        assert_eq!((inodes.known(&path("albums/one")), inodes.known(&path("albums/two"))), (None, Some(one)));
        let again = inodes.look_up(&path("albums/one"), albums, 0).unwrap();
        assert_ne!(again, one);
    }

    #[test]
    fn numbers_keep_out_of_other_classes() {
        let mut inodes = Inodes::default();
        for name in 0..1000 {
            let ino = inodes.look_up(&DirPath::of([name.to_string()]), ROOT, 0).unwrap();
            assert!((FIXED_END..crate::inbox::MARK).contains(&ino));
        }
    }
}
