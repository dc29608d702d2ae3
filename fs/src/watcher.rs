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
                if told.told.is_awaited() {
                    names_are_over(&dirs, &notifier);
                }
                told.told.forgotten();
                tell(&dirs, &notifier, &handles, announcer);
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
    fn is_moved(&self, changes: Changes) {
        listings_are_over(&changes, &self.notifier, &self.handles);
        let mut changes = changes;
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

/// A name's directory and whether it may be announced there.
type Told<'a> = (&'a DirOfChanges, bool);

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
fn names_are_over(dirs: &[DirOfChanges], notifier: &Notifier) {
    for (ino, _, dir) in dirs {
        for changed in dir.over() {
            let _ = notifier.inval_entry(INodeNo(*ino), OsStr::from_bytes(&changed.name));
        }
    }
}

fn tell(dirs: &[DirOfChanges], notifier: &Notifier, handles: &Handles, announcer: Option<&Announcer>) {
    let clear = |dir: u64, changed: &Changed| {
        // ENOENT: the kernel does not know the name. Anything else there is to say, the mount being gone says too.
        let _ = notifier.inval_entry(INodeNo(dir), OsStr::from_bytes(&changed.name));
    };
    let told: Vec<Told<'_>> =
        dirs.iter().map(|dir| (dir, dir.2.count() <= ANNOUNCED && handles.looked_at(dir.0))).collect();
    if let Some(announcer) = announcer {
        announce(announcer, &told, clear);
    }
    for (ino, _, dir) in dirs {
        // The kernel takes a link off whatever it is told was removed, and it was no link of the file's.
        for gone in dir.vanished.iter().filter(|gone| !gone.is_dir) {
            if let Some(ino) = gone.ino {
                let _ = notifier.inval_inode(INodeNo(ino), -1, 0);
            }
        }
        // Vanished first: believing what is gone is worse than not knowing what came.
        for changed in dir.over() {
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
        if dir.appeared.is_empty() && dir.altered.is_empty() && dir.touched.is_empty() {
            continue;
        }
        let Some(watched) = watched((*ino, path)) else { continue };
        for changed in &dir.appeared {
            watched.appeared(changed, || clear(*ino, changed));
        }
        for changed in dir.altered.iter().chain(&dir.touched) {
            // It may be another inode by now, and the times are set on what the kernel believes it to be.
            clear(*ino, changed);
            watched.altered(changed);
        }
    }
}
