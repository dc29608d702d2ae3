//! Paths as text that loses nothing: file names need not be UTF-8, JSON must be.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path written with `%XX` for `%` itself and for every byte that is not UTF-8 text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawPath(pub PathBuf);

impl RawPath {
    /// The path as reversible text.
    pub fn encode(path: &Path) -> String {
        let mut text = String::new();
        for chunk in path.as_os_str().as_bytes().utf8_chunks() {
            text.push_str(&chunk.valid().replace('%', "%25"));
            for byte in chunk.invalid() {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
        text
    }

    /// Reads what [`RawPath::encode`] wrote. A `%` without two hex digits after it stands for itself.
    pub fn decode(text: &str) -> PathBuf {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let escaped = match (first, after) {
                (b'%', [high, low, ..]) => hex_byte(*high, *low),
                _ => None,
            };
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &after[2..] } else { after };
        }
        PathBuf::from(OsString::from_vec(bytes))
    }
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

impl Serialize for RawPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Self::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for RawPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(Self::decode(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_name_comes_back() {
        for name in [
            &b"plain.jpg"[..],
            b"100%.jpg",
            b"%41",
            b"caf\xe9.jpg",
            "caf\u{e9}\n.jpg".as_bytes(),
            b"\xff%\xfe",
        ] {
            let path = PathBuf::from(OsString::from_vec(name.to_vec()));
            assert_eq!(RawPath::decode(&RawPath::encode(&path)), path);
        }
        assert_eq!(RawPath::encode(Path::new("a b/c.jpg")), "a b/c.jpg", "ordinary names stay readable");
        assert_eq!(RawPath::decode("50% off"), PathBuf::from("50% off"));
    }
}
