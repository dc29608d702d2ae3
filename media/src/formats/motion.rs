//! Motion photos: a video appended to the still, which half a dozen hints may point to. Only what begins like a video
//! counts.

use library::Format;
use library::metadata::EmbeddedMotion;

use super::boxes::{boxes, first};
use crate::block::{Block, BlockExt, Input, find};
use crate::formats::Found;

/// Samsung's trailer lists at most a few dozen blocks.
const MOST_TRAILERS: u32 = 200;

/// Fills in where the video is.
pub(super) fn find_video(format: Format, input: &mut Input<'_>, found: &mut Found) {
    if !matches!(format, Format::Jpeg | Format::Heic | Format::Avif) {
        return;
    }
    let len = input.len();
    let hint = found.xmp.motion;
    if let Some(from_end) = hint.and_then(|hint| hint.from_end)
        && let Some(offset) = len.checked_sub(from_end).filter(|offset| is_video(input, *offset))
    {
        let length = hint.and_then(|hint| hint.length).unwrap_or(from_end).min(from_end);
        found.motion = Some(EmbeddedMotion { offset, length });
        return;
    }
    if let Some(motion) = samsung(input) {
        found.motion = Some(motion);
        return;
    }
    if format != Format::Jpeg {
        found.motion = boxed(input);
    } else if hint.is_some() {
        found.motion = by_search(input);
    }
    if hint.is_some() && found.motion.is_none() {
        found.warn("the photo says that a video is appended, but it is not there");
    }
}

fn is_video(input: &mut Input<'_>, at: u64) -> bool {
    input.array::<4>(at + 4) == Some(*b"ftyp")
}

/// Samsung's trailer: a directory `SEFH` ... `SEFT` at the very end, offsets counted back from it.
fn samsung(input: &mut Input<'_>) -> Option<EmbeddedMotion> {
    let len = input.len();
    let end = len.checked_sub(8)?;
    (input.array::<4>(end + 4)? == *b"SEFT").then_some(())?;
    let directory = end.checked_sub(u64::from(input.le32(end)?))?;
    (input.array::<4>(directory)? == *b"SEFH").then_some(())?;
    let count = input.le32(directory + 8)?.min(MOST_TRAILERS);
    for n in 0..u64::from(count) {
        let entry = directory + 12 + n * 12;
        let (back, size) = (u64::from(input.le32(entry + 4)?), u64::from(input.le32(entry + 8)?));
        let Some(start) = directory.checked_sub(back) else { continue };
        // A block: its number, the length of its name, the name, the data.
        let name_len = u64::from(input.le32(start + 4)?).min(256);
        let name = input.up_to(start + 8, name_len);
        if name.starts_with(b"MotionPhoto_Data") {
            let offset = start + 8 + name_len;
            let length = size.checked_sub(8 + name_len)?;
            return is_video(input, offset).then_some(EmbeddedMotion { offset, length });
        }
    }
    None
}

/// In HEIF files the video is the content of a box `mpvd`.
fn boxed(input: &mut Input<'_>) -> Option<EmbeddedMotion> {
    let top = boxes(input, 0, u64::MAX);
    let part = first(&top, b"mpvd")?;
    is_video(input, part.body).then_some(EmbeddedMotion { offset: part.body, length: part.size() })
}

/// The lengths in the metadata are wrong once an editor has passed over them: look for the video's first box behind the
/// picture. Only the last 64 MB: that is more than any phone appends.
fn by_search(input: &mut Input<'_>) -> Option<EmbeddedMotion> {
    const PIECE: u64 = 1 << 20;
    let len = input.len();
    let mut at = len.saturating_sub(64 << 20);
    while at < len {
        let bytes = input.up_to(at, PIECE + 16);
        if bytes.is_empty() {
            return None;
        }
        // The size of the box in front of its name is small, so its upper bytes are zero.
        let hit = find(&bytes, b"ftyp").and_then(|hit| hit.checked_sub(4));
        if let Some(hit) = hit
            && bytes.get(hit..hit + 3) == Some(&[0, 0, 0])
            && hit > 0
        {
            let offset = at + hit as u64;
            return Some(EmbeddedMotion { offset, length: len - offset });
        }
        at += PIECE;
    }
    None
}
