//! Threads for what may wait: a disk, the search index.
//!
//! Pools for each root, so that a sleeping disk holds up only itself, and one for searches. The queue is bounded. The
//! kernel never has more requests waiting than there are processes waiting, so a queue that is full means that
//! something is stuck; the caller is then told to try again, and the threads that answer the kernel never wait.
//!
//! Who changes files of a root waits for more than its disk: for that of the upload folder, and for the library. So that
//! neither is waited for by those who only read, or only decide, there are pools of their own for that ([`Work`]).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Sender, bounded};
use library::RootId;

/// Requests a pool keeps waiting.
const DEPTH: usize = 4096;
/// Threads for one root: enough to keep a disk's queue filled, and for one slow file not to stop the others.
const DISK_THREADS: usize = 4;
/// Threads for searches, which take a core each.
const SEARCH_THREADS: usize = 2;

/// Whether a job's turn has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It has.
    Run,
    /// It never will: the queue is full. The job says so to whoever asked.
    Refused,
}

type Job = Box<dyn FnOnce(Turn) + Send>;

/// Threads that take jobs from one queue. They end with the last sender.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    fn new(name: &str, threads: usize) -> Self {
        let (jobs, queue) = bounded::<Job>(DEPTH);
        for number in 0..threads {
            let queue = queue.clone();
            let started = thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                for job in queue {
                    // The reply the job holds answers EIO when it is dropped.
                    if catch_unwind(AssertUnwindSafe(|| job(Turn::Run))).is_err() {
                        tracing::error!("a request panicked; it was answered with an I/O error");
                    }
                }
            });
            if let Err(error) = started {
                tracing::error!(%error, "cannot start a thread; requests will wait longer");
            }
        }
        Self { jobs }
    }

    /// Lets go of files that were released: to close them some disks are waited for.
    pub(crate) fn close(&self, files: impl Send + 'static) {
        self.submit(move |_| drop(files));
    }

    /// Queues a job, or refuses it at once.
    pub(crate) fn submit(&self, job: impl FnOnce(Turn) + Send + 'static) {
        if let Err(full) = self.jobs.try_send(Box::new(job)) {
            full.into_inner()(Turn::Refused);
        }
    }
}

/// What is done with the files of a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Work {
    /// They are opened and read.
    Read,
    /// Copies of them are written to, which lie in the upload folder.
    Edit,
    /// They are exchanged or removed, of which the library is told.
    Change,
}

/// All pools of a mount.
#[derive(Debug)]
pub(crate) struct Pools {
    searches: Pool,
    inbox: Pool,
    arrivals: Pool,
    roots: Mutex<HashMap<(Work, Option<RootId>), Pool>>,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            searches: Pool::new("fs-search", SEARCH_THREADS),
            inbox: Pool::new("fs-inbox", DISK_THREADS),
            arrivals: Pool::new("fs-arrive", DISK_THREADS),
            roots: Mutex::default(),
        }
    }
}

impl Pools {
    /// The pool that runs searches.
    pub(crate) fn searches(&self) -> &Pool {
        &self.searches
    }

    /// The pool for the files of the inbox.
    pub(crate) fn inbox(&self) -> &Pool {
        &self.inbox
    }

    /// The pool that takes files into the library, which takes long.
    pub(crate) fn arrivals(&self) -> &Pool {
        &self.arrivals
    }

    /// The pool for what lies in this root. `None`: the library's own files.
    pub(crate) fn disk(&self, root: Option<RootId>) -> Pool {
        self.of(Work::Read, root)
    }

    /// The pool for photos of this root that are open for writing.
    pub(crate) fn edits(&self, root: Option<RootId>) -> Pool {
        self.of(Work::Edit, root)
    }

    /// The pool that exchanges and removes files of this root, which takes long.
    pub(crate) fn changes(&self, root: Option<RootId>) -> Pool {
        self.of(Work::Change, root)
    }

    fn of(&self, work: Work, root: Option<RootId>) -> Pool {
        let name = match work {
            Work::Read => "fs-disk",
            Work::Edit => "fs-edit",
            Work::Change => "fs-change",
        };
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        roots.entry((work, root)).or_insert_with(|| Pool::new(name, DISK_THREADS)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_full_queue_refuses_and_a_panic_does_no_harm() {
        let pool = Pool::new("test", 1);
        let (done, seen) = crossbeam_channel::unbounded();
        let (gate, wait) = bounded::<()>(0);
        pool.submit(|_| panic!("on purpose"));
        pool.submit(move |_| {
            let _ = wait.recv();
        });
        for _ in 0..DEPTH + 10 {
            let done = done.clone();
            pool.submit(move |turn| {
                let _ = done.send(turn);
            });
        }
        assert_eq!(seen.recv_timeout(Duration::from_secs(5)), Ok(Turn::Refused));
        drop(gate);
        drop((pool, done));
        assert!(seen.iter().filter(|turn| *turn == Turn::Run).count() >= DEPTH - 2);
    }
}
