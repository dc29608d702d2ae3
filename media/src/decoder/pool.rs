//! The daemon's side: a few decoders, started when needed, each with one file at a time.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::confine::MEMORY_VARIABLE;
use super::protocol::{self, Hello, Order};
use super::{DecodeError, Derived, Request};
use crate::pixels::budget;

/// How long a decoder without work is kept.
const IDLE: Duration = Duration::from_secs(60);

/// How long a decoder may take to say that it is there.
const START: Duration = Duration::from_secs(20);

/// What one file may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// From the request to the answer.
    pub time: Duration,
    /// Address space of a decoder, and of ffmpeg beside it, in bytes.
    pub memory: u64,
}

impl Default for Limits {
    /// A minute, and 2 GiB: the address space holds much that never becomes memory.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 2 << 30 }
    }
}

/// A bounded number of decoders. Share it between threads: each call takes one of them for as long as it lasts.
#[derive(Debug)]
pub struct Decoders {
    start: Sender<SyncSender<io::Result<Worker>>>,
    limits: Limits,
    busy: Mutex<usize>,
    freed: Condvar,
    /// Held by the one file that takes more memory than others.
    large: Mutex<()>,
    count: NonZeroUsize,
    idle: Arc<Mutex<Vec<(Worker, Instant)>>>,
}

impl Decoders {
    /// At most `count` decoders, each started as `program` with `args`, which must come to [`super::serve()`]. None is
    /// started yet.
    pub fn new(program: PathBuf, args: Vec<OsString>, count: NonZeroUsize) -> Self {
        Self::with_limits(program, args, count, Limits::default())
    }

    /// Like [`Decoders::new`], with other limits.
    pub fn with_limits(program: PathBuf, args: Vec<OsString>, count: NonZeroUsize, limits: Limits) -> Self {
        let idle = Arc::new(Mutex::new(Vec::new()));
        let (start, wanted) = mpsc::channel();
        let starter = Starter { program, args, memory: limits.memory, idle: Arc::clone(&idle) };
        // Children die with the thread that started them; this one lives as long as the sender.
        let started = thread::Builder::new().name("decoders".to_owned()).spawn(move || starter.run(&wanted));
        if let Err(error) = started {
            tracing::error!("no thread to start decoders from: {error}");
        }
        Self { start, limits, busy: Mutex::new(0), freed: Condvar::new(), large: Mutex::new(()), count, idle }
    }

    /// Makes of a file what is wanted. Waits for a free decoder, then at most as long as the limits say.
    ///
    /// A picture that takes much memory waits until it is the only one of its kind.
    pub fn derive(&self, file: &File, request: &Request) -> Result<Derived, DecodeError> {
        match self.derive_within(budget::USUAL_BYTES, file, request) {
            Err(DecodeError::NeedsRoom) => {
                let _alone = lock(&self.large);
                self.derive_within(budget::MOST_BYTES, file, request)
            }
            other => other,
        }
    }

    fn derive_within(&self, room: u64, file: &File, request: &Request) -> Result<Derived, DecodeError> {
        let _turn = Turn::take(self);
        let worker = self.worker()?;
        let order = Order { request: request.clone(), room };
        match worker.ask(file, &order, self.limits.time) {
            Ok(answer) => {
                lock(&self.idle).push((worker, Instant::now()));
                answer
            }
            // The worker is dropped, and with it whatever it still does.
            Err(Failure::TimedOut) => Err(DecodeError::TimedOut { seconds: self.limits.time.as_secs() }),
            Err(Failure::Gone(error)) => {
                Err(DecodeError::Crashed(worker.end().unwrap_or_else(|| error.to_string())))
            }
        }
    }

    /// How many decoder processes there are at the moment that have nothing to do.
    pub fn idle(&self) -> usize {
        lock(&self.idle).len()
    }

    fn worker(&self) -> Result<Worker, DecodeError> {
        let lately = lock(&self.idle).pop();
        // One that died while it had nothing to do is no fault of this file.
        if let Some((worker, _)) = lately
            && worker.waits()
        {
            return Ok(worker);
        }
        let lost = |words: &str| DecodeError::NoDecoder(words.to_owned());
        let (answer, started) = mpsc::sync_channel(1);
        self.start.send(answer).map_err(|_| lost("the thread that starts them is gone"))?;
        let started = started.recv().map_err(|_| lost("the thread that starts them is gone"))?;
        started.map_err(|error| DecodeError::NoDecoder(error.to_string()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to use a decoder.
struct Turn<'a>(&'a Decoders);

impl<'a> Turn<'a> {
    fn take(decoders: &'a Decoders) -> Self {
        let mut busy = lock(&decoders.busy);
        while *busy >= decoders.count.get() {
            busy = decoders.freed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        *busy += 1;
        Self(decoders)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) -= 1;
        self.0.freed.notify_one();
    }
}

/// Starts children, and ends those without work.
struct Starter {
    program: PathBuf,
    args: Vec<OsString>,
    memory: u64,
    idle: Arc<Mutex<Vec<(Worker, Instant)>>>,
}

impl Starter {
    fn run(&self, wanted: &mpsc::Receiver<SyncSender<io::Result<Worker>>>) {
        loop {
            match wanted.recv_timeout(IDLE / 4) {
                // Whoever asked may have given up; the child then ends with the answer.
                Ok(answer) => drop(answer.send(self.start())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let tired: Vec<_> =
                lock(&self.idle).extract_if(.., |(_, since)| since.elapsed() >= IDLE).collect();
            drop(tired);
        }
    }

    fn start(&self) -> io::Result<Worker> {
        let kind = SocketType::SEQPACKET;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // A decoder has one file and one core; others have the rest.
        command.env("RAYON_NUM_THREADS", "1").env("MALLOC_ARENA_MAX", "1");
        command.env(MEMORY_VARIABLE, self.memory.to_string());
        let child = command.process_group(0).spawn()?;
        // With it goes our copy of the child's end: only then is the child's end of it the end.
        drop(command);
        let worker = Worker { child, socket: ours };
        let hello = match worker.receive(START) {
            Ok((bytes, _)) => protocol::decode::<Hello>(&bytes)?,
            Err(Failure::TimedOut) => Err("it did not answer".to_owned()),
            Err(Failure::Gone(error)) => Err(worker.end().unwrap_or_else(|| error.to_string())),
        };
        hello.map(|()| worker).map_err(io::Error::other)
    }
}

/// Why a worker is of no more use.
enum Failure {
    TimedOut,
    Gone(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// One decoder process. Dropping it kills it and what it started.
#[derive(Debug)]
struct Worker {
    child: Child,
    socket: OwnedFd,
}

impl Worker {
    fn ask(
        &self,
        file: &File,
        order: &Order,
        time: Duration,
    ) -> Result<Result<Derived, DecodeError>, Failure> {
        protocol::send(self.socket.as_fd(), order, protocol::borrowed(file))?;
        let (bytes, payload) = self.receive(time)?;
        Ok(protocol::read_reply(&bytes, payload.map(File::from).as_ref())?)
    }

    fn receive(&self, time: Duration) -> Result<(Vec<u8>, Option<OwnedFd>), Failure> {
        if !self.speaks_within(time)? {
            return Err(Failure::TimedOut);
        }
        let (bytes, payload) = protocol::receive(self.socket.as_fd())?;
        if bytes.is_empty() {
            return Err(Failure::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok((bytes, payload))
    }

    fn speaks_within(&self, time: Duration) -> io::Result<bool> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&left)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether it is still there, with nothing to say: unasked words, or the end of them, are no good sign.
    fn waits(&self) -> bool {
        self.speaks_within(Duration::ZERO).is_ok_and(|speaks| !speaks)
    }

    /// How it ended, once it has: in words.
    fn end(&self) -> Option<String> {
        // Only looked at, not taken: until it is, its number is nobody else's and its group can be killed by it.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = self.pid()?;
        // Its socket is closed a moment before it can be waited for.
        for _ in 0..100 {
            if let Ok(Some(status)) = waitid(WaitId::Pid(pid), options) {
                return Some(match (status.terminating_signal(), status.exit_status()) {
                    (Some(signal), _) => format!("ended by signal {signal}"),
                    (None, Some(code)) => format!("ended with status {code}"),
                    _ => "ended".to_owned(),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // While it has not been waited for, its number is nobody else's.
        if let Some(pid) = self.pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
