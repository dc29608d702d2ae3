//! A child process that touches a library first, so that whatever it does it does not do to us.
//!
//! The child is the same program started again with hidden arguments, and runs [`probe_main`]: a question as JSON on
//! its standard input, an answer as one marked line of JSON on its standard output.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::child::{self, Ended};
use super::load;
use super::proof;
use super::version::Version;
use crate::provider::Provider;

/// What marks the answer among whatever else a library prints.
const MARK: &str = "galleryfs-probe: ";
/// No question and no answer is longer.
const MAX_LENGTH: u64 = 64 << 10;

/// How to start the child.
#[derive(Clone, Debug)]
pub struct Prober {
    program: PathBuf,
    arguments: Vec<OsString>,
    patience: Patience,
}

/// How long a child may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To load a library and say its version.
    pub check: Duration,
    /// To run a model on the processor and on a provider: OpenVINO compiles for a minute, CUDA loads gigabytes.
    pub proof: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { check: Duration::from_secs(20), proof: Duration::from_secs(180) }
    }
}

/// Why a library or a provider will not do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// It says so itself.
    #[error("{0}")]
    Failed(String),
    /// It took the child down with it.
    #[error("it crashed: {0}")]
    Crashed(String),
    /// It did not come back.
    #[error("it hung: no answer after {} s", .0.as_secs_f32())]
    Hung(Duration),
    /// The child could not be started.
    #[error("it could not be checked: {0}")]
    Unchecked(String),
}

/// What the child is asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Question {
    Check { library: PathBuf },
    Prove { library: PathBuf, model: Option<PathBuf>, provider: Provider },
}

/// What it answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Version(Version),
    Cosine(f32),
    Failed(String),
}

impl Prober {
    /// A child is `program` with `arguments`, which must run [`probe_main`] and nothing else.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            patience: Patience::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// What version of ONNX Runtime `library` is.
    pub fn check(&self, library: &Path) -> Result<Version, Rejection> {
        match self.ask(&Question::Check { library: library.to_owned() }, self.patience.check)? {
            Answer::Version(version) => Ok(version),
            Answer::Failed(reason) => Err(Rejection::Failed(reason)),
            Answer::Cosine(_) => Err(Rejection::Failed("it answered another question".to_owned())),
        }
    }

    /// Runs `model` (or a small one that comes with the program) on the processor and on `provider`, and gives the
    /// cosine between what came out.
    pub fn prove(&self, library: &Path, model: Option<&Path>, provider: Provider) -> Result<f32, Rejection> {
        let question =
            Question::Prove { library: library.to_owned(), model: model.map(Path::to_owned), provider };
        match self.ask(&question, self.patience.proof)? {
            Answer::Cosine(cosine) => Ok(cosine),
            Answer::Failed(reason) => Err(Rejection::Failed(reason)),
            Answer::Version(_) => Err(Rejection::Failed("it answered another question".to_owned())),
        }
    }

    fn ask(&self, question: &Question, patience: Duration) -> Result<Answer, Rejection> {
        let question =
            serde_json::to_vec(question).map_err(|error| Rejection::Unchecked(error.to_string()))?;
        let ended = child::run(&self.program, &self.arguments, &question, patience, MAX_LENGTH)
            .map_err(|error| Rejection::Unchecked(format!("{}: {error}", self.program.display())))?;
        match ended {
            Ended::TimedOut => Err(Rejection::Hung(patience)),
            Ended::Exited { status, output, complaint } => {
                let answer = output
                    .lines()
                    .filter_map(|line| line.strip_prefix(MARK))
                    .find_map(|line| serde_json::from_str(line).ok());
                answer.ok_or_else(|| {
                    let last =
                        complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                    Rejection::Crashed(if last.is_empty() { status } else { format!("{status}; {last}") })
                })
            }
        }
    }
}

/// The child: answers the question on its standard input. The program's `main` must call this, before anything else,
/// where it is started with the arguments given to [`Prober::new`].
pub fn probe_main() -> ExitCode {
    let mut question = Vec::new();
    let read = std::io::stdin().take(MAX_LENGTH).read_to_end(&mut question);
    let answer = match read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_slice(&question).map_err(|error| error.to_string()))
    {
        Ok(Question::Check { library }) => load::check(&library).map(Answer::Version),
        Ok(Question::Prove { library, model, provider }) => {
            proof::prove(&library, model.as_deref(), provider).map(Answer::Cosine)
        }
        Err(reason) => Err(reason),
    };
    let answer = answer.unwrap_or_else(Answer::Failed);
    // What libraries print into the middle of a line must not spoil ours.
    let line = serde_json::to_string(&answer).map(|answer| format!("\n{MARK}{answer}\n")).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    // Libraries that crash while they are unloaded have answered all the same.
    std::process::exit(0);
}
