//! The hash of the coded picture alone, by which an edited caption is told from an edited picture.

use library::Checksum;

use crate::block::Input;

/// Hashes pieces of a file as one.
#[derive(Default)]
pub(crate) struct PictureHash {
    hasher: blake3::Hasher,
    broken: bool,
    any: bool,
}

impl PictureHash {
    /// Adds the bytes from `at` to `end`.
    pub(crate) fn add(&mut self, input: &mut Input<'_>, at: u64, end: u64) {
        let hasher = &mut self.hasher;
        let whole = input.stream(at, end, |piece| {
            hasher.update(piece);
        });
        self.broken |= !whole;
        self.any |= end > at;
    }

    /// Adds bytes already here.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.any |= !bytes.is_empty();
    }

    /// The hash; nothing when a piece was missing, since a torn picture equals no other.
    pub(crate) fn finish(self) -> Option<Checksum> {
        (self.any && !self.broken).then(|| Checksum::from_bytes(*self.hasher.finalize().as_bytes()))
    }
}
