//! Why a file gives no picture, in words for the person who put it there.

use serde::{Deserialize, Serialize};

use super::budget::MOST_PIXELS;

/// Why a file gives no picture.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum DecodeError {
    /// The disk failed.
    #[error("could not be read: {0}")]
    Read(String),
    /// The bytes are of no format that shows a picture.
    #[error("is not a picture or video galleryfs knows")]
    UnknownFormat,
    /// More pixels than the budget allows; nothing was allocated for them.
    #[error("has {width} x {height} pixels, more than the {} million galleryfs decodes", MOST_PIXELS / 1_000_000)]
    TooLarge {
        /// Pixels from left to right, as stored.
        width: u64,
        /// Pixels from top to bottom, as stored.
        height: u64,
    },
    /// The file itself, or what must be held of it, is beyond the limit.
    #[error("needs {megabytes} MB to be decoded, more than the {limit} MB one file may take")]
    TooHeavy {
        /// Millions of bytes it would take.
        megabytes: u64,
        /// Millions of bytes allowed.
        limit: u64,
    },
    /// Too much to be decoded while other files are: a decoder says so to its pool, which tries again when it is alone.
    #[error("is to be decoded when there is room for it")]
    NeedsRoom,
    /// A format, or a variant of one, that no library here decodes.
    #[error("cannot be shown: {0}")]
    Unsupported(String),
    /// The bytes are not what their format promises.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// A raw file in which no picture is embedded, and which is damaged or of a camera that LibRaw does not know.
    #[error("is a raw file without a preview inside, and could not be developed: {0}")]
    NotDeveloped(String),
    /// A program that is needed is not on the PATH.
    #[error(
        "needs {program}, which is not installed (your distribution's package is called {})",
        package_of(program)
    )]
    MissingProgram {
        /// `ffmpeg`, `ffprobe` or `dcraw_emu`.
        program: String,
    },
    /// Decoding took longer than allowed and was ended.
    #[error("took longer than {seconds} s to decode")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The decoder's process died of this file.
    #[error("made its decoder fail ({0})")]
    Crashed(String),
    /// The decoder's process could not be started or spoken to: nothing is wrong with the file.
    #[error("could not be decoded, as no decoder could be started: {0}")]
    NoDecoder(String),
}

/// What distributions call the package of a program.
fn package_of(program: &str) -> &'static str {
    match program {
        "dcraw_emu" => "libraw-bin, libraw or LibRaw-samples",
        _ => "ffmpeg",
    }
}

impl DecodeError {
    /// Whether the same file may decode another time: the reason lies, or may lie, outside of it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Read(_)
            | Self::NeedsRoom
            | Self::MissingProgram { .. }
            | Self::TimedOut { .. }
            | Self::Crashed(_)
            | Self::NoDecoder(_) => true,
            Self::UnknownFormat
            | Self::TooLarge { .. }
            | Self::TooHeavy { .. }
            | Self::Unsupported(_)
            | Self::Damaged(_)
            | Self::NotDeveloped(_) => false,
        }
    }

    /// Damaged, in the words of a library.
    pub(crate) fn damaged(error: impl std::fmt::Display) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for DecodeError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error.to_string())
    }
}
