//! XMP: RDF written as XML, in photos and beside them.

mod fields;
mod regions;
mod tree;

use crate::said::Said;
pub(crate) use fields::guid_of_extension;

/// What an XMP packet says. Bytes that are no XML give an empty answer with a warning.
pub(crate) fn read(packet: &[u8]) -> Said {
    let mut said = Said::default();
    let text = decode(packet);
    let (properties, problem) = tree::properties(&text);
    if let Some(problem) = problem {
        said.warnings.push(format!("the XMP {problem}"));
    }
    fields::fill(&properties, &mut said);
    said
}

/// XMP is UTF-8 by rule and UTF-16 on occasion.
fn decode(packet: &[u8]) -> String {
    let wide = |big_endian: bool| {
        let units = packet.chunks_exact(2).map(|pair| match pair {
            [a, b] if big_endian => u16::from_be_bytes([*a, *b]),
            [a, b] => u16::from_le_bytes([*a, *b]),
            _ => 0,
        });
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect()
    };
    match packet {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => wide(true),
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => wide(false),
        _ => String::from_utf8_lossy(packet.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(packet)).into_owned(),
    }
}
