//! Bytes in, metadata out: what a photo or video says about itself.
//!
//! [`read()`] is the front door: it looks at the bytes, finds the metadata blocks of that format (EXIF, XMP, IPTC,
//! QuickTime, Matroska, ...), lets each say what it knows, and settles on one answer a field, sidecars included.
//! Nothing here trusts a length, a count or an offset of the file, and bad content is a warning, never an error.

mod block;
mod exif;
mod formats;
mod iptc;
mod moment;
mod picture;
pub mod place;
mod read;
mod said;
mod settle;
pub mod sidecar;
mod sniff;
mod takeout;
mod text;
mod tiff;
mod xmp;
pub mod zone;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use block::Source;
pub use read::{ReadError, SidecarBytes, read};
pub use sniff::sniff;
