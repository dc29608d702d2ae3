//! The front door: a file and its sidecars in, one [`Metadata`] out.

use std::io;

use library::{Format, Kind, Metadata};

use crate::block::{Block, Input, Source};
use crate::said::Said;
use crate::settle::{Beside, settle};
use crate::{formats, sidecar, sniff, takeout, xmp};

/// What a sidecar may take. Edit histories reach megabytes, not more.
pub(crate) const LARGEST_SIDECAR: usize = 32 << 20;

/// How much of the beginning is looked at to tell the format.
const HEAD: u64 = 4096;

/// A sidecar, read by the caller: it knows the folder, this crate does not.
#[derive(Clone, Debug)]
pub struct SidecarBytes {
    /// Its name, which tells XMP from JSON.
    pub file_name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Why a file has no metadata at all. The words are shown to the person who put the file there.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("could not be read: {0}")]
    Io(#[from] io::Error),
    /// Zero bytes.
    #[error("is empty (0 bytes)")]
    Empty,
    /// The bytes are of no format we know.
    #[error("is not a picture or video galleryfs knows{}", .extension.as_ref().map(|e| format!(", though its name ends in .{e}")).unwrap_or_default())]
    UnknownFormat {
        /// What the name promises, when that is something we know.
        extension: Option<String>,
    },
    /// All zeros: what an interrupted copy or a failing disk leaves.
    #[error("holds nothing but zeros: its copy was interrupted, or the disk is failing")]
    AllZeros,
    /// A file that describes others.
    #[error("is a sidecar, not a picture or video")]
    Sidecar,
}

/// Reads what a file says about itself, with its sidecars merged in, best sidecar first.
///
/// Bad content is never an error: what could be read is in the [`Metadata`], what is wrong in its warnings.
pub fn read(
    source: &mut dyn Source,
    file_name: &str,
    sidecars: &[SidecarBytes],
) -> Result<Metadata, ReadError> {
    let mut input = Input::new(source)?;
    if input.len() == 0 {
        return Err(ReadError::Empty);
    }
    let head = input.up_to(0, HEAD);
    if let Some(error) = input.failure() {
        return Err(error.into());
    }
    let Some(format) = sniff(&head, file_name) else {
        if head.iter().all(|byte| *byte == 0) {
            return Err(ReadError::AllZeros);
        }
        let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        return Err(ReadError::UnknownFormat {
            extension: extension.filter(|extension| Format::from_extension(extension).is_some()),
        });
    };
    if format.kind() == Kind::Sidecar {
        return Err(ReadError::Sidecar);
    }
    let mut found = formats::read(format, &mut input);
    if let Some(error) = input.failure() {
        return Err(error.into());
    }
    let mut beside = Beside::default();
    for one in sidecars {
        let (said, from_takeout) = read_sidecar(one);
        let into = if from_takeout { &mut beside.takeout } else { &mut beside.xmp };
        into.fill_from(said);
    }
    if found.size.is_none() {
        found.warn("the size of the picture is not known");
    }
    Ok(settle(format, found, beside))
}

/// What a sidecar says, and whether it is Google's.
fn read_sidecar(one: &SidecarBytes) -> (Said, bool) {
    let json = sidecar::is_json(&one.file_name);
    if one.bytes.len() > LARGEST_SIDECAR {
        let said = Said {
            warnings: vec![format!("the sidecar {} is too large to read", one.file_name)],
            ..Said::default()
        };
        return (said, json);
    }
    (if json { takeout::read(&one.bytes) } else { xmp::read(&one.bytes) }, json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn reason(bytes: &[u8], name: &str) -> String {
        read(&mut Cursor::new(bytes), name, &[]).unwrap_err().to_string()
    }

    #[test]
    fn reasons_are_words_for_people() {
        assert_eq!(reason(b"", "a.jpg"), "is empty (0 bytes)");
        assert_eq!(
            reason(b"hello", "a.jpg"),
            "is not a picture or video galleryfs knows, though its name ends in .jpg"
        );
        assert_eq!(reason(b"hello", "a.txt"), "is not a picture or video galleryfs knows");
        assert_eq!(
            reason(&[0; 100], "a.jpg"),
            "holds nothing but zeros: its copy was interrupted, or the disk is failing"
        );
        assert_eq!(reason(b"<x:xmpmeta/>", "a.jpg"), "is a sidecar, not a picture or video");
    }

    #[test]
    fn a_failing_disk_is_an_error_not_a_photo_without_a_date() {
        struct Failing;
        impl io::Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("bad sector"))
            }
        }
        impl io::Seek for Failing {
            fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
                Ok(1000)
            }
        }
        assert!(matches!(read(&mut Failing, "a.jpg", &[]), Err(ReadError::Io(_))));
    }
}
