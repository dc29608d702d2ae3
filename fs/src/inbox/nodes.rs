//! What the kernel holds of the inbox, and the names that lead to what was taken in.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::node::Node;
use super::{MARK, NUMBERS};

/// How long a file that was taken in is still found under its name here.
const LATELY: Duration = Duration::from_secs(60);

/// How long whoever copied a file looks at it.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// A name that leads to a file which does not stand here any more.
#[derive(Debug)]
pub(super) struct Alias {
    node: Arc<Node>,
    until: Instant,
}

/// A name that somebody saw, and under which nothing stands any more.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) dir: Arc<Node>,
    pub(super) name: Box<[u8]>,
    /// The inode number of what stood there.
    pub(super) ino: u64,
    since: Instant,
}

/// A node, and how many times the kernel was told of it.
#[derive(Debug)]
pub(super) struct Held {
    node: Arc<Node>,
    real: u64,
    lookups: u64,
}

/// Which node this is, of a directory.
fn key(dir: &Arc<Node>, name: &[u8]) -> (u64, Box<[u8]>) {
    (dir.ino(), name.into())
}

/// All nodes the kernel knows.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_ino: HashMap<u64, Held>,
    /// By the inode number on the disk.
    by_real: HashMap<u64, u64>,
    aliases: HashMap<(u64, Box<[u8]>), Alias>,
    /// Names that whoever watches has not been told to be gone.
    gone: Vec<Gone>,
}

impl Nodes {
    pub(super) fn get(&self, ino: u64) -> Option<Arc<Node>> {
        self.by_ino.get(&ino).map(|held| Arc::clone(&held.node))
    }

    /// The node of what `fd` holds, which has this inode number on the disk and is called `name` in `dir`.
    pub(super) fn of(&mut self, (fd, real): (OwnedFd, u64), dir: &Arc<Node>, name: &[u8]) -> Arc<Node> {
        if let Some(node) = self.by_real.get(&real).and_then(|ino| self.get(*ino)) {
            node.has_name(dir, name);
            return node;
        }
        let mut ino = MARK | (real & (NUMBERS - 1));
        while self.by_ino.contains_key(&ino) || ino == MARK {
            // Somebody else has the number: its file was another once.
            ino = MARK | (ino.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) & (NUMBERS - 1));
        }
        let node = Arc::new(Node::new(ino, fd));
        node.has_name(dir, name);
        self.by_real.insert(real, ino);
        self.by_ino.insert(ino, Held { node: Arc::clone(&node), real, lookups: 0 });
        node
    }

    /// The kernel was told of a node so many times more.
    pub(super) fn count(&mut self, node: &Arc<Node>, times: u64) {
        if let Some(held) = self.by_ino.get_mut(&node.ino()) {
            held.lookups += times;
        }
    }

    /// Lets go of a node that was only looked at here.
    pub(super) fn let_go(&mut self, node: &Arc<Node>) {
        self.sweep(node.ino());
    }

    pub(super) fn forget(&mut self, ino: u64, count: u64) {
        let Some(held) = self.by_ino.get_mut(&ino) else { return };
        held.lookups = held.lookups.saturating_sub(count);
        self.sweep(ino);
    }

    /// Lets go of a node that nobody knows.
    fn sweep(&mut self, ino: u64) {
        let Some(held) = self.by_ino.get(&ino) else { return };
        let is_alias = || self.aliases.values().any(|alias| alias.node.ino() == ino);
        // The kernel may forget a file before it says that it is closed.
        let is_copy = held.node.copied.size().is_some();
        let is_busy =
            held.node.writers() > 0 || held.node.is_known() || is_copy && held.node.place().is_some();
        if held.lookups == 0 && !is_busy && !is_alias() {
            let real = held.real;
            self.by_ino.remove(&ino);
            if self.by_real.get(&real) == Some(&ino) {
                self.by_real.remove(&real);
            }
        }
    }

    /// What was taken in, and is still called so here.
    pub(super) fn alias(&self, dir: &Arc<Node>, name: &[u8]) -> Option<Arc<Node>> {
        self.aliases.get(&key(dir, name)).map(|alias| Arc::clone(&alias.node))
    }

    /// What the kernel knows to be called so.
    pub(super) fn placed(&self, dir: &Arc<Node>, name: &[u8]) -> Option<Arc<Node>> {
        let is_placed = |node: &Arc<Node>| {
            node.place().is_some_and(|(at, called)| Arc::ptr_eq(&at, dir) && *called == *name)
        };
        self.alias(dir, name)
            .or_else(|| self.by_ino.values().map(|held| &held.node).find(|node| is_placed(node)).cloned())
    }

    pub(super) fn add_alias(&mut self, dir: &Arc<Node>, name: &[u8], node: &Arc<Node>) {
        let alias = Alias { node: Arc::clone(node), until: Instant::now() + LATELY };
        self.aliases.insert(key(dir, name), alias);
    }

    /// A name leads no more to what was taken in, which is not what was called so last either.
    pub(super) fn drop_alias(&mut self, dir: &Arc<Node>, name: &[u8]) -> bool {
        let alias = self.aliases.remove(&key(dir, name));
        if let Some(alias) = &alias {
            alias.node.lost_name(dir, name);
            self.sweep(alias.node.ino());
        }
        alias.is_some()
    }

    pub(super) fn move_alias(
        &mut self,
        (dir, name): (&Arc<Node>, &[u8]),
        (new_dir, new_name): (&Arc<Node>, &[u8]),
    ) -> bool {
        let Some(alias) = self.aliases.remove(&key(dir, name)) else { return false };
        alias.node.has_name(new_dir, new_name);
        self.aliases.insert(key(new_dir, new_name), alias);
        true
    }

    pub(super) fn has_aliases(&self, dir: &Arc<Node>) -> bool {
        self.aliases.keys().any(|(at, _)| *at == dir.ino())
    }

    pub(super) fn aliases_in(&self, dir: &Arc<Node>) -> Vec<(Box<[u8]>, Arc<Node>)> {
        let here = self.aliases.iter().filter(|((at, _), _)| *at == dir.ino());
        here.map(|((_, name), alias)| (name.clone(), Arc::clone(&alias.node))).collect()
    }

    /// Under a name nothing stands any more.
    pub(super) fn is_gone(&mut self, dir: &Arc<Node>, name: &[u8], ino: u64) {
        self.gone.push(Gone { dir: Arc::clone(dir), name: name.into(), ino, since: Instant::now() });
    }

    /// The names that are gone long enough by `now`: copiers look at them for a moment, and have those who watch look as well.
    pub(super) fn long_gone(&mut self, now: Instant) -> Vec<Gone> {
        self.gone.extract_if(.., |gone| now.duration_since(gone.since) >= LOOKED_AT).collect()
    }

    /// The names whose time is over by `now`, with their directories.
    pub(super) fn over(&mut self, now: Instant) -> Vec<Arc<Node>> {
        let over: Vec<_> =
            self.aliases.iter().filter(|(_, alias)| alias.until <= now).map(|(key, _)| key.clone()).collect();
        over.into_iter()
            .filter_map(|key| {
                let Alias { node, .. } = self.aliases.remove(&key)?;
                let dir = node.place().map(|(dir, _)| dir);
                if let Some(dir) = &dir {
                    dir.ends(&key.1);
                }
                if let Some(dir) = dir.as_ref().filter(|dir| dir.ino() == key.0) {
                    // Somebody may have looked since it was told.
                    self.is_gone(dir, &key.1, node.ino());
                }
                self.sweep(node.ino());
                self.retire(&node);
                dir
            })
            .collect()
    }

    /// Closes what holds a node that stands elsewhere by now and that nobody uses, while the kernel remembers it: it remembers
    /// thousands, for as long as it has memory.
    fn retire(&mut self, node: &Arc<Node>) {
        // One in the table, and the one that is asked about.
        if Arc::strong_count(node) > 2 {
            return;
        }
        if let Some(held) = self.by_ino.get(&node.ino())
            && self.by_real.get(&held.real) == Some(&node.ino())
        {
            self.by_real.remove(&held.real);
        }
        node.retire();
    }

    /// A node is another file from now on, which has its name.
    pub(super) fn part(
        &mut self,
        node: &Arc<Node>,
        (fd, real): (OwnedFd, u64),
        (dir, name): (&Arc<Node>, &[u8]),
    ) {
        if let Some(held) = self.by_ino.get_mut(&node.ino()) {
            self.by_real.remove(&held.real);
            held.real = real;
            self.by_real.insert(real, node.ino());
        }
        node.replace_fd(fd);
        node.set_taken_in(false);
        self.aliases.remove(&key(dir, name));
    }
}
