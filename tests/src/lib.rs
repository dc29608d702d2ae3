//! What the end-to-end tests share: a place to work in, the real program, photos made to measure.
//!
//! Nothing here knows galleryfs from within: it is started, asked with `--json`, looked at through its mount, and
//! killed, as a user and a power cut would.

// A test that cannot go on says so where it stands.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

pub mod disk;
pub mod folder;
pub mod http;
pub mod hub;
pub mod jpeg;
mod patience;
mod program;
mod random;
mod site;
mod stalling;
mod terminal;

pub use disk::Disk;
pub use folder::{Entry, differences, tree};
pub use jpeg::Jpeg;
pub use patience::{eventually, until};
pub use random::{Random, seed, soaks};
pub use site::{Answer, Daemon, Site};
pub use stalling::{Stalled, StallingDisk};
pub use terminal::Terminal;
