//! Why and when the daemon ends: asked by a signal, by `galleryfs unmount`, or because its mount was taken away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Who wants it to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// This signal.
    Signal(i32),
    /// `galleryfs unmount`.
    Requested,
    /// Somebody else unmounted it.
    Unmounted,
}

/// The switch, shared by everybody who may end the daemon.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    sender: Sender<Cause>,
    receiver: Receiver<Cause>,
}

impl Default for Stop {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { asked: Arc::default(), sender, receiver }
    }
}

impl Stop {
    /// Asks the daemon to end.
    pub fn ask(&self, cause: Cause) {
        self.asked.store(true, Ordering::Relaxed);
        // The receiver lives as long as any switch.
        let _ = self.sender.send(cause);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits for somebody to ask, but no longer than `patience`.
    pub fn wait(&self, patience: Duration) -> Option<Cause> {
        self.receiver.recv_timeout(patience).ok()
    }

    /// From now on SIGTERM, SIGINT and SIGHUP ask; the second of them calls `force` and ends the process at once.
    pub fn on_signals(&self, force: impl Fn() + Send + 'static) -> Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let stop = self.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in &mut signals {
                if stop.is_asked() {
                    force();
                    std::process::exit(128 + signal);
                }
                stop.ask(Cause::Signal(signal));
            }
        })?;
        Ok(())
    }
}
