//! What a filter asks for, and how it is written.

use std::fmt;

use jiff::civil::Date;

use super::date::{DateRange, RangeFault};
use super::error::QueryError;
use super::number::{Column, NumberRange};
use super::operator::Operator;
use super::value::Value;
use crate::format::{Format, Kind};

/// One condition on an asset.
#[derive(Clone, PartialEq, Debug)]
pub enum Filter {
    /// Somebody of this name is in it.
    Person(Value),
    /// Taken in the city, region or country of this name.
    Place(Value),
    /// Taken on these days, by the clock at the place of capture.
    Date(DateRange),
    /// First seen on these days.
    Added(DateRange),
    /// The camera's make and model hold these words.
    Camera(Value),
    /// The lens's name holds these words.
    Lens(Value),
    /// Kind or format.
    Type(TypeFilter),
    /// Stars.
    Rating(RatingFilter),
    /// Has this tag or one below it.
    Tag(Value),
    /// Has a property.
    Is(State),
    /// Has something.
    Has(Thing),
    /// Lies in a folder of this name or path, or below it.
    Folder(Value),
    /// Its file name holds this; with a `*`, begins with it.
    Name(Value),
    /// A number of it is in a range.
    Number(Column, NumberRange),
}

/// What `type:` selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TypeFilter {
    /// Images or videos.
    Kind(Kind),
    /// Camera raw files of any make.
    Raw,
    /// One format.
    Format(Format),
}

/// What `rating:` selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RatingFilter {
    /// No stars: never rated, or rated 0.
    None,
    /// From so many to so many stars.
    Stars(u8, u8),
}

/// Declares a set of words for a filter: variant, words (the usual one first).
macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident [$($word:literal),+];)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// All words it goes by, the usual one first.
            pub fn spellings(self) -> &'static [&'static str] { match self { $(Self::$variant => &[$($word),+]),+ } }

            /// The one that goes by `word`.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.spellings().contains(&word))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.spellings().first().copied().unwrap_or_default())
            }
        }
    };
}

words! {
    /// What `is:` selects.
    State {
        /// Marked as a favourite.
        Favourite ["favourite", "favorite", "fav", "starred"];
        /// Put into the archive. Only with this are archived assets found at all.
        Archived ["archived", "archive"];
        /// A still with a moving part, beside it or inside.
        Live ["live"];
        /// A still with a video inside.
        Motion ["motion"];
        /// Camera raw.
        Raw ["raw"];
        /// A RAW file beside its picture, or that picture.
        Stacked ["stacked", "stack"];
        /// One star or more.
        Rated ["rated"];
        /// No stars.
        Unrated ["unrated"];
        /// At least one tag.
        Tagged ["tagged"];
        /// No tag.
        Untagged ["untagged"];
        /// With a capture date.
        Dated ["dated"];
        /// Without one.
        Undated ["undated"];
        /// An image.
        Photo ["photo", "image", "picture"];
        /// A video.
        Video ["video", "movie"];
    }
}

words! {
    /// What `has:` selects.
    Thing {
        /// A position.
        Gps ["gps", "position", "location"];
        /// A capture date.
        Date ["date"];
        /// Somebody: a person met a few times, or one named in the file.
        People ["people", "faces", "face", "person"];
        /// A caption.
        Description ["description", "caption"];
        /// A tag.
        Tags ["tags", "tag"];
        /// A named place.
        Place ["place"];
        /// One star or more.
        Rating ["rating", "stars"];
        /// A known camera.
        Camera ["camera"];
        /// A known lens.
        Lens ["lens"];
        /// An album it is in.
        Album ["album", "albums"];
        /// Parts: a sidecar, a live photo's video.
        Parts ["parts"];
        /// Something wrong with the file.
        Warnings ["warnings", "warning"];
    }
}

/// How a value was written.
pub(super) struct Written<'a> {
    /// The value itself.
    pub(super) value: &'a str,
    /// In quotes.
    pub(super) quoted: bool,
    /// After `=`, and so with `_` and `.` of two meanings.
    pub(super) loose: bool,
    /// Whether a `*` stands after the quotes.
    pub(super) star: bool,
}

impl Written<'_> {
    fn name(&self) -> Value {
        let value = match (self.quoted, self.loose) {
            (true, _) => Value::literal(self.value),
            (false, true) => Value::loose(self.value),
            (false, false) => Value::exact(self.value),
        };
        if self.star { value.open_ended() } else { value }
    }
}

impl Filter {
    /// Reads the value of an operator. `word` is the whole chunk, for the error.
    pub(super) fn parse(
        operator: Operator,
        written: &Written<'_>,
        word: &str,
        today: Date,
    ) -> Result<Self, QueryError> {
        if written.value.is_empty() && !written.star {
            return Err(QueryError::NoValue { word: word.to_owned(), operator });
        }
        let bad = || QueryError::BadValue { word: word.to_owned(), operator };
        let fault = |fault| match fault {
            RangeFault::NoValue => bad(),
            RangeFault::Backwards => QueryError::Backwards { word: word.to_owned() },
        };
        let number = |column| {
            let range = NumberRange::parse(written.value, column).map_err(fault)?;
            Ok(Self::Number(column, range))
        };
        let lower = written.value.to_lowercase();
        match operator {
            Operator::Person => Ok(Self::Person(written.name())),
            Operator::Place => Ok(Self::Place(written.name())),
            Operator::Camera => Ok(Self::Camera(written.name())),
            Operator::Lens => Ok(Self::Lens(written.name())),
            Operator::Tag => Ok(Self::Tag(written.name())),
            Operator::Folder => Ok(Self::Folder(written.name())),
            Operator::Name => Ok(Self::Name(written.name())),
            Operator::Date => DateRange::parse(written.value, today).map(Self::Date).map_err(fault),
            Operator::Added => DateRange::parse(written.value, today).map(Self::Added).map_err(fault),
            Operator::Type => TypeFilter::parse(&lower).map(Self::Type).ok_or_else(bad),
            Operator::Rating => RatingFilter::parse(&lower).map(Self::Rating).map_err(fault),
            Operator::Is => State::named(&lower).map(Self::Is).ok_or_else(bad),
            Operator::Has => Thing::named(&lower).map(Self::Has).ok_or_else(bad),
            Operator::Iso => number(Column::Iso),
            Operator::Aperture => number(Column::Aperture),
            Operator::Focal => number(Column::Focal),
            Operator::Size => number(Column::Size),
            Operator::Width => number(Column::Width),
            Operator::Height => number(Column::Height),
            Operator::Duration => number(Column::Duration),
        }
    }

    /// The same, taking names that only begin so: the value is being typed. File names are searched for parts anyway.
    pub(super) fn open_ended(self) -> Self {
        match self {
            Self::Person(value) => Self::Person(value.open_ended()),
            Self::Place(value) => Self::Place(value.open_ended()),
            Self::Camera(value) => Self::Camera(value.open_ended()),
            Self::Lens(value) => Self::Lens(value.open_ended()),
            Self::Tag(value) => Self::Tag(value.open_ended()),
            Self::Folder(value) => Self::Folder(value.open_ended()),
            other => other,
        }
    }
}

impl TypeFilter {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "image" | "images" | "photo" | "photos" | "picture" => Some(Self::Kind(Kind::Image)),
            "video" | "videos" | "movie" => Some(Self::Kind(Kind::Video)),
            "raw" => Some(Self::Raw),
            _ => Format::ALL
                .iter()
                .copied()
                .find(|format| format.word() == word)
                .or_else(|| Format::from_extension(word))
                .filter(|format| format.kind() != Kind::Sidecar)
                .map(Self::Format),
        }
    }
}

impl RatingFilter {
    fn parse(text: &str) -> Result<Self, RangeFault> {
        let stars = |text: &str| match text.as_bytes() {
            [digit @ b'0'..=b'5'] => Ok(digit - b'0'),
            _ => Err(RangeFault::NoValue),
        };
        let (low, high) = if let Some(text) = text.strip_prefix(">=").or_else(|| text.strip_suffix('+')) {
            (stars(text)?, 5)
        } else if let Some(text) = text.strip_prefix("<=") {
            (0, stars(text)?)
        } else if let Some(text) = text.strip_prefix('>') {
            (stars(text)? + 1, 5)
        } else if let Some(text) = text.strip_prefix('<') {
            (0, stars(text)?.checked_sub(1).ok_or(RangeFault::NoValue)?)
        } else if let Some((low, high)) = text.split_once("..") {
            match (low, high) {
                ("", "") => return Err(RangeFault::NoValue),
                (low, "") => (stars(low)?, 5),
                ("", high) => (0, stars(high)?),
                (low, high) => (stars(low)?, stars(high)?),
            }
        } else if matches!(text, "none" | "no" | "0") {
            return Ok(Self::None);
        } else {
            let stars = stars(text)?;
            (stars, stars)
        };
        match (low, high) {
            (6.., _) => Err(RangeFault::NoValue),
            (low, high) if low > high => Err(RangeFault::Backwards),
            (0, 0) => Ok(Self::None),
            (low, high) => Ok(Self::Stars(low, high)),
        }
    }
}

impl fmt::Display for TypeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind(kind) => kind.word(),
            Self::Raw => "raw",
            // "raw" alone means every make's; Panasonic's oldest goes by another of its names.
            Self::Format(format) => format.word(),
        })
    }
}

impl fmt::Display for RatingFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Stars(low, 5) if *low < 5 => write!(f, ">={low}"),
            Self::Stars(low, high) if low == high => write!(f, "{low}"),
            Self::Stars(low, high) => write!(f, "{low}..{high}"),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(value) => value.write("person", f),
            Self::Place(value) => value.write("place", f),
            Self::Camera(value) => value.write("camera", f),
            Self::Lens(value) => value.write("lens", f),
            Self::Tag(value) => value.write("tag", f),
            Self::Folder(value) => value.write("in", f),
            Self::Name(value) => value.write("name", f),
            Self::Date(range) => write!(f, "date:{range}"),
            Self::Added(range) => write!(f, "added:{range}"),
            Self::Type(wanted) => write!(f, "type:{wanted}"),
            Self::Rating(wanted) => write!(f, "rating:{wanted}"),
            Self::Is(state) => write!(f, "is:{state}"),
            Self::Has(thing) => write!(f, "has:{thing}"),
            Self::Number(column, range) => write!(f, "{}:{range}", column.operator().word()),
        }
    }
}
