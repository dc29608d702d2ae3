//! `types/image/`, `types/video/`, `types/raw/`, one directory a format (`types/jpeg/`), and `types/live/` for photos
//! that move. Only those that hold something.

use library::{Facet, Format, Kind, Row, RowNumber};
use roaring::RoaringBitmap;

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};

const LIVE: &str = "live";
const RAW: &str = "raw";

/// `types/`.
#[derive(Debug)]
pub(crate) struct Types;

/// Whether a photo moves: a video is appended to it, or stands beside it as a part.
fn is_live(state: &State, row: &Row) -> bool {
    row.motion
        || row.kind == Kind::Image
            && row
                .extras
                .parts
                .iter()
                .filter_map(|part| state.row(*part))
                .any(|part| part.kind == Kind::Video)
}

/// A directory of `types/`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Kind(Kind),
    Raw,
    Format(Format),
    Live,
}

impl Type {
    /// Every one, in the order listed. The format called `raw` is part of `types/raw/`.
    fn all() -> impl Iterator<Item = Self> {
        let formats =
            Format::ALL.iter().filter(|format| format.kind() != Kind::Sidecar && format.word() != RAW);
        [Self::Kind(Kind::Image), Self::Kind(Kind::Video), Self::Raw, Self::Live]
            .into_iter()
            .chain(formats.copied().map(Self::Format))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.word(),
            Self::Raw => RAW,
            Self::Format(format) => format.word(),
            Self::Live => LIVE,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name() == name)
    }

    fn set(self, state: &State) -> Option<&RoaringBitmap> {
        state.snapshot.facet(match self {
            Self::Kind(kind) => Facet::Kind(kind),
            Self::Raw => Facet::Raw,
            Self::Format(format) => Facet::Format(format),
            Self::Live => Facet::WithParts,
        })
    }

    fn rows(self, state: &State) -> impl Iterator<Item = u32> {
        let shown = self.set(state).map(|set| set & state.shown(Types.scope())).unwrap_or_default();
        shown.into_iter().filter(move |row| {
            self != Self::Live || state.row(RowNumber(*row)).is_some_and(|row| is_live(state, row))
        })
    }

    fn holds_any(self, state: &State) -> bool {
        match self {
            Self::Live => self.rows(state).next().is_some(),
            _ => self.set(state).is_some_and(|set| !set.is_disjoint(state.shown(Types.scope()))),
        }
    }
}

/// How many directories of `types/` list this asset.
pub(crate) fn count(state: &State, row: &Row) -> u32 {
    let format = !matches!(row.format.word(), RAW);
    1 + u32::from(row.format.is_raw()) + u32::from(format) + u32::from(is_live(state, row))
}

impl View for Types {
    fn name(&self) -> &'static str {
        "types"
    }

    fn about(&self) -> &'static str {
        "images, videos, raw files, live photos, and one directory for each file format"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let mut types = vec![Type::Kind(row.kind)];
        types.extend(row.format.is_raw().then_some(Type::Raw));
        types.extend((row.format.word() != RAW).then_some(Type::Format(row.format)));
        types.extend(is_live(state, row).then_some(Type::Live));
        types.into_iter().map(|kind| self.path(&[kind.name()])).collect()
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        match at {
            [] => true,
            [name] => text(name).and_then(Type::of_name).is_some_and(|kind| kind.holds_any(state)),
            _ => false,
        }
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        match at {
            [] => Contents::of_dirs(Type::all().filter(|kind| kind.holds_any(state)).map(Type::name)),
            [name] => match text(name).and_then(Type::of_name) {
                Some(kind) => Contents::of_rows(kind.rows(state)),
                None => Contents::default(),
            },
            _ => Contents::default(),
        }
    }
}
