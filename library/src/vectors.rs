//! Embeddings on the disk: one file of slots for each kind of vector and model.
//!
//! What makes it hard, and what answers it:
//! 1. Embeddings are dear (minutes to hours of work), yet neither sled nor tantivy can keep or scan floats. So they have
//!    files of their own ([`mod@file`]), keyed by content and model alone: no row number is in them, and they outlive the
//!    catalogue.
//! 2. A crash, a full disk, a restored backup or a bad sector may leave any slot torn, older, moved or overwritten. A
//!    slot carries its own number, its model, its key and a checksum over all of it ([`layout`]); whatever does not
//!    agree is free, at open and at every later read, and its picture is embedded again.
//! 3. A mapped file that another program cuts short, or whose disk fails, kills the process that reads it (SIGBUS). So
//!    slots are read and written at their place (`pread`, `pwrite`): what fails is an error then. A search reads some
//!    thousand slots, which costs a microsecond each; what is scanned whole is in memory.
//! 4. Nothing is moved: a freed slot is given again, the rest stands where it stood. A disk that fills up fails one
//!    write, and the slot that it tore is free.

mod error;
mod file;
mod index;
mod key;
mod layout;
mod model_name;
#[cfg(test)]
mod tests;

pub use self::error::VectorError;
pub use self::file::{Opened, SlotReader, VectorFile};
pub use self::key::{VectorKey, VectorKind};
pub use self::layout::{Slot, check as check_layout};
pub use self::model_name::{BadModelName, ModelName};
