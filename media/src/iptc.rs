//! IPTC's records (IIM), and Photoshop's resources that carry them.

use jiff::civil::Time;

use crate::block::{Block, BlockExt};
use crate::moment::{Moment, parse, parse_time};
use crate::said::Said;
use crate::text;

/// Keywords of one photo; more is a loop, not a person.
const MOST_RECORDS: usize = 10_000;

/// What Photoshop's resource blocks hold that we read.
#[derive(Default, Debug)]
pub(crate) struct Resources {
    pub(crate) iptc: Option<Vec<u8>>,
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) xmp: Option<Vec<u8>>,
    /// Where the colour profile lies in the block, and how long it is.
    pub(crate) profile: Option<(u64, u64)>,
    /// Where the thumbnail lies in the block, and how long it is.
    pub(crate) thumbnail: Option<(u64, u64)>,
    /// The document was saved without a picture of all its layers together.
    pub(crate) no_composite: bool,
}

/// Walks `8BIM` blocks from the start of `block` on.
pub(crate) fn resources(block: &mut dyn Block) -> Resources {
    let mut found = Resources::default();
    let mut at = 0;
    for _ in 0..MOST_RECORDS {
        // "8BIM", and in files of older Adobe programs "PHUT", "AgHg", "DCSR", "MeSa".
        let Some(head) = block.array::<7>(at) else { break };
        let [_, _, _, _, id @ .., name] = head;
        if !head.starts_with(b"8BIM")
            && !head.starts_with(b"PHUT")
            && !head.starts_with(b"AgHg")
            && !head.starts_with(b"DCSR")
            && !head.starts_with(b"MeSa")
        {
            break;
        }
        // The name is a counted string, padded so that count and letters are even.
        let name = (u64::from(name) + 2) & !1;
        let Some(size) = block.be32(at + 6 + name) else { break };
        let data = at + 10 + name;
        match u16::from_be_bytes(id) {
            0x0404 => found.iptc = block.bytes(data, u64::from(size).min(1 << 20)),
            0x0422 => found.exif = block.bytes(data, u64::from(size)),
            0x0424 => found.xmp = block.bytes(data, u64::from(size)),
            0x040F => found.profile = Some((data, u64::from(size))),
            0x040C => found.thumbnail = Some((data, u64::from(size))),
            0x0421 => found.no_composite = block.array::<1>(data + 4) == Some([0]),
            _ => {}
        }
        at = data + ((u64::from(size) + 1) & !1);
    }
    found
}

/// What the records say.
pub(crate) fn read(mut block: &[u8]) -> Said {
    let mut said = Said::default();
    let (mut date, mut time) = (None, None);
    let (mut digital_date, mut digital_time) = (None, None);
    let mut utf8 = false;
    let at = &mut 0u64;
    for _ in 0..MOST_RECORDS {
        let Some([0x1C, record, dataset, size @ ..]) = block.array::<5>(*at) else { break };
        let size = u16::from_be_bytes(size);
        *at += 5;
        // The high bit says that the length has its own length.
        let size = if size & 0x8000 == 0 {
            u64::from(size)
        } else {
            let Some(wide) = block.bytes(*at, u64::from(size & 0x7FFF).min(8)) else { break };
            *at += wide.len() as u64;
            wide.iter().fold(0u64, |all, byte| all.wrapping_shl(8) | u64::from(*byte))
        };
        let Some(value) = block.bytes(*at, size) else {
            said.warnings.push("the IPTC records end early".to_owned());
            break;
        };
        *at += size;
        let words = |value: &[u8]| if utf8 { text::guess(value) } else { guess_or_latin(value) };
        match (record, dataset) {
            (1, 90) => utf8 = value == b"\x1B%G",
            (2, 25) => said.flat_tags.extend(words(&value)),
            (2, 120) => said.description = words(&value),
            (2, 55) => date = text::guess(&value),
            (2, 60) => time = text::guess(&value),
            (2, 62) => digital_date = text::guess(&value),
            (2, 63) => digital_time = text::guess(&value),
            _ => {}
        }
    }
    said.created = moment(date.as_deref(), time.as_deref());
    said.digitized = moment(digital_date.as_deref(), digital_time.as_deref());
    said
}

/// Without a declared character set the bytes are UTF-8 if they can be, since no other text looks like it by chance.
fn guess_or_latin(value: &[u8]) -> Option<String> {
    if std::str::from_utf8(value).is_ok() { text::guess(value) } else { text::latin(value) }
}

/// A time without its date is nothing.
fn moment(date: Option<&str>, time: Option<&str>) -> Option<Moment> {
    let date = parse(date?).moment()?.local.date();
    Some(match time.and_then(parse_time) {
        Some((time, offset)) => Moment { local: date.to_datetime(time), offset, date_only: false },
        None => Moment { local: date.to_datetime(Time::midnight()), offset: None, date_only: true },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(dataset: u8, value: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1C, 2, dataset];
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
        out
    }

    #[test]
    fn keywords_caption_and_date() {
        let bytes = [
            record(25, b"dog"),
            record(25, b"K\xE4se"),
            record(120, "Grüße".as_bytes()),
            record(55, b"20200102"),
            record(60, b"030405+0100"),
        ]
        .concat();
        let said = read(&bytes);
        assert_eq!(said.flat_tags, ["dog", "Käse"]);
        assert_eq!(said.description.as_deref(), Some("Grüße"));
        let created = said.created.unwrap();
        assert_eq!(created.local.to_string(), "2020-01-02T03:04:05");
        assert_eq!(created.offset.unwrap().seconds(), 3600);
    }

    #[test]
    fn a_time_alone_is_no_date() {
        assert_eq!(read(&record(60, b"143000+0000")).created, None);
    }

    #[test]
    fn resources_with_and_without_names() {
        let mut bytes = b"8BIM\x04\x25\0\0\0\0\0\x01x\0".to_vec();
        bytes.extend(b"8BIM\x04\x04\x02ab\0\0\0\0\x03abc\0");
        let found = resources(&mut &bytes[..]);
        assert_eq!(found.iptc.as_deref(), Some(&b"abc"[..]));
    }

    #[test]
    fn giant_sizes() {
        assert!(read(b"\x1C\x02\x19\xFF\xFF\x01\x02").flat_tags.is_empty());
        assert!(resources(&mut &b"8BIM\x04\x04\0\0\xFF\xFF\xFF\xFFabc"[..]).iptc.is_none());
    }
}
