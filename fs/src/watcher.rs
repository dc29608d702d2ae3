//! Follows the library: moves the tree to each commit, then tells the kernel and whoever watches.
//!
//! Two threads, so that a kernel that is slow to forget does not hold up the tree: one takes commits and midnights
//! and moves the tree, the other announces and invalidates. Neither answers requests. An invalidation waits in the kernel
//! for what is under way in the same directory to be answered; how a handler waits for them all the same is in
//! [`crate::tree::told`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use fuser::{INodeNo, Notifier};
use library::Cursor;

use crate::announce::{Announcer, Tokens};
use crate::clock::Clock;
use crate::handles::Handles;
use crate::source::Commit;
use crate::tree::changes::{Changed, Changes, DirChanges};
use crate::tree::{DirPath, Tree};

/// Commits taken together at most.
const MERGED: usize = 1000;
/// Names announced in one directory at once, at most: beyond it a file manager is better off reading the directory.
const ANNOUNCED: usize = 1000;

/// The threads that follow the library. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Follower {
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that follows the library panicked");
            }
        }
    }
}

/// What the threads need.
pub(crate) struct Following {
    pub(crate) tree: Arc<Tree>,
    pub(crate) commits: Receiver<Commit>,
    /// What the kernel misbelieves for another reason than a commit, and where that is said.
    pub(crate) misbelieved: (Sender<Changes>, Receiver<Changes>),
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tick: Duration,
    pub(crate) notifier: Notifier,
    pub(crate) handles: Arc<Handles>,
    /// Who announces, if anybody does.
    pub(crate) announcer: Option<(Announcer, Arc<Tokens>)>,
}

impl Follower {
    pub(crate) fn start(following: Following) -> std::io::Result<Self> {
        let Following { tree, commits, misbelieved, clock, tick, notifier, handles, announcer } = following;
        let (stop, stopped) = bounded(0);
        let (found, queue) = misbelieved;
        let stopped_too = stopped.clone();
        let told = Arc::clone(&tree);
        let (early, listings) = (notifier.clone(), Arc::clone(&handles));
        let over = move |changes: &Changes| listings_are_over(changes, &early, &listings);
        let follow = thread::Builder::new().name("fs-follow".into()).spawn(move || {
            let start = tree.state().snapshot.cursor();
            tree.told.listings(start);
            tree.told.names(Some(start), Vec::new());
            follow(&tree, commits, &*clock, tick, &stopped, |changes| {
                over(&changes);
                if let Some(cursor) = changes.cursor {
                    tree.told.listings(cursor);
                }
                found.send(changes).is_ok()
            });
        })?;
        let tell = thread::Builder::new().name("fs-tell".into()).spawn(move || {
            if let Some((_, tokens)) = &announcer {
                tokens.adopt();
            }
            let announcer = announcer.as_ref().map(|(announcer, _)| announcer);
            let mut waiting = Waiting::default();
            loop {
                let patience = if waiting.0.is_empty() { Duration::MAX } else { CALM_LOOKED_FOR };
                let mut changes = select! {
                    recv(stopped_too) -> _ => return,
                    recv(queue) -> changes => match changes {
                        Ok(changes) => changes,
                        Err(_) => return,
                    },
                    default(patience) => Changes::default(),
                };
                let new = std::mem::take(&mut changes.dirs);
                waiting.add(new, changes.cursor);
                changes.dirs = waiting.calm(|dir| told.told.is_busy(dir));
                if told.told.is_awaited() {
                    names_are_over(&changes, &notifier);
                }
                told.told.names(changes.cursor, waiting.cursors());
                tell(&changes, &notifier, &handles, announcer);
            }
        })?;
        Ok(Self { stop: Some(stop), threads: vec![follow, tell] })
    }
}

/// Moves the tree from commit to commit and from day to day, until told to stop.
fn follow(
    tree: &Tree,
    mut commits: Receiver<Commit>,
    clock: &dyn Clock,
    tick: Duration,
    stopped: &Receiver<()>,
    found: impl Fn(Changes) -> bool,
) {
    loop {
        let changes = select! {
            recv(stopped) -> _ => return,
            recv(commits) -> commit => match commit {
                Ok(commit) => take(tree, commit, &commits, clock),
                Err(_) => {
                    // The library is closed; days still pass.
                    commits = crossbeam_channel::never();
                    None
                }
            },
            default(tick) => {
                let (state, today) = (tree.state(), clock.today());
                let midnight =
                    (state.today != today).then(|| tree.advance(Arc::clone(&state.snapshot), &[], today));
                midnight.or_else(|| tree.lingered(Instant::now()))
            }
        };
        if let Some(changes) = changes
            && !found(changes)
        {
            return;
        }
    }
}

/// Moves the tree to a commit and all that wait behind it.
fn take(tree: &Tree, first: Commit, commits: &Receiver<Commit>, clock: &dyn Clock) -> Option<Changes> {
    let now = tree.state().snapshot.cursor();
    let mut changes = Vec::new();
    let mut last = None;
    for commit in std::iter::once(first).chain(commits.try_iter().take(MERGED)) {
        let cursor = commit.snapshot.cursor();
        // Made between the subscription and the first snapshot: it is in there already.
        if cursor.epoch == now.epoch && cursor.seq < now.seq {
            continue;
        }
        changes.extend(commit.changes.iter().copied());
        last = Some(commit.snapshot);
    }
    Some(tree.advance(last?, &changes, clock.today()))
}

/// What changed in a directory.
type DirOfChanges = (u64, DirPath, DirChanges);

/// What is told of directories once nothing is under way in them: of each what is there so far, so that ten thousand files
/// that come one after the other are one thing to look at and not ten thousand.
#[derive(Default)]
struct Waiting(BTreeMap<u64, (Option<Cursor>, DirPath, DirChanges)>);

impl Waiting {
    fn add(&mut self, dirs: Vec<DirOfChanges>, cursor: Option<Cursor>) {
        for (ino, path, changes) in dirs {
            match self.0.entry(ino) {
                Entry::Vacant(entry) => drop(entry.insert((cursor, path, changes))),
                Entry::Occupied(entry) => {
                    let (at, _, known) = entry.into_mut();
                    *at = cursor.or(*at);
                    known.append(changes);
                }
            }
        }
    }

    /// Takes out those in which nothing is under way.
    fn calm(&mut self, is_busy: impl Fn(u64) -> bool) -> Vec<DirOfChanges> {
        let calm = self.0.extract_if(.., |ino, _| !is_busy(*ino));
        calm.map(|(ino, (_, path, changes))| (ino, path, changes)).collect()
    }

    /// Those that are left, and the last state that they are told of.
    fn cursors(&self) -> Vec<(u64, Cursor)> {
        self.0.iter().filter_map(|(ino, (cursor, _, _))| Some((*ino, (*cursor)?))).collect()
    }
}

/// How often it is looked whether directories are calm of which something is to be told.
const CALM_LOOKED_FOR: Duration = Duration::from_millis(20);

/// A name's directory and whether it may be announced there.
type Told<'a> = (&'a (u64, DirPath, DirChanges), bool);

/// Says which listings and attributes the kernel must not keep. This waits for nobody, unlike all that is said of names:
/// so whoever decided something has its answer only after it, and finds it in every directory that it then lists.
fn listings_are_over(changes: &Changes, notifier: &Notifier, handles: &Handles) {
    for (ino, _, _) in &changes.dirs {
        handles.changed(*ino);
        let _ = notifier.inval_inode(INodeNo(*ino), 0, 0);
    }
    for ino in &changes.attrs {
        // -1: the attributes only. The bytes of an inode never change.
        let _ = notifier.inval_inode(INodeNo(*ino), -1, 0);
    }
}

/// Says which names are over: ahead of all else, since somebody waits for it.
fn names_are_over(changes: &Changes, notifier: &Notifier) {
    for (ino, _, dir) in &changes.dirs {
        for changed in dir.vanished.iter().chain(&dir.appeared).chain(&dir.altered) {
            let _ = notifier.inval_entry(INodeNo(*ino), OsStr::from_bytes(&changed.name));
        }
    }
}

fn tell(changes: &Changes, notifier: &Notifier, handles: &Handles, announcer: Option<&Announcer>) {
    let clear = |dir: u64, changed: &Changed| {
        // ENOENT: the kernel does not know the name. Anything else there is to say, the mount being gone says too.
        let _ = notifier.inval_entry(INodeNo(dir), OsStr::from_bytes(&changed.name));
    };
    let told: Vec<Told<'_>> = changes
        .dirs
        .iter()
        .map(|dir| {
            let names = dir.2.appeared.len() + dir.2.vanished.len() + dir.2.altered.len();
            (dir, names <= ANNOUNCED && handles.looked_at(dir.0))
        })
        .collect();
    if let Some(announcer) = announcer {
        announce(announcer, &told, clear);
    }
    for (ino, _, dir) in &changes.dirs {
        // The kernel takes a link off whatever it is told was removed, and it was no link of the file's.
        for gone in dir.vanished.iter().filter(|gone| !gone.is_dir) {
            if let Some(ino) = gone.ino {
                let _ = notifier.inval_inode(INodeNo(ino), -1, 0);
            }
        }
        // Vanished first: believing what is gone is worse than not knowing what came.
        for changed in dir.vanished.iter().chain(&dir.appeared).chain(&dir.altered) {
            clear(*ino, changed);
        }
        handles.changed(*ino);
        let _ = notifier.inval_inode(INodeNo(*ino), 0, 0);
    }
}

/// Announces what changed, in the order in which it could have happened: what is below goes first and comes last.
fn announce(announcer: &Announcer, told: &[Told<'_>], clear: impl Fn(u64, &Changed)) {
    let watched = |(ino, path): (u64, &DirPath)| announcer.watch(ino, path);
    for ((ino, path, dir), _) in
        told.iter().rev().filter(|((_, _, dir), told)| *told && !dir.vanished.is_empty())
    {
        let Some(watched) = watched((*ino, path)) else { continue };
        for changed in &dir.vanished {
            watched.vanished(changed, || clear(*ino, changed));
        }
    }
    for ((ino, path, dir), _) in told.iter().filter(|(_, told)| *told) {
        if dir.appeared.is_empty() && dir.altered.is_empty() {
            continue;
        }
        let Some(watched) = watched((*ino, path)) else { continue };
        for changed in &dir.appeared {
            watched.appeared(changed, || clear(*ino, changed));
        }
        for changed in &dir.altered {
            // It may be another inode by now, and the times are set on what the kernel believes it to be.
            clear(*ino, changed);
            watched.altered(changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::{ChangeSeq, Epoch};

    #[test]
    fn what_is_said_of_a_directory_waits_together_until_it_is_calm() {
        let at = |seq| Some(Cursor { epoch: Epoch::from_bytes([1; 16]), seq: ChangeSeq(seq) });
        let came = |ino, name: &str| {
            let appeared = vec![Changed { name: name.as_bytes().into(), is_dir: false, ino: None }];
            (ino, DirPath::of(["x"]), DirChanges { appeared, ..DirChanges::default() })
        };
        let mut waiting = Waiting::default();
        waiting.add(vec![came(1, "a"), came(2, "b")], at(1));
        waiting.add(vec![came(1, "c")], at(2));
        let calm = waiting.calm(|ino| ino == 1);
        assert_eq!(calm.iter().map(|(ino, _, _)| *ino).collect::<Vec<_>>(), [2]);
        assert_eq!(waiting.cursors(), [(1, at(2).unwrap())]);
        waiting.add(Vec::new(), None);
        let calm = waiting.calm(|_| false);
        let names: Vec<_> = calm[0].2.appeared.iter().map(|changed| &*changed.name).collect();
        assert_eq!((names, waiting.0.len()), (vec![b"a".as_slice(), b"c"], 0));
    }
}
