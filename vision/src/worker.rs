//! One thread a model, with a bounded queue before it.
//!
//! What makes it hard:
//! 1. A session may not be used by two threads at once, and takes a batch far better than one after the other. So one
//!    thread owns it, and takes from its queue whatever has gathered, up to a batch.
//! 2. Whoever prepares inputs is faster than the model. The queue is bounded: they wait.
//! 3. A model takes hundreds of megabytes and is needed for minutes a day. The session is dropped when nothing came for
//!    a while, and what the allocator keeps is given back; the next input opens it again.
//! 4. One bad input must not fail those that happened to be in its batch: a failed batch is run again one by one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::error::{InferenceError, ModelError};

/// A model as its worker sees it.
pub(crate) trait Model: Send + 'static {
    /// What lives while the model is loaded.
    type Session;
    /// What is asked.
    type Input: Send;
    /// What is answered.
    type Output: Send;

    /// Loads it. Called on the worker's thread, again after every pause.
    fn open(&self) -> Result<Self::Session, ModelError>;
    /// How many inputs at once.
    fn batch(&self) -> usize;
    /// Answers all, in order.
    fn run(
        &self,
        session: &mut Self::Session,
        inputs: &[Self::Input],
    ) -> Result<Vec<Self::Output>, InferenceError>;
}

struct Job<I, O> {
    input: I,
    reply: Sender<Result<O, InferenceError>>,
}

/// The model's worker. Dropping it ends the thread and puts the model away.
pub(crate) struct Worker<M: Model> {
    queue: Option<Sender<Job<M::Input, M::Output>>>,
    thread: Option<JoinHandle<()>>,
    loaded: Arc<AtomicBool>,
}

impl<M: Model> Worker<M> {
    /// Starts the thread. `session` was opened to learn the model's interface; it is used until the first pause.
    pub(crate) fn start(
        name: &str,
        model: M,
        session: M::Session,
        queue: usize,
        idle: Duration,
    ) -> std::io::Result<Self>
    where
        M::Session: Send + 'static,
    {
        let (sender, receiver) = bounded(queue.max(1));
        let loaded = Arc::new(AtomicBool::new(true));
        let seen = loaded.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(&model, session, &receiver, idle, &seen))?;
        Ok(Self { queue: Some(sender), thread: Some(thread), loaded })
    }

    /// Whether the model is in memory now.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// Asks for one answer and waits for it.
    pub(crate) fn ask(&self, input: M::Input) -> Result<M::Output, InferenceError> {
        self.ask_all([input])?.pop().ok_or(InferenceError::Stopped)
    }

    /// Asks for several answers at once and waits for all; the first error wins.
    pub(crate) fn ask_all(
        &self,
        inputs: impl IntoIterator<Item = M::Input>,
    ) -> Result<Vec<M::Output>, InferenceError> {
        let queue = self.queue.as_ref().ok_or(InferenceError::Stopped)?;
        let mut replies = Vec::new();
        for input in inputs {
            let (reply, answer) = bounded(1);
            queue.send(Job { input, reply }).map_err(|_| InferenceError::Stopped)?;
            replies.push(answer);
        }
        replies.into_iter().map(|answer| answer.recv().unwrap_or(Err(InferenceError::Stopped))).collect()
    }
}

impl<M: Model> Drop for Worker<M> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a model's thread panicked");
        }
    }
}

fn serve<M: Model>(
    model: &M,
    session: M::Session,
    queue: &Receiver<Job<M::Input, M::Output>>,
    idle: Duration,
    loaded: &AtomicBool,
) {
    let mut session = Some(session);
    loop {
        let first = if session.is_some() {
            match queue.recv_timeout(idle) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    session = None;
                    give_memory_back();
                    loaded.store(false, Ordering::Release);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        } else {
            let Ok(job) = queue.recv() else { break };
            job
        };
        let mut jobs = vec![first];
        while jobs.len() < model.batch()
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        // A panic in a binding leaves a session nobody can vouch for: it is opened again.
        let outcome =
            std::panic::catch_unwind(AssertUnwindSafe(|| answer(model, &mut session, jobs, loaded)));
        if outcome.is_err() {
            session = None;
        }
        loaded.store(session.is_some(), Ordering::Release);
    }
    drop(session);
    give_memory_back();
}

fn answer<M: Model>(
    model: &M,
    session: &mut Option<M::Session>,
    jobs: Vec<Job<M::Input, M::Output>>,
    loaded: &AtomicBool,
) {
    let session = match session {
        Some(session) => session,
        None => match model.open() {
            Ok(opened) => {
                // Told before the answers are: who has one finds the model loaded.
                loaded.store(true, Ordering::Release);
                session.insert(opened)
            }
            Err(error) => {
                let reason = error.to_string();
                let mut error = Some(error);
                for job in jobs {
                    let answer = error.take().map_or_else(
                        || InferenceError::Run { reason: reason.clone() },
                        InferenceError::Model,
                    );
                    let _ = job.reply.send(Err(answer));
                }
                return;
            }
        },
    };
    let (inputs, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.input, job.reply)).unzip();
    match model.run(session, &inputs) {
        Ok(answers) if answers.len() == inputs.len() => {
            for (reply, answer) in replies.iter().zip(answers) {
                let _ = reply.send(Ok(answer));
            }
        }
        Ok(answers) => {
            for reply in replies {
                let reason = format!("{} went in, {} came out", inputs.len(), answers.len());
                let _ = reply.send(Err(InferenceError::Answer { reason }));
            }
        }
        Err(error) if inputs.len() == 1 => {
            for reply in replies {
                let reason = error.to_string();
                let _ = reply.send(Err(InferenceError::Run { reason }));
            }
        }
        Err(error) => {
            tracing::warn!(%error, inputs = inputs.len(), "a batch failed: each is tried by itself");
            for (input, reply) in inputs.iter().zip(replies) {
                let answer = model.run(session, std::slice::from_ref(input)).and_then(|mut answers| {
                    answers.pop().ok_or(InferenceError::Answer { reason: "nothing came out".to_owned() })
                });
                let _ = reply.send(answer);
            }
        }
    }
}

/// What was freed goes back to the system, which glibc's allocator does not do by itself.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes no pointers and may be called at any time from any thread.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Doubles numbers; refuses 13; panics at 666.
    struct Doubling {
        opened: Arc<Mutex<usize>>,
        batches: Arc<Mutex<Vec<usize>>>,
        gate: Receiver<()>,
    }

    impl Model for Doubling {
        type Session = ();
        type Input = u32;
        type Output = u32;

        fn open(&self) -> Result<(), ModelError> {
            *self.opened.lock().unwrap() += 1;
            Ok(())
        }

        fn batch(&self) -> usize {
            4
        }

        fn run(&self, (): &mut (), inputs: &[u32]) -> Result<Vec<u32>, InferenceError> {
            self.batches.lock().unwrap().push(inputs.len());
            let _ = self.gate.recv();
            assert!(!inputs.contains(&666), "the number of the beast");
            if inputs.contains(&13) {
                return Err(InferenceError::Run { reason: "unlucky".to_owned() });
            }
            Ok(inputs.iter().map(|input| input * 2).collect())
        }
    }

    type Seen<T> = Arc<Mutex<T>>;

    fn worker(idle: Duration, gate: Receiver<()>) -> (Worker<Doubling>, Seen<usize>, Seen<Vec<usize>>) {
        let (opened, batches) = (Seen::default(), Seen::default());
        let model = Doubling { opened: opened.clone(), batches: batches.clone(), gate };
        (Worker::start("doubling", model, (), 64, idle).unwrap(), opened, batches)
    }

    /// A gate that is open: its other end is gone.
    fn open_gate() -> Receiver<()> {
        bounded(0).1
    }

    #[test]
    fn what_gathers_is_run_as_one_batch() {
        let (go, gate) = bounded(100);
        let (worker, _, batches) = worker(Duration::from_secs(60), gate);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| worker.ask(1).unwrap());
            while batches.lock().unwrap().is_empty() {
                std::thread::yield_now();
            }
            // While the first is run, eight gather.
            let rest = scope.spawn(|| worker.ask_all(2..10).unwrap());
            while worker.queue.as_ref().unwrap().len() < 8 {
                std::thread::yield_now();
            }
            drop(go);
            assert_eq!(first.join().unwrap(), 2);
            assert_eq!(rest.join().unwrap(), (2..10).map(|one| one * 2).collect::<Vec<_>>());
        });
        assert_eq!(*batches.lock().unwrap(), [1, 4, 4]);
    }

    #[test]
    fn a_bad_input_fails_alone() {
        let (worker, ..) = worker(Duration::from_secs(60), open_gate());
        std::thread::scope(|scope| {
            let others: Vec<_> = (100..120)
                .map(|one| {
                    scope.spawn({
                        let worker = &worker;
                        move || worker.ask(one).unwrap()
                    })
                })
                .collect();
            assert!(worker.ask(13).is_err());
            for other in others {
                other.join().unwrap();
            }
        });
    }

    #[test]
    fn a_panic_costs_its_batch_and_no_more() {
        let (worker, opened, _) = worker(Duration::from_secs(60), open_gate());
        assert!(matches!(worker.ask(666), Err(InferenceError::Stopped)));
        assert_eq!(worker.ask(2).unwrap(), 4);
        assert_eq!(*opened.lock().unwrap(), 1, "the session is a new one");
    }

    #[test]
    fn an_idle_model_is_put_away_and_comes_back() {
        let (worker, opened, _) = worker(Duration::from_millis(1), open_gate());
        while worker.is_loaded() {
            std::thread::yield_now();
        }
        assert_eq!(*opened.lock().unwrap(), 0);
        assert_eq!(worker.ask(4).unwrap(), 8);
        assert_eq!(*opened.lock().unwrap(), 1);
    }
}
