//! Extended attributes: what is known of a photo, for whoever asks by name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use library::metadata::{Rating, TagPath, Taken, Zone, ZoneSource};
use library::snapshot::Snapshot;
use library::{Decision, Row};

use crate::error::FsError;
use crate::source::Details;

/// What all our attributes begin with. Nearly all questions are for others (`security.`, `system.`).
pub(crate) const PREFIX: &[u8] = b"user.";

/// The attributes of assets, directories and unreadable files.
macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)+) => {
        /// An attribute we answer.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Attribute { $($(#[$doc])* $variant),+ }

        impl Attribute {
            /// The attribute of this name.
            pub(crate) fn of_name(name: &OsStr) -> Option<Self> {
                match name.as_bytes() { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// Its name.
            pub(crate) fn name(self) -> &'static [u8] {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

attributes! {
    /// Keywords, separated by commas.
    Tags b"user.xdg.tags";
    /// The caption.
    Comment b"user.xdg.comment";
    /// Stars, doubled: 0 to 10.
    Rating b"user.baloo.rating";
    /// The asset's id.
    Id b"user.galleryfs.id";
    /// The SHA-1 of the original.
    Sha1 b"user.galleryfs.sha1";
    /// The moment of capture, where its zone is known.
    Taken b"user.galleryfs.taken";
    /// The wall clock at the place of capture.
    TakenLocal b"user.galleryfs.taken_local";
    /// City, region, country.
    Place b"user.galleryfs.place";
    /// Image, video or sidecar.
    Kind b"user.galleryfs.kind";
    /// Why a file could not be read.
    LastError b"user.galleryfs.last_error";
    /// What a directory searches for.
    Query b"user.galleryfs.query";
    /// In which order the photos of an album are: names, one a line.
    Order b"user.galleryfs.order";
    /// The photo that stands for an album, by name.
    Cover b"user.galleryfs.cover";
}

/// The text of a value. Programs that write C strings end them with a zero byte; in the middle none can be.
pub(crate) fn attribute_text(value: &[u8]) -> Result<&str, FsError> {
    let text = std::str::from_utf8(value);
    let text = text.map_err(|_| FsError::BadValue("the value is not UTF-8 text".into()))?;
    let text = text.trim_end_matches('\0');
    match text.contains('\0') {
        true => Err(FsError::BadValue("the value has a zero byte in it".into())),
        false => Ok(text),
    }
}

/// Stars from what is written of them: doubled, and an odd number is half a star more.
fn stars(text: &str) -> Result<Rating, FsError> {
    let doubled = text.trim().parse().ok().filter(|doubled| (0..=10).contains(doubled));
    let stars = doubled.and_then(|doubled: i64| Rating::new((doubled + 1) / 2));
    stars.ok_or_else(|| FsError::BadValue(format!("\"{text}\" is no number from 0 to 10")))
}

/// `2024-05-01T10:20:30`, with or without an offset: `+02:00`, `Z`.
fn moment(text: &str) -> Result<Taken, FsError> {
    let text = text.trim();
    let bad = |_| {
        FsError::BadValue(format!(
            "\"{text}\" is no moment: write 2024-05-01T10:20:30, or 2024-05-01T10:20:30+02:00"
        ))
    };
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(bad)?;
    let time = pieces.time().unwrap_or_default();
    let local = pieces.date().to_datetime(time);
    let zone = pieces.to_numeric_offset().map(|offset| Zone { offset, source: ZoneSource::User });
    Ok(Taken { local, zone })
}

impl Attribute {
    /// Whether the row alone does not know it: the catalogue must be asked, which may touch a disk.
    pub(crate) fn needs_catalogue(self) -> bool {
        matches!(self, Self::Comment | Self::Sha1)
    }

    /// Those a directory may have.
    pub(crate) const OF_DIRECTORIES: [Self; 4] = [Self::LastError, Self::Query, Self::Order, Self::Cover];

    /// Those an asset may have.
    const OF_ASSETS: [Self; 9] = [
        Self::Tags,
        Self::Comment,
        Self::Rating,
        Self::Id,
        Self::Sha1,
        Self::Taken,
        Self::TakenLocal,
        Self::Place,
        Self::Kind,
    ];

    /// Its value for a row; for those that the row alone does not know, with what the catalogue says.
    pub(crate) fn of_row(self, snapshot: &Snapshot, row: &Row, details: Option<&Details>) -> Option<String> {
        match self {
            Self::Tags => {
                let tags: Vec<String> =
                    row.tags.iter().filter_map(|tag| snapshot.tag(*tag)).map(|tag| tag.joined()).collect();
                (!tags.is_empty()).then(|| tags.join(","))
            }
            Self::Comment => details?.description.clone(),
            Self::Rating => row.rating.map(|rating| (rating.stars() * 2).to_string()),
            Self::Id => Some(row.id.to_string()),
            Self::Sha1 => Some(details?.sha1?.to_string()),
            Self::Taken => row.taken.and_then(|taken| {
                let zone = taken.zone?;
                let instant = taken.instant()?;
                Some(instant.display_with_offset(zone.offset).to_string())
            }),
            Self::TakenLocal => row.taken.map(|taken| taken.local.to_string()),
            Self::Place => row.place.and_then(|place| snapshot.place(place)).map(|place| {
                let words = [&place.city, &place.region, &place.country];
                let words: Vec<&str> =
                    words.into_iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
                words.join(", ")
            }),
            Self::Kind => Some(row.kind.word().to_owned()),
            Self::LastError | Self::Query | Self::Order | Self::Cover => None,
        }
    }

    /// What setting it to a value says of a photo; no value leaves it to the file again.
    pub(crate) fn decide(
        self,
        snapshot: &Snapshot,
        row: &Row,
        value: Option<&[u8]>,
    ) -> Result<Decision, FsError> {
        let value = value.map(attribute_text).transpose()?;
        Ok(match self {
            Self::Tags => {
                let known: Vec<_> = row.tags.iter().filter_map(|tag| snapshot.tag(*tag)).collect();
                let tag = |text: &str| {
                    // A slash in a tag's own word is no level, where it stood there before.
                    let same = known.iter().find(|known| known.joined() == text.trim());
                    same.map(|known| TagPath::clone(known)).or_else(|| TagPath::new(text.split('/')))
                };
                Decision::Tags(value.map(|value| value.split(',').filter_map(tag).collect()))
            }
            Self::Comment => Decision::Description(value.map(str::to_owned)),
            Self::Rating => Decision::Rating(value.map(stars).transpose()?),
            Self::Taken | Self::TakenLocal => Decision::Taken(value.map(moment).transpose()?),
            _ => return Err(FsError::FixedAttribute),
        })
    }

    /// The names of those this row has, each ended by a zero byte, as the kernel takes them.
    pub(crate) fn names_of_row(snapshot: &Snapshot, row: &Row) -> Vec<u8> {
        let has = |attribute: Self| match attribute {
            Self::Comment => row.described,
            Self::Sha1 => true,
            other => other.of_row(snapshot, row, None).is_some(),
        };
        Self::names(Self::OF_ASSETS.into_iter().filter(|attribute| has(*attribute)))
    }

    /// Names as the kernel takes them.
    pub(crate) fn names(attributes: impl IntoIterator<Item = Self>) -> Vec<u8> {
        attributes.into_iter().flat_map(|attribute| [attribute.name(), b"\0"].concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzzer: a tag that ended in zero bytes could be set, and what then was shown meant another.
    #[test]
    fn a_zero_byte_ends_a_value_and_is_not_in_it() {
        assert_eq!(attribute_text(b"a,b\0\0").unwrap(), "a,b");
        assert!(attribute_text(b"a\0,b").is_err());
    }
}
