//! One record, and the line of text that holds it.
//!
//! `41+ 2026-11-23T05:26:01.123Z 7c0e…-uuid cli album.rename {"album":"…","name":"Rome"} 9f86d081884c7d65`
//!
//! The `+` after a sequence says that the next record belongs to the same batch; recovery needs it to take back a
//! batch of which only a part reached the file.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::id::AccountId;

/// The longest line that is written or believed. It bounds what a damaged file can make us hold in memory.
pub const MAX_LINE: usize = 1 << 20;

/// How deep JSON may nest. serde_json refuses to read back more than 127 levels.
pub(super) const MAX_DEPTH: usize = 64;

/// Hex digits of the checksum: 64 bits of BLAKE3, against decay and not against an attacker.
const CHECKSUM_LEN: usize = 16;

/// The position of a record in the journal. The first is 1; 0 is "before everything".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before the first record: what a catalogue that has applied nothing stands at.
    pub const START: Self = Self(0);

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a decision came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// Something changed in a watched folder.
    Folder,
    /// The command line.
    Cli,
    /// The FUSE mount.
    Mount,
    /// The web gallery.
    Web,
    /// D-Bus.
    Bus,
    /// A phone app.
    Phone,
    /// The daemon by itself.
    Daemon,
}

impl Face {
    /// Every face.
    pub const ALL: [Self; 7] =
        [Self::Folder, Self::Cli, Self::Mount, Self::Web, Self::Bus, Self::Phone, Self::Daemon];

    /// The word a record line holds.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Cli => "cli",
            Self::Mount => "mount",
            Self::Web => "web",
            Self::Bus => "bus",
            Self::Phone => "phone",
            Self::Daemon => "daemon",
        }
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Face {
    type Err = BadLine;

    fn from_str(word: &str) -> Result<Self, BadLine> {
        Self::ALL.into_iter().find(|face| face.word() == word).ok_or(BadLine::Field("face"))
    }
}

/// What a caller wants remembered.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// Who decided; `None` for the daemon itself.
    pub actor: Option<AccountId>,
    /// Where it came in.
    pub face: Face,
    /// When, where the caller has said so to others already; `None` for now.
    pub time: Option<Timestamp>,
    /// What it is: a word of `a-z`, `0-9`, `.`, `-` and `_` that begins with a letter, 64 bytes at most.
    pub kind: String,
    /// What it says.
    pub content: Value,
}

/// A draft that has its place in the journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Its place.
    pub sequence: Sequence,
    /// The next record was appended in the same batch.
    pub continues: bool,
    /// When it was appended, to the millisecond. Not monotonic: clocks are set.
    pub time: Timestamp,
    /// Who decided; `None` for the daemon itself.
    pub actor: Option<AccountId>,
    /// Where it came in.
    pub face: Face,
    /// What it is.
    pub kind: String,
    /// What it says.
    pub content: Value,
}

/// Why a line is no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadLine {
    /// Not text at all.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Longer than [`MAX_LINE`].
    #[error("it is longer than {MAX_LINE} bytes")]
    TooLong,
    /// The file ends inside the line.
    #[error("the file ends inside the line")]
    Incomplete,
    /// The checksum at its end is not that of the text before it.
    #[error("its checksum does not match")]
    Checksum,
    /// A field is missing or malformed.
    #[error("its field `{0}` cannot be read")]
    Field(&'static str),
    /// The sequence is one that was already read.
    #[error("its sequence goes backwards")]
    Backwards,
}

/// The checksum of a line: the first 16 hex digits of BLAKE3 over everything before the space that precedes it.
///
/// Lines are not chained: compaction moves a line to another file unchanged, and a bad line must not take those after
/// it along. What a chain would find (a line lost, doubled or moved) the sequences find.
pub(super) fn checksum(text: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash = blake3::hash(text);
    let mut digits = [0; CHECKSUM_LEN];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.as_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    digits
}

/// Ends the line that begins at `start` with its checksum and a newline.
pub(super) fn seal_line(buffer: &mut Vec<u8>, start: usize) {
    let sum = checksum(&buffer[start..]);
    buffer.push(b' ');
    buffer.extend_from_slice(&sum);
    buffer.push(b'\n');
}

/// The text of a line without its checksum, which is right.
pub(super) fn unseal_line(line: &[u8]) -> Result<&str, BadLine> {
    if line.len() > MAX_LINE {
        return Err(BadLine::TooLong);
    }
    let at = line.len().checked_sub(CHECKSUM_LEN + 1).ok_or(BadLine::Checksum)?;
    let (text, sum) = line.split_at(at);
    if sum.first() != Some(&b' ') || checksum(text) != sum[1..] {
        return Err(BadLine::Checksum);
    }
    std::str::from_utf8(text).map_err(|_| BadLine::NotText)
}

/// A record line whose fields were read, its content still text.
struct Fields<'a> {
    sequence: u64,
    continues: bool,
    time: Timestamp,
    actor: Option<AccountId>,
    face: Face,
    kind: &'a str,
    content: &'a str,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Result<Self, BadLine> {
        let mut words = text.splitn(6, ' ');
        let mut word = |name| words.next().ok_or(BadLine::Field(name));
        let number = word("sequence")?;
        let (digits, continues) = number.strip_suffix('+').map_or((number, false), |digits| (digits, true));
        let sequence = read_number(digits).filter(|n| *n > 0).ok_or(BadLine::Field("sequence"))?;
        let time = word("time")?.parse().map_err(|_| BadLine::Field("time"))?;
        let actor = match word("actor")? {
            "-" => None,
            id => Some(id.parse().map_err(|_| BadLine::Field("actor"))?),
        };
        let face = word("face")?.parse()?;
        let kind = word("kind")?;
        if !is_kind(kind) {
            return Err(BadLine::Field("kind"));
        }
        let content = word("content")?;
        Ok(Self { sequence, continues, time, actor, face, kind, content })
    }
}

/// A decimal number, written the one way we write it.
pub(super) fn read_number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    // The upper half is kept out of reach: whatever stands in a file, the numbers after it can be named and counted on.
    plain.then(|| digits.parse().ok()).flatten().filter(|n| *n < u64::MAX / 2)
}

/// Whether a word may stand as a record's kind.
pub(super) fn is_kind(word: &str) -> bool {
    word.len() <= 64
        && word.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'))
}

/// Whether JSON nests no deeper than can be read back.
pub(super) fn is_shallow(value: &Value, depth: usize) -> bool {
    depth > 0
        && match value {
            Value::Array(items) => items.iter().all(|item| is_shallow(item, depth - 1)),
            Value::Object(fields) => fields.values().all(|item| is_shallow(item, depth - 1)),
            _ => true,
        }
}

/// Reads a record line, without its newline.
pub fn parse_line(line: &[u8]) -> Result<Record, BadLine> {
    parse_text(unseal_line(line)?)
}

/// As [`parse_line`], for a line that [`check_line`] has passed.
pub(super) fn parse_checked(line: &[u8]) -> Result<Record, BadLine> {
    let text = line.get(..line.len().saturating_sub(CHECKSUM_LEN + 1)).unwrap_or_default();
    parse_text(std::str::from_utf8(text).map_err(|_| BadLine::NotText)?)
}

fn parse_text(text: &str) -> Result<Record, BadLine> {
    let fields = Fields::read(text)?;
    Ok(Record {
        sequence: Sequence(fields.sequence),
        continues: fields.continues,
        time: fields.time,
        actor: fields.actor,
        face: fields.face,
        kind: fields.kind.to_owned(),
        content: serde_json::from_str(fields.content).map_err(|_| BadLine::Field("content"))?,
    })
}

/// Whether [`parse_line`] would read the line, without building its content: its sequence, and whether the next
/// record belongs to the same batch.
pub(super) fn check_line(line: &[u8]) -> Result<(u64, bool), BadLine> {
    let fields = Fields::read(unseal_line(line)?)?;
    serde_json::from_str::<Sound>(fields.content).map_err(|_| BadLine::Field("content"))?;
    Ok((fields.sequence, fields.continues))
}

/// JSON that a [`Value`] can hold, read and dropped. [`serde::de::IgnoredAny`] would not do: it takes numbers that no
/// `f64` holds, halves of surrogate pairs and any depth, and the record would be passed here and be missing later.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(Self)
    }
}

/// Appends the line of a record to `buffer`, newline included. `content` is one-line JSON.
pub(super) fn write_line(
    buffer: &mut Vec<u8>,
    (sequence, continues): (u64, bool),
    time: &str,
    draft: &Draft,
    content: &str,
) {
    use std::io::Write;
    let start = buffer.len();
    let more = if continues { "+" } else { "" };
    // Writing to memory does not fail.
    let _ = match draft.actor {
        Some(actor) => {
            write!(buffer, "{sequence}{more} {time} {actor} {} {} {content}", draft.face, draft.kind)
        }
        None => write!(buffer, "{sequence}{more} {time} - {} {} {content}", draft.face, draft.kind),
    };
    seal_line(buffer, start);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn line(sequence: u64, continues: bool, draft: &Draft) -> Vec<u8> {
        let mut buffer = Vec::new();
        let content = serde_json::to_string(&draft.content).unwrap();
        write_line(&mut buffer, (sequence, continues), "2026-11-23T05:26:01.123Z", draft, &content);
        assert_eq!(buffer.pop(), Some(b'\n'));
        buffer
    }

    fn draft() -> Draft {
        let content = json!({ "name": "Rome, at\nnight \u{2028} é" });
        Draft {
            time: None,
            actor: Some(AccountId::from_bytes([7; 16])),
            face: Face::Cli,
            kind: "album.rename".into(),
            content,
        }
    }

    #[test]
    fn a_line_is_readable_and_reads_back() {
        let text = line(41, true, &draft());
        let shown = String::from_utf8(text.clone()).unwrap();
        assert!(
            shown.starts_with(
                "41+ 2026-11-23T05:26:01.123Z 07070707-0707-0707-0707-070707070707 cli album.rename {\"name\":"
            ),
            "{shown}"
        );
        assert!(!shown.contains('\n'));
        let record = parse_line(&text).unwrap();
        assert_eq!(check_line(&text), Ok((41, true)));
        assert_eq!((record.sequence, record.continues), (Sequence(41), true));
        assert_eq!((record.actor, record.face), (draft().actor, Face::Cli));
        assert_eq!((record.kind, record.content), (draft().kind, draft().content));
        assert_eq!(record.time.to_string(), "2026-11-23T05:26:01.123Z");
    }

    #[test]
    fn every_changed_byte_is_found() {
        let good = line(9, false, &draft());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(parse_line(&bad).is_err(), "byte {at}");
            assert!(parse_line(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_right_checksum_does_not_excuse_a_wrong_field() {
        let say = |text: &str| {
            let mut buffer = text.as_bytes().to_vec();
            seal_line(&mut buffer, 0);
            buffer.pop();
            assert_eq!(check_line(&buffer).err(), parse_line(&buffer).err());
            parse_line(&buffer).err()
        };
        assert_eq!(say("1 2026-11-23T05:26:01.123Z - cli a.b {}"), None);
        assert_eq!(say("01 2026-11-23T05:26:01.123Z - cli a.b {}"), Some(BadLine::Field("sequence")));
        assert_eq!(say("0 2026-11-23T05:26:01.123Z - cli a.b {}"), Some(BadLine::Field("sequence")));
        assert_eq!(say("1 yesterday - cli a.b {}"), Some(BadLine::Field("time")));
        assert_eq!(say("1 2026-11-23T05:26:01.123Z me cli a.b {}"), Some(BadLine::Field("actor")));
        assert_eq!(say("1 2026-11-23T05:26:01.123Z - tty a.b {}"), Some(BadLine::Field("face")));
        assert_eq!(say("1 2026-11-23T05:26:01.123Z - cli A {}"), Some(BadLine::Field("kind")));
        assert_eq!(say("1 2026-11-23T05:26:01.123Z - cli a.b {"), Some(BadLine::Field("content")));
        assert_eq!(say("1 2026-11-23T05:26:01.123Z - cli a.b"), Some(BadLine::Field("content")));
    }

    #[test]
    fn content_that_no_value_holds_is_found_at_open_and_not_lost_later() {
        let check = |content: &str| {
            let mut buffer = format!("1 2026-11-23T05:26:01.123Z - cli a.b {content}").into_bytes();
            seal_line(&mut buffer, 0);
            buffer.pop();
            assert_eq!(check_line(&buffer).is_ok(), parse_line(&buffer).is_ok(), "{content}");
            check_line(&buffer).is_ok()
        };
        assert!(check(r#"{"a":[null,true,-1,18446744073709551615,1.5e3,"\ud83d\ude00"],"b":{}}"#));
        assert!(!check(r#"{"a":1e999}"#));
        assert!(!check(r#"{"a":"\ud83d"}"#));
        assert!(!check(&format!("{}{}", "[".repeat(200), "]".repeat(200))));
        assert!(!check("{} {}"));
    }

    /// Found by fuzzing: the last digit of a number changed with each reading.
    #[test]
    fn numbers_are_read_as_they_were_written() {
        for number in ["4.4444444444444444e+23", "41.890210000000003", "0.1"] {
            let value: Value = serde_json::from_str(number).unwrap();
            let again: Value = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(again.as_f64().map(f64::to_bits), number.parse().ok().map(f64::to_bits));
        }
    }

    #[test]
    fn numbers_that_leave_no_room_for_the_next_are_none() {
        assert_eq!(read_number("18446744073709551614"), None);
        assert_eq!(read_number("9223372036854775807"), None);
        assert_eq!(read_number("9223372036854775806"), Some(u64::MAX / 2 - 1));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_without_a_fuss(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse_line(&bytes).is_err());
        }
    }
}
