//! XMP: RDF written as XML, in photos and beside them.

mod fields;
mod regions;
mod tree;
pub mod writing;

use crate::said::Said;
use crate::text;
pub(crate) use fields::guid_of_extension;

/// What an XMP packet says. Bytes that are no XML give an empty answer with a warning.
pub(crate) fn read(packet: &[u8]) -> Said {
    let mut said = Said::default();
    let (properties, problem) = tree::properties(&decode(packet));
    if let Some(problem) = problem {
        said.warnings.push(format!("the XMP {problem}"));
    }
    fields::fill(&properties, &mut said);
    said
}

/// XMP is UTF-8 by rule and UTF-16 on occasion.
fn decode(packet: &[u8]) -> String {
    match packet {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => text::utf16_whole(packet, true),
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => text::utf16_whole(packet, false),
        _ => String::from_utf8_lossy(packet.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(packet)).into_owned(),
    }
}
