//! How a file of vectors looks. Everything is little-endian.
//!
//! Header, in the first [`HEADER_LEN`] bytes, zeros after it:
//!
//! | at | what |
//! | --- | --- |
//! | 0 | `gfsvec` and format version, 8 bytes |
//! | 8 | kind, 1 byte; length of the model's name, 1 byte; width, u16 |
//! | 12 | the model's name |
//! | end | first 8 bytes of BLAKE3 of all before |
//!
//! Slot number n, from `HEADER_LEN + n * slot_len`:
//!
//! | at | what |
//! | --- | --- |
//! | 0 | first 8 bytes of BLAKE3 of: n as u64, the header's checksum, the rest of the slot |
//! | 8 | 1 without a face, 2 with one; 7 zeros |
//! | 16 | BLAKE3 of the content |
//! | 48 | face box, four u16; zeros without one |
//! | 56 | the vector, f16 |
//!
//! A slot of zeros is free. So is every slot whose checksum is not right: its number and the header's checksum (so kind,
//! width and model) are in the sum, and a slot copied to another place or file does not agree.

use half::f16;
use half::slice::HalfFloatSliceExt as _;

use super::key::{VectorKey, VectorKind};
use super::model_name::ModelName;
use crate::checksum::Checksum;
use crate::embedding::Embedding;
use crate::people::FaceBox;

/// Where slots begin: a page.
pub(super) const HEADER_LEN: usize = 4096;

/// Bytes of a slot before its vector.
const HEAD_LEN: usize = 56;

/// `gfsvec` and the version.
const MAGIC: [u8; 8] = *b"gfsvec\x00\x01";

/// The number of a slot in its file: dense, given again when freed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(pub u32);

/// What all slots of a file share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    kind: VectorKind,
    model: ModelName,
    width: u16,
    sum: [u8; 8],
}

/// What stands in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// Zeros.
    Free,
    /// Something that does not agree with itself.
    Damaged,
    /// A vector of this.
    Used(VectorKey),
}

fn short_sum(parts: &[&[u8]]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut sum = [0; 8];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    sum
}

impl Layout {
    /// `None` for a width that no vector has.
    pub(super) fn new(kind: VectorKind, model: &ModelName, width: usize) -> Option<Self> {
        let width = u16::try_from(width)
            .ok()
            .filter(|width| (1..=Embedding::MAX_WIDTH).contains(&usize::from(*width)))?;
        let mut layout = Self { kind, model: model.clone(), width, sum: [0; 8] };
        layout.sum = short_sum(&[&layout.said()]);
        Some(layout)
    }

    fn said(&self) -> Vec<u8> {
        let name = self.model.as_str().as_bytes();
        let mut said = MAGIC.to_vec();
        // A model's name has at most 200 bytes.
        said.extend([self.kind.tag(), name.len() as u8]);
        said.extend(self.width.to_le_bytes());
        said.extend(name);
        said
    }

    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = self.said();
        header.extend(self.sum);
        header.resize(HEADER_LEN, 0);
        header
    }

    /// Reads a header; `None` when it is none, or damaged.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        if header.get(..8)? != MAGIC {
            return None;
        }
        let kind = VectorKind::ALL.into_iter().find(|kind| kind.tag() == header[8])?;
        let name_len = usize::from(*header.get(9)?);
        let width = u16::from_le_bytes([*header.get(10)?, *header.get(11)?]);
        let model = ModelName::new(std::str::from_utf8(header.get(12..12 + name_len)?).ok()?).ok()?;
        let layout = Self::new(kind, &model, usize::from(width))?;
        (header.get(12 + name_len..20 + name_len)? == layout.sum).then_some(layout)
    }

    pub(super) fn width(&self) -> usize {
        usize::from(self.width)
    }

    pub(super) fn kind(&self) -> VectorKind {
        self.kind
    }

    pub(super) fn model(&self) -> &ModelName {
        &self.model
    }

    /// Bytes of a slot: a multiple of 8.
    pub(super) fn slot_len(&self) -> usize {
        (HEAD_LEN + self.width() * 2).next_multiple_of(8)
    }

    /// Where a slot begins.
    pub(super) fn offset(&self, slot: Slot) -> u64 {
        HEADER_LEN as u64 + u64::from(slot.0) * self.slot_len() as u64
    }

    fn slot_sum(&self, slot: Slot, rest: &[u8]) -> [u8; 8] {
        short_sum(&[&u64::from(slot.0).to_le_bytes(), &self.sum, rest])
    }

    /// The bytes of a slot. The vector must be of this width.
    pub(super) fn write(&self, slot: Slot, key: &VectorKey, values: &[f32]) -> Vec<u8> {
        let mut bytes = vec![0; self.slot_len()];
        bytes[8] = if key.face.is_some() { 2 } else { 1 };
        bytes[16..48].copy_from_slice(key.content.as_bytes());
        if let Some(face) = key.face {
            bytes[48..56].copy_from_slice(&face.to_bytes());
        }
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(values);
        for (place, half) in bytes[HEAD_LEN..].chunks_exact_mut(2).zip(halves) {
            place.copy_from_slice(&half.to_le_bytes());
        }
        let sum = self.slot_sum(slot, &bytes[8..]);
        bytes[..8].copy_from_slice(&sum);
        bytes
    }

    /// What stands in the bytes of a slot.
    pub(super) fn find(&self, slot: Slot, bytes: &[u8]) -> Found {
        if bytes.len() != self.slot_len() {
            return Found::Damaged;
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Found::Free;
        }
        if bytes[..8] != self.slot_sum(slot, &bytes[8..]) {
            return Found::Damaged;
        }
        let face = match bytes[8] {
            1 => None,
            2 => {
                let mut edges = [0; 8];
                edges.copy_from_slice(&bytes[48..56]);
                let Some(face) = FaceBox::from_bytes(edges) else { return Found::Damaged };
                Some(face)
            }
            _ => return Found::Damaged,
        };
        let mut content = [0; 32];
        content.copy_from_slice(&bytes[16..48]);
        Found::Used(VectorKey { content: Checksum::from_bytes(content), face })
    }

    /// The vector in the bytes of a slot, whatever they are; `halves` is room to work in. Bytes that were checked give
    /// finite numbers of about unit length together.
    pub(super) fn values(&self, bytes: &[u8], halves: &mut Vec<f16>, values: &mut Vec<f32>) {
        halves.clear();
        let stored = bytes[HEAD_LEN..].chunks_exact(2).take(self.width());
        halves.extend(stored.map(|pair| f16::from_le_bytes([pair[0], pair[1]])));
        values.resize(self.width(), 0.0);
        halves.convert_to_f32_slice(values);
    }
}

/// Reads foreign bytes as a file of vectors, and says how many slots of it can be trusted: for the fuzzer, and for
/// whoever wants to know what a file is before it is used.
pub fn check(bytes: &[u8]) -> Option<usize> {
    let layout = Layout::read(bytes.get(..HEADER_LEN)?)?;
    let (mut halves, mut values) = (Vec::new(), Vec::new());
    let slots = bytes[HEADER_LEN..].chunks_exact(layout.slot_len());
    let used = slots.zip(0..).filter(|(bytes, slot)| match layout.find(Slot(*slot), bytes) {
        Found::Used(_) => {
            layout.values(bytes, &mut halves, &mut values);
            Embedding::new(values.as_slice()).is_ok()
        }
        Found::Free | Found::Damaged => false,
    });
    Some(used.count())
}
