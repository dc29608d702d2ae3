//! Follows the library: moves the tree to each commit, then tells the kernel and whoever watches.
//!
//! Two threads, so that a kernel that is slow to forget does not hold up the tree: one takes commits and midnights
//! and moves the tree, the other announces and invalidates. Neither answers requests. Whoever decided something and waits for it
//! does not wait for the first, but moves the tree itself. An invalidation waits in the kernel
//! for what is under way in the same directory to be answered; how a handler waits for them all the same is in
//! [`crate::tree::told`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};
use fuser::{INodeNo, Notifier};
use library::Commit;

use crate::announce::{Announcer, Tokens};
use crate::clock::Clock;
use crate::handles::Handles;
use crate::tree::changes::{Changed, Changes};
use crate::tree::told::DirOfChanges;
use crate::tree::{DirPath, Tree};

/// Commits taken together at most.
const MERGED: usize = 1000;
/// Names announced in one directory at once, at most: beyond it a file manager is better off reading the directory.
const ANNOUNCED: usize = 1000;

/// The threads that follow the library. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Follower {
    tree: Arc<Tree>,
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.tree.told.end();
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
    /// Told when what a model sees is another.
    pub(crate) sights: Receiver<()>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tick: Duration,
    pub(crate) notifier: Notifier,
    pub(crate) handles: Arc<Handles>,
    /// Who announces, if anybody does.
    pub(crate) announcer: Option<(Announcer, Arc<Tokens>)>,
}

impl Follower {
    pub(crate) fn start(following: Following) -> std::io::Result<Self> {
        let Following { tree, commits, sights, clock, tick, notifier, handles, announcer } = following;
        let (stop, stopped) = bounded(0);
        let mover = Arc::new(Mover {
            tree: Arc::clone(&tree),
            commits,
            sights,
            clock,
            notifier: notifier.clone(),
            handles: Arc::clone(&handles),
            moving: Mutex::default(),
        });
        tree.told.shown(tree.state().snapshot.cursor(), Vec::new());
        // The tree outlives whoever follows for it.
        let for_those_who_wait = Arc::downgrade(&mover);
        tree.told.set_catch_up(Box::new(move || {
            if let Some(mover) = for_those_who_wait.upgrade() {
                mover.catch_up();
            }
        }));
        let follow =
            thread::Builder::new().name("fs-follow".into()).spawn(move || mover.follow(tick, &stopped))?;
        let told = Arc::clone(&tree);
        let tell = thread::Builder::new().name("fs-tell".into()).spawn(move || {
            if let Some((_, tokens)) = &announcer {
                tokens.adopt();
            }
            let announcer = announcer.as_ref().map(|(announcer, _)| announcer);
            while let Some(dirs) = told.told.next() {
                let looked_at = |(ino, _, dir): &DirOfChanges| {
                    announcer.is_some() && dir.count() <= ANNOUNCED && handles.looked_at(*ino)
                };
                let announced: Vec<&DirOfChanges> = dirs.iter().filter(|dir| looked_at(dir)).collect();
                // What vanished in directories that vanished too comes first, while the kernel still believes in those: it leads
                // us into them. For the rest, whoever waits does not wait for whoever watches.
                let (within, others) = apart(&dirs, announced);
                let (leading, over): (Vec<_>, Vec<_>) = over(&dirs).partition(|name| leads(*name, &within));
                let is_awaited = told.told.is_awaited();
                if is_awaited {
                    clear_all(&over, &notifier);
                }
                if let Some(announcer) = announcer {
                    announce_gone(announcer, &within, &notifier);
                }
                if is_awaited {
                    clear_all(&leading, &notifier);
                }
                told.told.forgotten();
                if let Some(announcer) = announcer {
                    announce_gone(announcer, &others, &notifier);
                    announce_rest(announcer, &others, &notifier);
                }
                tell(&dirs, &notifier, &handles);
            }
        })?;
        Ok(Self { tree, stop: Some(stop), threads: vec![follow, tell] })
    }
}

/// Moves the tree from commit to commit and from day to day, on whichever thread comes first.
struct Mover {
    tree: Arc<Tree>,
    commits: Receiver<Commit>,
    sights: Receiver<()>,
    clock: Arc<dyn Clock>,
    notifier: Notifier,
    handles: Arc<Handles>,
    /// Held by the one who moves it.
    moving: Mutex<()>,
}

/// Whether more may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feed {
    Open,
    Closed,
}

impl Mover {
    /// Moves the tree, until told to stop.
    fn follow(&self, tick: Duration, stopped: &Receiver<()>) {
        let (mut commits, mut sights) = (Feed::Open, Feed::Open);
        loop {
            let mut select = Select::new();
            let stop = select.recv(stopped);
            // Once the library is closed, days still pass.
            let of_commits = (commits == Feed::Open).then(|| select.recv(&self.commits));
            let of_sights = (sights == Feed::Open).then(|| select.recv(&self.sights));
            // Nothing is taken yet: what is taken is in order only under the lock.
            match select.ready_timeout(tick) {
                Ok(ready) if ready == stop => return,
                Ok(ready) if Some(ready) == of_commits => commits = self.catch_up(),
                Ok(ready) if Some(ready) == of_sights => sights = self.look_again(),
                Ok(_) | Err(_) => self.pass_time(),
            }
        }
    }

    /// Moves the tree to what was committed.
    fn catch_up(&self) -> Feed {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = match self.commits.try_recv() {
            Ok(commit) => commit,
            Err(TryRecvError::Empty) => return Feed::Open,
            Err(TryRecvError::Disconnected) => return Feed::Closed,
        };
        if let Some(changes) = take(&self.tree, commit, &self.commits, &*self.clock) {
            self.is_moved(changes);
        }
        Feed::Open
    }

    /// What a model sees is another.
    fn look_again(&self) -> Feed {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        match self.sights.try_recv() {
            Ok(()) => {
                let snapshot = Arc::clone(&self.tree.state().snapshot);
                self.is_moved(self.tree.advance(snapshot, &[], self.clock.today()));
                Feed::Open
            }
            Err(TryRecvError::Empty) => Feed::Open,
            Err(TryRecvError::Disconnected) => Feed::Closed,
        }
    }

    fn pass_time(&self) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, today) = (self.tree.state(), self.clock.today());
        let midnight =
            (state.today != today).then(|| self.tree.advance(Arc::clone(&state.snapshot), &[], today));
        if let Some(changes) = midnight.or_else(|| self.tree.lingered(Instant::now())) {
            self.is_moved(changes);
        }
    }

    /// Says what changed.
    fn is_moved(&self, mut changes: Changes) {
        listings_are_over(&changes, &self.notifier, &self.handles);
        changes.dirs.retain(|(ino, _, dir)| dir.over().next().is_some() || self.handles.looked_at(*ino));
        match changes.cursor {
            Some(cursor) => self.tree.told.shown(cursor, changes.dirs),
            None => self.tree.told.tell(changes.dirs),
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

/// Those of the directories to announce in that vanished with what they held, or that held such; and the others.
fn apart<'a>(
    dirs: &[DirOfChanges],
    announced: Vec<&'a DirOfChanges>,
) -> (Vec<&'a DirOfChanges>, Vec<&'a DirOfChanges>) {
    let vanished = |(_, path, dir): &DirOfChanges| -> Vec<DirPath> {
        dir.vanished.iter().filter(|gone| gone.is_dir).map(|gone| path.join(&gone.name)).collect()
    };
    let vanished: Vec<DirPath> = dirs.iter().flat_map(vanished).collect();
    announced
        .into_iter()
        .partition(|(_, path, _)| vanished.iter().any(|gone| path.moved(gone, gone).is_some()))
}

/// A name that the kernel may believe in no more, with its directory.
type Name<'a> = (&'a DirOfChanges, &'a Changed);

/// The names that are over in these directories.
fn over(dirs: &[DirOfChanges]) -> impl Iterator<Item = Name<'_>> {
    dirs.iter().flat_map(|dir| dir.2.over().map(move |changed| (dir, changed)))
}

/// Whether a name leads to one of these directories.
fn leads(((_, path, _), changed): Name<'_>, within: &[&DirOfChanges]) -> bool {
    if within.is_empty() || !changed.is_dir {
        return false;
    }
    let to = path.join(&changed.name);
    within.iter().any(|(_, path, _)| path.moved(&to, &to).is_some())
}

/// Has the kernel forget names: ahead of all else, where somebody waits for it.
fn clear_all(names: &[Name<'_>], notifier: &Notifier) {
    names.iter().for_each(|((ino, _, _), changed)| clear(*ino, changed, notifier));
}

fn clear(dir: u64, changed: &Changed, notifier: &Notifier) {
    // ENOENT: the kernel does not know the name. Anything else there is to say, the mount being gone says too.
    let _ = notifier.inval_entry(INodeNo(dir), OsStr::from_bytes(&changed.name));
}

fn tell(dirs: &[DirOfChanges], notifier: &Notifier, handles: &Handles) {
    for (ino, _, dir) in dirs {
        // The kernel takes a link off whatever it is told was removed, and it was no link of the file's.
        for gone in dir.vanished.iter().filter(|gone| !gone.is_dir) {
            if let Some(ino) = gone.ino {
                let _ = notifier.inval_inode(INodeNo(ino), -1, 0);
            }
        }
        // Vanished first: believing what is gone is worse than not knowing what came.
        for changed in dir.over() {
            clear(*ino, changed, notifier);
        }
        handles.changed(*ino);
        let _ = notifier.inval_inode(INodeNo(*ino), 0, 0);
    }
}

/// Announces what went, in the order in which it could have: what is below goes first.
fn announce_gone(announcer: &Announcer, dirs: &[&DirOfChanges], notifier: &Notifier) {
    for (ino, path, dir) in dirs.iter().rev().filter(|(_, _, dir)| !dir.vanished.is_empty()) {
        let Some(watched) = announcer.watch(*ino, path) else { continue };
        for changed in &dir.vanished {
            watched.vanished(changed, || clear(*ino, changed, notifier));
        }
    }
}

/// Announces what came, and what is another: what is below comes last.
fn announce_rest(announcer: &Announcer, dirs: &[&DirOfChanges], notifier: &Notifier) {
    for (ino, path, dir) in dirs {
        if dir.appeared.is_empty() && dir.altered.is_empty() && dir.touched.is_empty() {
            continue;
        }
        let Some(watched) = announcer.watch(*ino, path) else { continue };
        for changed in &dir.appeared {
            watched.appeared(changed, || clear(*ino, changed, notifier));
        }
        for changed in dir.altered.iter().chain(&dir.touched) {
            // It may be another inode by now, and the times are set on what the kernel believes it to be.
            clear(*ino, changed, notifier);
            watched.altered(changed);
        }
    }
}
