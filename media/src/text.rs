//! Text as files store it, in whatever encoding, as a clean `String`.

/// Bytes of unknown encoding: UTF-8 if they are, else Windows-1252, which Latin-1 writers mean too. Ends at the first
/// NUL, trimmed; `None` when nothing is left.
pub(crate) fn guess(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => clean(text),
        Err(_) => clean(&bytes.iter().map(|byte| windows_1252(*byte)).collect::<String>()),
    }
}

/// Latin-1 or Windows-1252 text.
pub(crate) fn latin(bytes: &[u8]) -> Option<String> {
    clean(&bytes.iter().map(|byte| windows_1252(*byte)).collect::<String>())
}

/// UTF-16 without a byte order mark, or with one, up to the first NUL.
pub(crate) fn utf16(bytes: &[u8], big_endian: bool) -> Option<String> {
    let (bytes, big_endian) = match bytes {
        [0xFE, 0xFF, rest @ ..] => (rest, true),
        [0xFF, 0xFE, rest @ ..] => (rest, false),
        _ => (bytes, big_endian),
    };
    let words = utf16_whole(bytes, big_endian);
    clean(words.split('\0').next().unwrap_or_default())
}

/// All of a UTF-16 text; half pairs become the mark for what is no letter.
pub(crate) fn utf16_whole(bytes: &[u8], big_endian: bool) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [a, b] if big_endian => u16::from_be_bytes([*a, *b]),
        [a, b] => u16::from_le_bytes([*a, *b]),
        _ => 0,
    });
    char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect()
}

/// Drops padding and control characters; `None` when nothing is left.
pub(crate) fn clean(text: &str) -> Option<String> {
    let kept: String = text
        .trim_matches(|c: char| c.is_whitespace() || c == '\0')
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH.get(usize::from(byte - 0x80)).copied().unwrap_or('\u{FFFD}'),
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(guess("Zürich\0rest".as_bytes()).as_deref(), Some("Zürich"));
        assert_eq!(guess(b"Z\xFCrich  ").as_deref(), Some("Zürich"));
        assert_eq!(guess(b"\x80").as_deref(), Some("€"));
        assert_eq!(guess(b"  \0abc"), None);
        assert_eq!(utf16(b"a\0b\0\0\0c\0", false).as_deref(), Some("ab"));
        assert_eq!(utf16(b"\xFE\xFF\0a", false).as_deref(), Some("a"));
        assert_eq!(clean("a\r\nb\u{1}").as_deref(), Some("a\nb"));
    }
}
