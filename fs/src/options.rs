//! How a mount behaves.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// Whether reads are handed to the kernel, which then reads the original itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passthrough {
    /// Where the kernel allows it.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Whether extended attributes are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Xattrs {
    /// `user.*` is.
    #[default]
    User,
    /// None is, and the kernel stops asking, which makes long listings several times faster.
    Off,
}

/// Whether parts (a live photo's video, sidecars) stand beside their photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Parts {
    /// In every view.
    #[default]
    Shown,
    /// Only in `folders/`, which shows the disk as it is.
    Hidden,
}

/// How a mount behaves.
#[derive(Clone)]
pub struct Options {
    /// Whether other users than the mounting one may look in. A normal user needs `user_allow_other` in
    /// `/etc/fuse.conf` for it.
    pub allow_other: bool,
    /// Who reads the originals: the kernel, or we.
    pub passthrough: Passthrough,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// Parts beside their photo.
    pub parts: Parts,
    /// Whether file managers that watch a folder are told what changes in it.
    pub announce: bool,
    /// Threads that answer the kernel.
    pub threads: usize,
    /// What day it is.
    pub clock: Arc<dyn Clock>,
    /// How often the clock is looked at, for a day that changes by more than the passing of time.
    pub tick: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_other: false,
            passthrough: Passthrough::default(),
            xattrs: Xattrs::default(),
            parts: Parts::default(),
            announce: true,
            threads: std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)),
            clock: Arc::new(SystemClock),
            tick: Duration::from_secs(20),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("allow_other", &self.allow_other)
            .field("passthrough", &self.passthrough)
            .field("xattrs", &self.xattrs)
            .field("parts", &self.parts)
            .field("announce", &self.announce)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
