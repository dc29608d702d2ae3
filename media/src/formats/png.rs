//! PNG: chunks. EXIF and XMP have chunks of their own now; older writers hide them in text, as hexadecimal.

use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::picture::PictureHash;
use crate::{iptc, moment, text};

/// Chunks of one file. Writers of huge pictures cut the data small.
const MOST_CHUNKS: usize = 200_000;

/// The most all compressed texts of a file together may unfold to.
const LARGEST_TEXT: usize = 16 << 20;

/// Reads the chunks, and hashes the picture data.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let mut hash = PictureHash::default();
    let mut ended = false;
    let mut unfoldable = LARGEST_TEXT;
    let mut at = 8;
    for _ in 0..MOST_CHUNKS {
        let (Some(size), Some(kind)) = (input.be32(at), input.array::<4>(at + 4)) else { break };
        let (body, size) = (at + 8, u64::from(size));
        match &kind {
            b"IHDR" => {
                if let (Some(width), Some(height)) = (input.be32(body), input.be32(body + 4)) {
                    found.set_size(width, height);
                }
            }
            b"IDAT" | b"fdAT" => hash.add(input, body, body + size),
            b"eXIf" | b"zxIf" => {
                if let Some(bytes) = input.bytes(body, size) {
                    found.take_exif(&bytes);
                }
            }
            b"tEXt" | b"zTXt" | b"iTXt" => {
                if let Some(bytes) = input.bytes(body, size.min(16 << 20)) {
                    written(&kind, &bytes, &mut unfoldable, found);
                }
            }
            b"IEND" => {
                ended = true;
                break;
            }
            _ => {}
        }
        at = body + size + 4;
    }
    if ended {
        found.picture = hash.finish();
    } else {
        found.warn("the PNG file ends early");
    }
}

fn written(kind: &[u8; 4], bytes: &[u8], left: &mut usize, found: &mut Found) {
    let Some((key, value)) = split_at_zero(bytes) else { return };
    let Some(value) = unfold(kind, value, left) else { return };
    match key {
        b"XML:com.adobe.xmp" => found.take_xmp(&value),
        b"Raw profile type exif" | b"Raw profile type APP1" => {
            if let Some(profile) = raw_profile(&value) {
                match profile.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    Some(packet) => found.take_xmp(packet),
                    None => found.take_exif(&profile),
                }
            }
        }
        b"Raw profile type xmp" => {
            if let Some(profile) = raw_profile(&value) {
                found.take_xmp(&profile);
            }
        }
        b"Raw profile type iptc" | b"Raw profile type 8bim" => {
            if let Some(profile) = raw_profile(&value) {
                let resources = iptc::resources(&mut profile.as_slice());
                found.take_iptc(resources.iptc.as_deref().unwrap_or(&profile));
            }
        }
        b"Description" => found.container.description = text::guess(&value),
        // The standard asks for the mail's form; writers use every one.
        b"Creation Time" => {
            let date = text::guess(&value)
                .and_then(|text| moment::parse(&text).moment().or_else(|| moment::parse_with_names(&text)));
            found.container.created = date.or(found.container.created);
        }
        b"create-date" => {
            let date = text::guess(&value).and_then(|text| moment::parse(&text).moment());
            found.container.digitized = date.or(found.container.digitized);
        }
        _ => {}
    }
}

/// The text behind the keyword, unfolded if it was compressed.
fn unfold(kind: &[u8; 4], value: &[u8], left: &mut usize) -> Option<Vec<u8>> {
    let mut inflate = |bytes| {
        let plain = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, *left);
        // One that fails has cost its work too, up to what it had unfolded by then.
        *left = left.saturating_sub(plain.as_ref().map_or_else(|error| error.output.len(), Vec::len));
        plain.ok()
    };
    match kind {
        b"tEXt" => Some(value.to_vec()),
        b"zTXt" => inflate(value.get(1..)?),
        _ => {
            let (flags, rest) = value.split_at_checked(2)?;
            let (_language, rest) = split_at_zero(rest)?;
            let (_translated, words) = split_at_zero(rest)?;
            if flags.first() == Some(&1) { inflate(words) } else { Some(words.to_vec()) }
        }
    }
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..zero)?, bytes.get(zero + 1..)?))
}

/// ImageMagick's form: a newline, the name, the length, then hexadecimal lines.
fn raw_profile(value: &[u8]) -> Option<Vec<u8>> {
    let mut lines = value.splitn(4, |byte| *byte == b'\n');
    let _empty = lines.next()?;
    let _name = lines.next()?;
    let _length = lines.next()?;
    let digits: Vec<u8> = lines
        .next()?
        .iter()
        .filter_map(|byte| (*byte as char).to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |all, digit| all << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_texts() {
        let dated = |words: &[u8]| {
            let mut found = Found::default();
            written(b"tEXt", words, &mut 0, &mut found);
            let said = found.container;
            let shown = |moment: Option<moment::Moment>| moment.map(|moment| moment.local.to_string());
            (shown(said.digitized), shown(said.created))
        };
        let known = Some("2018-03-04T05:06:07".to_owned());
        assert_eq!(dated(b"Creation Time\0Sun, 4 Mar 2018 05:06:07 +0100"), (None, known.clone()));
        assert_eq!(dated(b"Creation Time\0Sun Mar  4 05:06:07 2018"), (None, known.clone()));
        assert_eq!(dated(b"Creation Time\x002018:03:04 05:06:07"), (None, known.clone()));
        assert_eq!(dated(b"create-date\x002018-03-04T05:06:07+01:00"), (known, None));
    }

    #[test]
    fn compressed_texts_share_one_limit() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b'x'; LARGEST_TEXT / 2 + 1], 6);
        let text = [b"\0", packed.as_slice()].concat();
        let mut left = LARGEST_TEXT;
        assert!(unfold(b"zTXt", &text, &mut left).is_some());
        assert!(unfold(b"zTXt", &text, &mut left).is_none(), "the second would be beyond it");
        assert_eq!(left, 0, "and has used up what was left");
    }
}
