//! What goes wrong with a model, and with a run of it.

use std::path::PathBuf;

use thiserror::Error;

/// Why a model cannot be used. It names the file, so that whoever reads it knows what to pull again.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A file of the model is missing or cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A configuration file says what it cannot.
    #[error("{}: {reason}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// ONNX Runtime does not take the graph: truncated, no ONNX at all, or operators it does not know.
    #[error("{}: ONNX Runtime cannot load it: {reason}", path.display())]
    Graph {
        /// The file.
        path: PathBuf,
        /// What ONNX Runtime says.
        reason: String,
    },
    /// A good graph, but not of this kind: a text tower in the place of an image tower, say.
    #[error("{}: this is no {expected}: {reason}", path.display())]
    Interface {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
        /// What is different.
        reason: String,
    },
}

/// Why pictures or texts got no answer.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// The model could not be loaded (again).
    #[error(transparent)]
    Model(#[from] ModelError),
    /// ONNX Runtime refused the run.
    #[error("inference failed: {reason}")]
    Run {
        /// What ONNX Runtime says.
        reason: String,
    },
    /// The model answered with something it should not: other shapes than it declares, or numbers that are none.
    #[error("the model's answer makes no sense: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// The worker is gone: the program is ending.
    #[error("the model is being put away")]
    Stopped,
    /// No server answered, and there is no model here to fall back to.
    #[error("no inference server answered: {reason}")]
    Remote {
        /// What each said.
        reason: String,
    },
}
