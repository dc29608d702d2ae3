//! Content hashes, taken in one pass over a file: BLAKE3 for us, SHA-1 because phones know photos by it.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::Digest as _;

/// Declares a fixed-width hash that prints as hex, in JSON and for people, and is raw bytes in the catalogue.
macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The hash with exactly these bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = hex::FromHexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    // A tuple, not a slice: the length is known, so none is stored.
                    use serde::ser::SerializeTuple;
                    let mut tuple = serializer.serialize_tuple($len)?;
                    for byte in &self.0 {
                        tuple.serialize_element(byte)?;
                    }
                    tuple.end()
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Bytes;
                impl<'de> serde::de::Visitor<'de> for Bytes {
                    type Value = [u8; $len];
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} bytes", $len)
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                        let mut bytes = [0; $len];
                        for (at, byte) in bytes.iter_mut().enumerate() {
                            *byte = seq
                                .next_element()?
                                .ok_or_else(|| serde::de::Error::invalid_length(at, &self))?;
                        }
                        Ok(bytes)
                    }
                }
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    deserializer.deserialize_tuple($len, Bytes).map(Self)
                }
            }
        }
    };
}

digest_type!(
    /// BLAKE3 of a file's bytes: what makes two files the same asset.
    Checksum,
    32
);
digest_type!(
    /// SHA-1 of a file's bytes: how Immich's clients ask whether we have a photo. Never used to decide identity.
    Sha1,
    20
);

impl Checksum {
    /// The checksum of bytes already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Both hashes of a file and how many bytes went into them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Digests {
    /// BLAKE3.
    pub checksum: Checksum,
    /// SHA-1.
    pub sha1: Sha1,
    /// Bytes hashed.
    pub size: u64,
}

impl Digests {
    /// The digests of bytes already in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = DigestHasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Reads to the end, hashing. `buffer` is the caller's so that a thread reuses one.
    pub fn read(mut reader: impl Read, buffer: &mut [u8]) -> io::Result<Self> {
        let mut hasher = DigestHasher::default();
        loop {
            match reader.read(buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(n) => hasher.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes both hashes of a stream that passes by in pieces, an upload for one.
#[derive(Default, Debug)]
pub struct DigestHasher {
    blake3: blake3::Hasher,
    sha1: sha1::Sha1,
    size: u64,
}

impl DigestHasher {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha1.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Ends the stream.
    pub fn finish(self) -> Digests {
        Digests {
            checksum: Checksum(*self.blake3.finalize().as_bytes()),
            sha1: Sha1(self.sha1.finalize().into()),
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_agree_with_the_published_vectors() {
        let digests = Digests::read(&b"abc"[..], &mut [0; 2]).unwrap();
        assert_eq!(digests.sha1.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            digests.checksum.to_string(),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert_eq!(digests.size, 3);
    }

    #[test]
    fn checksums_are_hex_in_json_and_bare_bytes_in_the_catalogue() {
        let checksum = Checksum::of(b"abc");
        let json = serde_json::to_string(&checksum).unwrap();
        assert_eq!(json.len(), 66);
        assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), checksum);
        let bytes = postcard::to_stdvec(&checksum).unwrap();
        assert_eq!(bytes, checksum.as_bytes());
        assert_eq!(postcard::from_bytes::<Checksum>(&bytes).unwrap(), checksum);
    }
}
