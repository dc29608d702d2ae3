//! Bytes in, metadata and pixels out: what a photo or video says about itself, and what it shows.
//!
//! [`read()`] is the front door: it looks at the bytes, finds the metadata blocks of that format (EXIF, XMP, IPTC,
//! QuickTime, Matroska, ...), lets each say what it knows, and settles on one answer a field, sidecars included.
//! [`pixels`] decodes, [`thumbnails`] makes and keeps what is shown of it, [`decoder`] does both in processes of their own.
//! Nothing here trusts a length, a count or an offset of the file, and bad content is a warning, never an error.

mod block;
pub mod decoder;
mod exif;
mod formats;
mod iptc;
mod moment;
mod picture;
pub mod pixels;
pub mod place;
mod program;
mod read;
mod said;
mod settle;
pub mod sidecar;
mod sniff;
mod takeout;
mod text;
pub mod thumbnails;
mod tiff;
mod video;
mod xmp;
pub mod zone;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use block::Source;
pub use read::{ReadError, SidecarBytes, read};
pub use sniff::sniff;
pub use video::VideoFacts;
