//! A sidecar's bytes as text, and back to the same bytes.

use super::WritingError;

/// How the text is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Encoding {
    unit: Unit,
    /// Whether a byte order mark stands in front.
    marked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Utf8,
    Utf16 { big_endian: bool },
}

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Encoding {
    /// UTF-8 without a mark.
    pub(super) const PLAIN: Self = Self { unit: Unit::Utf8, marked: false };

    /// Whether the XML declaration may name this encoding.
    pub(super) fn may_be_called(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self.unit {
            Unit::Utf8 => name == "utf-8",
            Unit::Utf16 { .. } => name.starts_with("utf-16"),
        }
    }

    /// The bytes of a text.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self.unit {
            Unit::Utf8 if self.marked => [UTF8_MARK, text.as_bytes()].concat(),
            Unit::Utf8 => text.as_bytes().to_vec(),
            Unit::Utf16 { big_endian } => {
                let mark = self.marked.then_some(0xFEFF);
                let units = mark.into_iter().chain(text.encode_utf16());
                units
                    .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                    .collect()
            }
        }
    }
}

/// The text, without its mark. What could not be turned back into the same bytes is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<(Encoding, String), WritingError> {
    let utf16 = |rest: &[u8], big_endian, marked| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units = pairs
            .iter()
            .map(|pair| if big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        match text {
            Ok(text) if odd.is_empty() => Ok((Encoding { unit: Unit::Utf16 { big_endian }, marked }, text)),
            _ => Err(WritingError::Encoding),
        }
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, true, true),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, false, true),
        [0, b'<', ..] => utf16(bytes, true, false),
        [b'<', 0, ..] => utf16(bytes, false, false),
        _ => {
            let bare = bytes.strip_prefix(UTF8_MARK);
            let text = std::str::from_utf8(bare.unwrap_or(bytes)).map_err(|_| WritingError::Encoding)?;
            Ok((Encoding { unit: Unit::Utf8, marked: bare.is_some() }, text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_comes_back_the_same() {
        for bytes in [
            b"<a/>".to_vec(),
            b"\xEF\xBB\xBF<a/>".to_vec(),
            b"\xFE\xFF\0<\0a\xD8\x3D\xDE\x00\0/\0>".to_vec(),
            b"\xFF\xFE<\0a\0/\0>\0".to_vec(),
            b"<\0a\0/\0>\0".to_vec(),
            b"\0<\0a\0/\0>".to_vec(),
            Vec::new(),
        ] {
            let (encoding, text) = decode(&bytes).unwrap();
            assert_eq!(encoding.encode(&text), bytes, "{encoding:?}");
        }
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        for bytes in [b"<a>Z\xFCrich</a>".as_slice(), b"\xFE\xFF\0<\0", b"\xFE\xFF\xD8\x3D\0<"] {
            assert_eq!(decode(bytes), Err(WritingError::Encoding));
        }
    }
}
