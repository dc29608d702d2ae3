//! Faults for tests: the process stops at a chosen step, or one step fails.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

#[derive(Debug)]
pub(super) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Steps that still succeed.
    left: u64,
    /// Steps after those that fail, `u64::MAX` for a crash.
    failing: u64,
    /// Only steps of this name count.
    only: Option<&'static str>,
    /// A step that fails once, after the others.
    also: Option<&'static str>,
    errno: i32,
    /// How much of a torn write arrives, in 256ths.
    tear: u8,
    taken: u64,
    synced: HashMap<u64, u64>,
    /// How long the disk takes, so that threads meet.
    slow: std::time::Duration,
}

impl Faults {
    fn new(left: u64, failing: u64, only: Option<&'static str>, errno: i32, tear: u8) -> Self {
        let synced = HashMap::new();
        Self {
            state: Mutex::new(State {
                left,
                failing,
                only,
                also: None,
                errno,
                tear,
                taken: 0,
                synced,
                slow: std::time::Duration::ZERO,
            }),
        }
    }

    /// Nothing reaches the disk any more once `left` steps have.
    pub(super) fn crash(left: u64, tear: u8) -> Self {
        Self::new(left, u64::MAX, None, libc::EIO, tear)
    }

    /// `count` steps called `only` fail after `left` that succeed.
    pub(super) fn fail(only: &'static str, left: u64, count: u64, errno: i32) -> Self {
        Self::new(left, count, Some(only), errno, 200)
    }

    /// The next step called `what` fails too.
    pub(super) fn fail_also(&self, what: &'static str) {
        self.state.lock().unwrap().also = Some(what);
    }

    /// Steps taken in all.
    pub(super) fn taken(&self) -> u64 {
        self.state.lock().unwrap().taken
    }

    /// Whether the crash has come.
    pub(super) fn crashed(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.failing == u64::MAX && state.left == 0
    }

    /// Crashes `left` steps from now.
    pub(super) fn rearm(&self, left: u64, tear: u8) {
        let mut state = self.state.lock().unwrap();
        (state.left, state.failing, state.tear) = (left, u64::MAX, tear);
    }

    pub(super) fn step(&self, what: &'static str, bytes: usize) -> Result<(), (usize, io::Error)> {
        let mut state = self.state.lock().unwrap();
        if state.also == Some(what) {
            state.also = None;
            return Err((0, io::Error::from_raw_os_error(state.errno)));
        }
        if state.only.is_some_and(|only| only != what) {
            return Ok(());
        }
        if state.left > 0 {
            state.left -= 1;
            state.taken += 1;
            return Ok(());
        }
        if state.failing == 0 {
            return Ok(());
        }
        // After a crash nothing more happens; the write that it met is torn.
        let part =
            if what == "write" { bytes * usize::from(std::mem::take(&mut state.tear)) / 256 } else { 0 };
        if state.failing != u64::MAX {
            state.failing -= 1;
            state.tear = 200;
        }
        Err((part, io::Error::from_raw_os_error(state.errno)))
    }

    /// From now on the disk takes so long.
    pub(super) fn slow(&self, by: std::time::Duration) {
        self.state.lock().unwrap().slow = by;
    }

    /// Remembers what would survive a power cut.
    pub(super) fn synced(&self, file: &File) -> io::Result<()> {
        let slow = self.state.lock().unwrap().slow;
        std::thread::sleep(slow);
        let meta = file.metadata()?;
        self.state.lock().unwrap().synced.insert(meta.ino(), meta.len());
        Ok(())
    }

    /// How much of a file would survive a power cut for certain; `None` for one that was never synced.
    pub(super) fn durable_len(&self, file: &File) -> Option<u64> {
        let ino = file.metadata().ok()?.ino();
        self.state.lock().unwrap().synced.get(&ino).copied()
    }
}
