//! The boxes of ISO base media files: HEIF, AVIF, MP4, QuickTime, CR3, JPEG 2000, JPEG XL.

use crate::block::{Block, BlockExt};

/// Boxes on one level.
const MOST_BOXES: usize = 20_000;

/// One box: its kind and where its content lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Box {
    pub(crate) kind: [u8; 4],
    pub(crate) body: u64,
    pub(crate) end: u64,
}

impl Box {
    /// Bytes of content.
    pub(crate) fn size(&self) -> u64 {
        self.end - self.body
    }
}

/// The boxes between two positions. The last one is cut where its surroundings end.
pub(crate) fn boxes(block: &mut dyn Block, from: u64, to: u64) -> Vec<Box> {
    let to = to.min(block.len());
    let mut found = Vec::new();
    let mut at = from;
    while found.len() < MOST_BOXES && at + 8 <= to {
        let (Some(size), Some(kind)) = (block.be32(at), block.array::<4>(at + 4)) else { break };
        let (body, size) = match size {
            // To the end of the file.
            0 => (at + 8, to - at),
            1 => match block.be64(at + 8) {
                Some(size) => (at + 16, size),
                None => break,
            },
            size => (at + 8, u64::from(size)),
        };
        let Some(end) = at.checked_add(size).filter(|end| *end >= body) else { break };
        found.push(Box { kind, body: body.min(to), end: end.min(to).max(body.min(to)) });
        // Also the end of all sums: what lies beyond here never becomes a position.
        at = end.min(to);
    }
    found
}

/// The first box of a kind.
pub(crate) fn first(boxes: &[Box], kind: &[u8; 4]) -> Option<Box> {
    boxes.iter().copied().find(|found| &found.kind == kind)
}

/// The first box at the end of a path of kinds.
pub(super) fn at_path(block: &mut dyn Block, from: Box, path: &[&[u8; 4]]) -> Option<Box> {
    let mut here = from;
    for kind in path {
        here = first(&boxes(block, here.body, here.end), kind)?;
    }
    Some(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_every_form() {
        let mut bytes = b"\0\0\0\x0Cfreeabcd".to_vec();
        bytes.extend(b"\0\0\0\x01wide\0\0\0\0\0\0\0\x12xy");
        bytes.extend(b"\0\0\0\0mdatrest");
        let found = boxes(&mut bytes.as_slice(), 0, u64::MAX);
        let shown: Vec<(&[u8; 4], u64)> = found.iter().map(|found| (&found.kind, found.size())).collect();
        assert_eq!(shown, [(b"free", 4), (b"wide", 2), (b"mdat", 4)]);
    }

    #[test]
    fn sizes_that_lie() {
        assert_eq!(boxes(&mut &b"\0\0\0\x04free"[..], 0, 8), []);
        assert_eq!(boxes(&mut &b"\xFF\xFF\xFF\xFFfreeab"[..], 0, 10)[0].size(), 2);
        assert_eq!(boxes(&mut &b"\0\0\0\x01free\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"[..], 0, 16)[0].size(), 0);
    }
}
