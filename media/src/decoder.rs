//! Decoding in processes of their own: what a stranger's file does to a decoder, it does to nobody else.
//!
//! What makes it hard:
//!
//! 1. Decoders crash, hang and eat memory on files made for that. Each runs in a child with limits; a child that dies or
//!    takes too long costs the one file it held ([`DecodeError::Crashed`], [`DecodeError::TimedOut`]) and is replaced.
//! 2. Decoders can be taken over. A child has no network, writes nowhere, gains no privileges, and gets files only as
//!    open descriptors ([`confine`]); its answers are distrusted like the file itself ([`protocol`]).
//! 3. A process a file is dear, a photo takes a tenth of a second. Children live on and take one file after the other.
//! 4. They must not outlive the daemon, nor ffmpeg them. Each dies with the thread that started it, which is one that
//!    lives as long as [`Decoders`]; each leads a process group, which is killed as one.
//! 5. Idle memory is memory. Children start when there is work and end after a minute without.

mod confine;
mod pool;
mod protocol;
mod serve;

use library::metadata::{Orientation, PixelSize};
use serde::{Deserialize, Serialize};

use crate::pixels::Picture;
use crate::thumbnails::Thumbnails;
use crate::video::VideoFacts;

pub use crate::pixels::DecodeError;
pub(crate) use confine::{Limited, Room};
pub use pool::{Decoders, Limits};
pub use serve::{derive, serve, serve_with};

#[cfg(feature = "fuzzing")]
pub(crate) use protocol::{read_order, read_reply};

/// What is wanted of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Its name, which only tells raw formats apart.
    pub file_name: String,
    /// What the catalogue knows of its orientation, sidecars included; `None` asks the file.
    pub orientation: Option<Orientation>,
    /// Whether thumbnails are to be made.
    pub thumbnails: bool,
    /// The picture itself for the models, with its short side at most this long, in pixels; never enlarged.
    /// [`crate::thumbnails::PREVIEW_SHORT_SIDE`] is what they are used to. `None`: no picture comes back.
    pub picture_short_side: Option<u32>,
}

/// What was made of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Derived {
    /// Where asked for.
    pub thumbnails: Option<Thumbnails>,
    /// Where asked for.
    pub picture: Option<Picture>,
    /// How large the whole picture is, upright, in pixels.
    pub full: PixelSize,
    /// Of a video.
    pub video: Option<VideoFacts>,
}
