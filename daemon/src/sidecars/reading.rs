//! Photos read without what we wrote into their sidecars: what was decided is in the journal, and what their files say is
//! what they would say without us. So nothing changes when a decision is written, and one that is taken back is gone at
//! once, though the sidecar follows later.

use std::path::Path;
use std::sync::{Arc, Weak};

use library::{Digests, FilePath, Library, Metadata};
use media::Source;

use super::ledger::{Ledger, Written};
use crate::pipeline::describe::{Describe, Media, SidecarFile};

/// A sidecar that says nothing.
const NOTHING: &[u8] = b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>";

/// What a sidecar would be without what we wrote into it, by what we know of a photo's sidecars.
pub(super) fn without_ours(known: &[Written], path: &FilePath, bytes: Vec<u8>) -> Vec<u8> {
    match find(known, path, Some(&bytes)).map(|written| written.without(&bytes)) {
        Some(Ok(base)) => base.unwrap_or_else(|| NOTHING.to_vec()),
        // What cannot be understood is read as well as it can be.
        Some(Err(_)) | None => bytes,
    }
}

/// What we know of the sidecar at a path; also when it, or a copy of it, was somewhere else then.
pub(super) fn find<'a>(known: &'a [Written], path: &FilePath, bytes: Option<&[u8]>) -> Option<&'a Written> {
    let by_path = known.iter().find(|written| written.is_at(path));
    by_path.or_else(|| known.iter().find(|written| bytes.is_some_and(|bytes| written.knows(bytes))))
}

/// Reads photos and sidecars so.
#[derive(Debug)]
pub struct OnlyTheirs {
    library: Weak<Library>,
    ledger: Ledger,
}

impl OnlyTheirs {
    /// For a library whose data are here.
    pub fn new(library: &Arc<Library>, data: &Path) -> Self {
        Self { library: Arc::downgrade(library), ledger: Ledger::new(data) }
    }
}

impl Describe for OnlyTheirs {
    fn describe(
        &self,
        source: &mut dyn Source,
        name: &[u8],
        sidecars: &[SidecarFile],
    ) -> Result<Metadata, String> {
        Media.describe(source, name, sidecars)
    }

    fn as_given(&self, photo: &Digests, sidecar: &FilePath, bytes: Vec<u8>) -> Vec<u8> {
        let Some(library) = self.library.upgrade() else { return bytes };
        match library.holding(&photo.checksum) {
            Ok(Some(holding)) => without_ours(&self.ledger.of(holding.asset), sidecar, bytes),
            Ok(None) => bytes,
            Err(error) => {
                tracing::warn!(%error, "it is not known what of a sidecar is ours");
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::describe::SidecarFile;
    use library::SidecarSeen;

    #[test]
    fn a_sidecar_that_says_nothing_is_no_reason_to_warn() {
        let seen = SidecarSeen { name: b"a.jpg.xmp".as_slice().into(), size: 1, mtime_ns: 1 };
        let sidecar = SidecarFile { seen, bytes: NOTHING.to_vec() };
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        let read = |sidecars: &[SidecarFile]| {
            Media.describe(&mut std::io::Cursor::new(&gif[..]), b"a.gif", sidecars).unwrap()
        };
        assert_eq!(read(&[sidecar]), read(&[]));
    }
}
