//! ONNX Runtime: a library of other people's, found on the user's machine and trusted step by step.
//!
//! What makes it hard:
//! 1. It may lie in a dozen places, or nowhere. [`search`] names them in order; [`pull`] fetches one.
//! 2. What lies there may be too old, of another machine, broken, or hang when it is loaded; and `ort` panics where it
//!    cannot load. So a child process loads each candidate first ([`probe`]), with a limit on its time, and only what
//!    passed is loaded here ([`load`]).
//! 3. A provider (CUDA, OpenVINO) may be compiled in and still fail, crash, or compute nonsense. Each is proved in a
//!    child too, by an inference that must agree with the processor's ([`proof`]).
//! 4. One process can load one runtime, once: [`load`] keeps it for good.

mod agreement;
mod child;
pub mod load;
pub mod nvidia;
pub mod probe;
pub mod proof;
pub mod pull;
pub mod search;
mod version;

pub use load::{LoadError, Runtime};
pub use probe::{Prober, Rejection, probe_main};
pub use search::{Candidate, Found, NotFound, Origin, Search, find};
pub use version::Version;

use crate::provider::Provider;

/// Which build of ONNX Runtime serves this machine best: CUDA's where NVIDIA's driver runs, else the plain one.
pub fn best_here() -> Provider {
    if nvidia::has_driver() { Provider::Cuda } else { Provider::Cpu }
}
