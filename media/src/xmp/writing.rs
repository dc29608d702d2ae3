//! What a person decided of a photo, put into the XMP file that lies beside it.
//!
//! What makes it hard:
//!
//! 1. The file is another program's too, with hours of somebody's work in it. It is never written anew: [`edits`] replaces the
//!    few ranges of bytes that say what was decided otherwise, and everything else stays as it was, byte for byte.
//! 2. A mistake would destroy that work. Where the reader forgives ([`super::tree`]), [`document`] refuses; and what comes
//!    out is read again, and given to nobody unless it says what was decided, and all else as before.
//! 3. Several properties say one thing, and every program believes another of them. [`tags`], [`stars`], [`words`] and
//!    [`date`] each write those that digiKam, darktable and Lightroom read, and bring up to date, or remove, whatever else
//!    the file has that would contradict.
//! 4. A property has many spellings in RDF, under any prefix ([`property`]). It is changed in the spelling that it has.
//! 5. Nobody must write for nothing: programs that watch the file would answer, for ever. So values are compared, never
//!    their spelling, and what says it already is left alone.
//! 6. It may be UTF-16, and stays so ([`encoding`]).

mod date;
mod document;
mod edits;
mod encoding;
mod property;
#[cfg(test)]
mod round_trips;
mod stars;
mod tags;
mod words;

use std::collections::HashSet;

use jiff::civil::DateTime;
use library::metadata::{TagPath, Taken, Zone, ZoneSource};
use serde::{Deserialize, Serialize};

use self::edits::Edits;
use self::encoding::Encoding;
use self::property::Property;
use super::fields;
use super::tree::{self, Value};
use crate::read::LARGEST_SIDECAR;
use crate::said::Said;
pub use crate::said::Verdict;
use crate::settle::tags_of;

/// What becomes of one thing that a sidecar may say.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Field<T> {
    /// It says of it what it said before, if anything.
    #[default]
    Kept,
    /// It says nothing of it.
    Removed,
    /// It says this.
    Set(T),
}

impl<T> From<Option<T>> for Field<T> {
    /// What nobody decided is kept.
    fn from(decided: Option<T>) -> Self {
        decided.map_or(Self::Kept, Self::Set)
    }
}

/// What a person decided of a photo, as far as a sidecar can say it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Decided {
    /// Stars; 0 says that there are none, whatever the photo says itself.
    pub rating: Field<Verdict>,
    /// All its tags, also those that the sidecar or the photo has already. None at all is the same as
    /// [`Field::Removed`]: XMP has no word for "no tags".
    pub tags: Field<Vec<TagPath>>,
    /// The caption. An empty one is the same as [`Field::Removed`].
    pub description: Field<String>,
    /// When it was taken.
    pub taken: Field<Taken>,
}

/// What a sidecar says, as galleryfs reads it, of what can be decided.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Says {
    /// What somebody thought of the photo.
    pub rating: Option<Verdict>,
    /// Its tags, sorted.
    pub tags: Vec<TagPath>,
    /// The caption.
    pub description: Option<String>,
    /// When the shutter opened.
    pub taken: Option<Taken>,
}

impl Says {
    /// The tags without regard to case and composition.
    pub fn folded_tags(&self) -> HashSet<Vec<String>> {
        self.tags.iter().map(TagPath::folded).collect()
    }
}

/// What the bytes of a sidecar say. What [`merged`] would not write into is an error.
pub fn says(bytes: &[u8]) -> Result<Says, WritingError> {
    if bytes.len() > LARGEST_SIDECAR {
        return Err(WritingError::TooLarge);
    }
    let (encoding, text) = encoding::decode(bytes)?;
    document::parse(&text, encoding)?;
    let said = Reading::of(&text)?.said;
    let zone = |offset| Zone { offset, source: ZoneSource::File };
    Ok(Says {
        rating: said.rating,
        tags: tags_of(&[&said]),
        taken: said.original.map(|moment| Taken { local: moment.local, zone: moment.offset.map(zone) }),
        description: said.description,
    })
}

/// Why a sidecar is left as it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WritingError {
    /// Larger than any sidecar is, before or after.
    #[error("the sidecar is larger than {} MiB: it is left as it is", LARGEST_SIDECAR >> 20)]
    TooLarge,
    /// Neither UTF-8 nor UTF-16, or another encoding than it says.
    #[error("the sidecar is not in UTF-8 or UTF-16, or says that it is not: save it as UTF-8")]
    Encoding,
    /// No XML, or XML with a mistake.
    #[error("the sidecar is damaged at byte {at} of its text, where {what}: mend it, or move it away")]
    Damaged {
        /// Where, in bytes of the text as UTF-8.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// It defines entities, or may.
    #[error(
        "the sidecar has a document type, which no photo program writes: remove it, or move the file away"
    )]
    DocumentType,
    /// XML, but no XMP.
    #[error("the sidecar is no XMP, for {0}: move it away")]
    NotXmp(&'static str),
    /// Deeper or longer than the reader goes.
    #[error("the sidecar is nested too deeply or has too many parts: it is left as it is")]
    TooIntricate,
    /// No date that XMP can say.
    #[error("{0} is no date that XMP can say: decide one after the year 0")]
    Date(DateTime),
    /// It is built so that it would not say afterwards what it should, or not all that it said.
    #[error(
        "the sidecar is built in a way that galleryfs cannot change without a loss: have another program save it anew"
    )]
    Unfaithful,
}

/// What a sidecar begins as.
const NEW: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="galleryfs">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description
    rdf:about=""/>
 </rdf:RDF>
</x:xmpmeta>
"#;

/// The bytes of a sidecar that says what was decided and all else that it said before, `existing` being those it has now.
///
/// `None` when there is nothing to write: it says all of that, or there is none and nothing was decided. Merging what came
/// of it once more gives `None`. Two tags that differ in case or composition alone are one, and keep the spelling that the
/// sidecar has. What cannot be said in XML, as control characters, is left out, and so is a tag with both `/` and `|` in
/// its words and another tag above it.
pub fn merged(existing: Option<&[u8]>, decided: &Decided) -> Result<Option<Vec<u8>>, WritingError> {
    let (encoding, text) = match existing {
        Some(bytes) if bytes.len() > LARGEST_SIDECAR => return Err(WritingError::TooLarge),
        Some(bytes) => encoding::decode(bytes)?,
        None => (Encoding::PLAIN, NEW.to_owned()),
    };
    let packet = document::parse(&text, encoding)?;
    let before = Reading::of(&text)?;
    let mut edits = Edits::of(&packet);
    stars::write(&decided.rating, &mut edits);
    let wanted = tags::write(&decided.tags, &before.said, &mut edits);
    let caption = words::write(&decided.description, &before.said, &mut edits);
    let taken = date::write(&decided.taken, &before.said, &mut edits)?;
    let Some(written) = edits.finish()? else { return Ok(None) };

    document::parse(&written, encoding).map_err(|_| WritingError::Unfaithful)?;
    let after = Reading::of(&written).map_err(|_| WritingError::Unfaithful)?;
    let says_what_was_decided = stars::says(&decided.rating, &after.said)
        && wanted.is_none_or(|wanted| tags::says(&wanted, &after.said))
        && caption.is_none_or(|caption| after.said.description == caption)
        && taken.is_none_or(|taken| after.said.original == taken);
    if !says_what_was_decided || !before.agrees_with(&after, &touched(decided)) {
        return Err(WritingError::Unfaithful);
    }
    let bytes = encoding.encode(&written);
    if bytes.len() > LARGEST_SIDECAR {
        return Err(WritingError::TooLarge);
    }
    Ok(Some(bytes))
}

/// The properties that a decision may change.
fn touched(decided: &Decided) -> Vec<&'static Property> {
    let mut all = Vec::new();
    if decided.rating != Field::Kept {
        all.extend(stars::PROPERTIES);
    }
    if decided.tags != Field::Kept {
        all.extend(tags::PROPERTIES);
    }
    if decided.description != Field::Kept {
        all.extend(words::PROPERTIES);
    }
    if decided.taken != Field::Kept {
        all.extend(date::PROPERTIES);
    }
    all
}

/// A sidecar as galleryfs itself reads it.
struct Reading {
    properties: Vec<(String, Value)>,
    said: Said,
}

impl Reading {
    fn of(text: &str) -> Result<Self, WritingError> {
        let (properties, problem) = tree::properties(text);
        if problem.is_some() {
            return Err(WritingError::TooIntricate);
        }
        let mut said = Said::default();
        fields::fill(&properties, &mut said);
        Ok(Self { properties, said })
    }

    /// Whether both say the same, but for these properties.
    fn agrees_with(&self, other: &Self, except: &[&Property]) -> bool {
        let names: Vec<String> = except.iter().map(|property| property.usual()).collect();
        let rest = |reading: &'_ Self| -> Vec<(String, Value)> {
            reading.properties.iter().filter(|(name, _)| !names.contains(name)).cloned().collect()
        };
        rest(self) == rest(other)
    }
}
