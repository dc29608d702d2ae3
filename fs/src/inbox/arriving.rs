//! Files taken into the library: at the close of their last writer, when they are renamed from a temporary name, or at
//! the next start.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use library::AssetId;
use rustix::fs::{AtFlags, FileType, OFlags};

use super::node::{Node, open_dir};
use super::nodes::Gone;
use super::temporary::is_temporary;
use super::{Inbox, hold};
use crate::error::FsError;
use crate::source::{Arrival, Arrived, SourceError};
use crate::tree::DirPath;
use crate::tree::changes::{Changed, DirChanges};
use crate::tree::inodes::INBOX;
use crate::tree::told::DirOfChanges;

/// How often names whose time is over are taken away.
const TIDIED: Duration = Duration::from_secs(2);
/// Directories in directories that are looked through at the start.
const DEEPEST: usize = 64;

impl Inbox {
    /// `flush`: takes a file in when its last writer closes it after writing. Without bytes since the last time it does
    /// nothing. Blocks on the disk and on the library.
    pub(crate) fn flush(&self, handle: u64) -> Result<(), FsError> {
        let handle = self.handle(handle)?;
        let node = &handle.node;
        if !handle.writes || node.writers() > 1 || !node.take_written() {
            return Ok(());
        }
        let kept = || match self.waits_for_its_name(node) {
            true => self.fill(node),
            false => Ok(()),
        };
        let done = kept().and_then(|()| handle.file.sync_all()).map_err(FsError::from).and_then(|()| {
            node.mark_complete(node.copied.size().is_none());
            self.take_in(node, true)
        });
        if done.is_err() {
            // The next close tries again.
            node.is_written();
        }
        done
    }

    /// Whether a file is taken in only when it is renamed: one with a temporary name, and what may become a version of a photo
    /// once it is given the photo's name.
    fn waits_for_its_name(&self, node: &Node) -> bool {
        let Some((dir, name)) = node.place() else { return false };
        is_temporary(&name) || dir.of_tree().is_some_and(|dir| self.tree.is_savers(dir, &name))
    }

    /// Takes in a file that is complete, if its name is not a temporary one. `written` says whether bytes came since it was
    /// last asked about.
    fn take_in(&self, node: &Arc<Node>, written: bool) -> Result<(), FsError> {
        let _alone = node.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if node.is_taken_in() {
            // Its writer went on writing to what the library has by now.
            return Ok(self.tree.source().amended(&node.open(OFlags::RDONLY)?)?);
        }
        let Some((dir, name)) = node.place() else { return Ok(()) };
        if node.is_known() && !written {
            return self.drop_known(&dir, &name, node);
        }
        node.set_known(false);
        if self.waits_for_its_name(node)
            || FileType::from_raw_mode(node.stat()?.st_mode) != FileType::RegularFile
        {
            return Ok(());
        }
        let file = node.open(OFlags::RDONLY)?;
        let fd = dir.fd()?;
        // Before it is another's to find: whoever finds it in the library must not see the mark.
        node.mark_complete(false);
        node.set_reason(None);
        let arrived = match self.copied_from(node) {
            Some(photo) => Ok(Arrived::Known(photo)),
            None => self
                .fill(node)
                .map_err(SourceError::from)
                .and_then(|()| self.tree.source().import(&Arrival { dir: &fd, name: &name, file: &file })),
        };
        match arrived {
            Ok(Arrived::TakenIn(asset)) => {
                node.set_taken_in(true);
                self.nodes().add_alias(&dir, &name, node);
                self.nodes().is_gone(&dir, &name, node.ino());
                asset.map_or(Ok(()), |asset| self.join(&dir, node, asset))
            }
            Ok(Arrived::Known(asset)) => {
                // What has no bytes of its own is nothing to go on with after a crash.
                node.mark_complete(node.copied.size().is_none());
                node.set_known(true);
                if node.writers() == 0 {
                    self.drop_known(&dir, &name, node)?;
                }
                self.join(&dir, node, asset)
            }
            Ok(Arrived::Left(reason)) => {
                node.set_reason(Some(&reason));
                if dir.of_tree().is_some() {
                    // Nobody would find it there, and it is not what was asked for: its writer is told, and has it.
                    self.unlink(&dir, &name)?;
                    self.nodes().is_gone(&dir, &name, node.ino());
                    return Err(FsError::BadValue(reason));
                }
                tracing::info!(name = %name.escape_ascii(), reason, "stays in inbox/");
                Ok(())
            }
            Err(error) => {
                node.mark_complete(true);
                let error = FsError::from(error);
                node.set_reason(Some(&error.to_string()));
                Err(error)
            }
        }
    }

    /// Decides of a photo what it means that it was copied into a directory of the tree.
    fn join(&self, dir: &Node, node: &Node, asset: AssetId) -> Result<(), FsError> {
        let Some(dir) = dir.of_tree() else { return Ok(()) };
        let joins = self.tree.joins(dir).unwrap_or_default();
        if joins.is_empty() {
            return Ok(());
        }
        if !self.tree.has_photo(dir, asset) {
            node.set_joined(asset);
        }
        let _waiting = self.tree.told.busy([]);
        self.tree.source().decide_arrived(asset, &joins)?;
        self.tree.told.wait(self.tree.source().snapshot().cursor());
        Ok(())
    }

    /// Takes away a file whose bytes the library has, once nobody can write to it any more: until then it may become another.
    fn drop_known(&self, dir: &Arc<Node>, name: &[u8], node: &Arc<Node>) -> Result<(), FsError> {
        if node.writers() > 0 || node.has_written() {
            return Ok(());
        }
        let name_of = std::ffi::OsStr::from_bytes(name);
        let there =
            rustix::fs::statat(dir.fd()?, name_of, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        if there.st_ino == node.stat()?.st_ino {
            // The name leads to it before it is gone, or whoever removes it in between would find neither. Nothing is locked
            // while the disk is waited for.
            self.nodes().add_alias(dir, name, node);
            if let Err(error) = rustix::fs::unlinkat(dir.fd()?, name_of, AtFlags::empty()) {
                self.nodes().drop_alias(dir, name);
                node.has_name(dir, name);
                return Err(io::Error::from(error).into());
            }
            node.set_known(false);
            node.set_taken_in(true);
            self.nodes().is_gone(dir, name, node.ino());
        }
        Ok(())
    }

    /// Takes in what was complete when the daemon ended.
    fn resume(&self, dir: &Arc<Node>, depth: usize) {
        let Ok(entries) = self.list(dir) else { return };
        for entry in entries {
            let Ok(node) = self.find(dir, &entry.name) else { continue };
            match entry.kind {
                fuser::FileType::Directory if depth < DEEPEST => self.resume(&node, depth + 1),
                fuser::FileType::RegularFile if node.is_complete() => self.later(&node),
                fuser::FileType::RegularFile if !is_temporary(&entry.name) => {
                    node.set_reason(Some("it was not written to its end: copy it again, or remove it"));
                }
                _ => {}
            }
            self.nodes().let_go(&node);
        }
    }

    fn later(&self, node: &Arc<Node>) {
        if let Err(error) = self.take_in(node, node.has_written()) {
            tracing::warn!(%error, "a file in inbox/ cannot be taken in");
        }
        self.nodes().let_go(node);
    }

    /// Takes away names whose time is over, and the directories that are empty without them.
    fn tidy(&self, now: Instant) {
        let gone = self.nodes().long_gone(now);
        self.tree.told.tell(gone.iter().filter_map(|gone| self.told_of(gone)).collect());
        let dirs = self.nodes().over(now);
        for mut dir in dirs {
            while let Some((above, name)) = dir.place() {
                let name = std::ffi::OsStr::from_bytes(&name);
                // Let go of before the disk is waited for.
                let is_over = !self.nodes().has_aliases(&dir);
                let removed = |fd: Arc<OwnedFd>| rustix::fs::unlinkat(fd, name, AtFlags::REMOVEDIR).is_ok();
                if !(is_over && above.fd().is_ok_and(removed)) {
                    break;
                }
                dir = above;
            }
        }
    }
}

impl Inbox {
    /// What is told of a name that is gone, unless there is something under it again.
    fn told_of(&self, gone: &Gone) -> Option<DirOfChanges> {
        // Asked of the disk: of ten thousand that were taken in together, each would be looked for among as many nodes.
        if gone.dir.fd().is_ok_and(|dir| hold(dir.as_fd(), &gone.name).is_ok()) {
            return None;
        }
        let (dir, path) = match gone.dir.of_tree() {
            Some(dir) if self.tree.has_name(dir, &gone.name) => return None,
            Some(dir) => (dir, self.tree.dir(dir).ok()?),
            None => self.path_of(&gone.dir)?,
        };
        let vanished = vec![Changed { name: gone.name.clone(), is_dir: false, ino: Some(gone.ino) }];
        Some((dir, path, DirChanges { vanished, ..DirChanges::default() }))
    }

    /// The number by which the kernel knows a directory of the inbox, and its path.
    fn path_of(&self, dir: &Arc<Node>) -> Option<(u64, DirPath)> {
        let mut names = Vec::new();
        let mut at = Arc::clone(dir);
        while !Arc::ptr_eq(&at, &self.root) {
            let (above, name) = at.place()?;
            names.push(name);
            at = above;
        }
        let top = self.tree.dir(INBOX).ok()?;
        let path = names.iter().rev().fold(top, |path, name| path.join(name));
        Some((if names.is_empty() { INBOX } else { dir.ino() }, path))
    }
}

/// The thread that takes in what nobody waits for. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Worker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start(inbox: Arc<Inbox>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread =
            std::thread::Builder::new().name("fs-inbox".into()).spawn(move || work(&inbox, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the inbox panicked");
        }
    }
}

fn work(inbox: &Inbox, stopped: &Receiver<()>) {
    let root = inbox.root();
    inbox.resume(&root, 0);
    loop {
        select! {
            recv(stopped) -> _ => return,
            recv(inbox.arrived) -> node => match node {
                Ok(node) => inbox.later(&node),
                Err(_) => return,
            },
            default(TIDIED) => {}
        }
        inbox.tidy(Instant::now());
    }
}

impl Inbox {
    /// `fsyncdir`.
    pub(crate) fn sync_dir(&self, dir: &Node) -> Result<(), FsError> {
        let open = open_dir(dir)?;
        rustix::fs::fsync(open).map_err(|error| FsError::Source(SourceError::Io(error.into())))
    }
}
