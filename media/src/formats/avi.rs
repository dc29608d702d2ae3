//! AVI: RIFF lists. Cameras put the date into `IDIT`, Nikon its tags into `nctg`, others into an `exif` list.

use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::moment::{self, Moment, parse};
use crate::text;

/// Chunks of one file looked at; the frames' list is skipped as one.
const MOST_CHUNKS: u32 = 5_000;

/// Reads the lists.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let len = input.len();
    let mut left = MOST_CHUNKS;
    chunks(input, 12, len, 0, &mut left, found);
}

fn chunks(
    input: &mut Input<'_>,
    from: u64,
    to: u64,
    depth: u8,
    left: &mut u32,
    found: &mut Found,
) -> Option<()> {
    let mut at = from;
    while at + 8 <= to {
        *left = left.checked_sub(1)?;
        let (kind, size) = (input.array::<4>(at)?, u64::from(input.le32(at + 4)?));
        let (body, end) = (at + 8, (at + 8 + size).min(to));
        let words = |input: &mut Input<'_>| text::guess(&input.up_to(body, size.min(4096)));
        match &kind {
            b"LIST" => {
                let list = input.array::<4>(body)?;
                if &list != b"movi" && depth < 4 {
                    chunks(input, body + 4, end, depth + 1, left, found);
                }
            }
            b"avih" => {
                let (each, frames) = (f64::from(input.le32(body)?), f64::from(input.le32(body + 16)?));
                found.duration = moment::duration(each * frames / 1e6);
                found.set_size(input.le32(body + 32)?, input.le32(body + 36)?);
            }
            b"IDIT" | b"ICRD" | b"etim" => {
                let date = words(input).and_then(|words| date(&words));
                found.container.original = found.container.original.or(date);
            }
            b"ecor" | b"IMAK" => found.container.make = words(input),
            b"emdl" => found.container.model = words(input),
            b"ICMT" => found.container.comment = words(input),
            b"nctg" => nikon(input, body, end, found),
            b"_PMX" | b"XMP " => {
                if let Some(packet) = input.bytes(body, size) {
                    found.take_xmp(&packet);
                }
            }
            _ => {}
        }
        at = end + (size & 1);
    }
    Some(())
}

fn nikon(input: &mut Input<'_>, mut at: u64, end: u64, found: &mut Found) {
    while at + 4 <= end {
        let (Some(tag), Some(size)) = (input.le16(at), input.le16(at + 2)) else { break };
        let words = text::guess(&input.up_to(at + 4, u64::from(size)));
        match tag {
            3 => found.container.make = words,
            4 => found.container.model = words,
            0x13 => {
                let date = words.and_then(|words| parse(&words).moment());
                found.container.original = date.or(found.container.original);
            }
            _ => {}
        }
        at += 4 + u64::from(size);
    }
}

/// EXIF's form, or C's. A bare year dates a film.
fn date(words: &str) -> Option<Moment> {
    let whole = words.trim().len() >= 10;
    parse(words).moment().filter(|_| whole).or_else(|| moment::parse_with_names(words))
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        let shown = |words: &str| super::date(words).map(|moment| moment.local.to_string());
        assert_eq!(shown("Mon Mar 10 15:04:43 2003\n").as_deref(), Some("2003-03-10T15:04:43"));
        assert_eq!(shown("2005:08:17 11:42:43").as_deref(), Some("2005-08-17T11:42:43"));
        assert_eq!(shown("2003"), None);
    }
}
