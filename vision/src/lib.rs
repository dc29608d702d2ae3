//! Pixels in, meaning out: faces, and embeddings of pictures and texts.
//!
//! [`runtime`] finds ONNX Runtime, checks it and proves its providers; [`models`] knows where models lie and fetches
//! them; [`clip`] turns pictures and words into embeddings that can be compared, [`faces`] finds faces and tells them
//! apart; [`remote`] has another machine do it. Decoding files is not done here: everything begins with [`Pixels`].

pub mod clip;
pub mod download;
pub mod engine;
mod error;
pub mod faces;
pub mod models;
mod pixels;
pub mod provider;
pub mod remote;
mod resample;
pub mod runtime;
mod session;
mod worker;

pub use engine::{Engine, EngineOptions};
pub use error::{InferenceError, ModelError};
pub use library::Embedding;
pub use pixels::{Pixels, PixelsError};
