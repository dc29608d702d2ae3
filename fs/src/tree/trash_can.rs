//! `.Trash-UID/`: the trash as file managers know it, by the specification of freedesktop.org
//! (<https://specifications.freedesktop.org/trash-spec/latest/>). It is there for the user who mounted, whose photos it may
//! remove for good, and is not listed.
//!
//! `files/` has what `trash/` has, `info/` a file for each that says where it was ([`super::trash_info`]). What is moved
//! into `expunged/` is removed for good: GNOME's trash does that, to empty itself.

use library::{Row, RowNumber, Scope};

use super::path::DirPath;
use super::state::State;
use super::trash_info::SUFFIX;
use super::view::{At, Contents, View};

/// What its name begins with; the user's number follows.
const PREFIX: &[u8] = b".Trash-";
/// What was deleted.
const FILES: &[u8] = b"files";
/// Where it was.
const INFO: &[u8] = b"info";
/// What is on its way out.
const EXPUNGED: &[u8] = b"expunged";

/// Whose trash a name in the root is.
pub(super) fn user(name: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(name.strip_prefix(PREFIX)?).ok()?;
    let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| is_plain)
}

/// Whose trash a directory is in.
pub(super) fn user_of(path: &DirPath) -> Option<u32> {
    // Asked at every lookup: nearly all paths end here.
    if !path.as_bytes().starts_with(PREFIX) {
        return None;
    }
    user(path.split_view()?.0)
}

/// What a directory of somebody's trash is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Files,
    Info,
    Expunged,
}

/// Which of them a directory is.
pub(super) fn part(path: &DirPath) -> Option<Part> {
    user_of(path)?;
    let (_, at) = path.split_view()?;
    match &*at {
        [FILES] => Some(Part::Files),
        [INFO] => Some(Part::Info),
        [EXPUNGED] => Some(Part::Expunged),
        _ => None,
    }
}

/// Anybody's trash.
#[derive(Debug)]
pub(super) struct TrashCan;

impl View for TrashCan {
    /// Of none of them: it is in no list of views.
    fn name(&self) -> &'static str {
        ".Trash"
    }

    fn about(&self) -> &'static str {
        "the trash as file managers know it"
    }

    fn scope(&self) -> Scope {
        Scope::Trash
    }

    fn lists(&self, state: &State, _number: RowNumber, row: &Row, at: At<'_>) -> bool {
        at == [FILES] && state.shows(row, Scope::Trash)
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        matches!(at, [] | [FILES | INFO | EXPUNGED])
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        match at {
            [] => Contents::of_dirs([EXPUNGED, FILES, INFO]),
            [FILES] => Contents::of_rows(state.shown(Scope::Trash)),
            _ => Contents::default(),
        }
    }

    /// It is in no list of views, so no change of a photo tells of it.
    fn drifts(&self) -> bool {
        true
    }
}

/// The names in `info/`.
pub(super) fn infos(state: &State) -> impl Iterator<Item = Vec<u8>> {
    let rows = state.shown(Scope::Trash).iter().map(RowNumber);
    let names = rows.filter_map(|row| Some([state.row(row)?.name.as_bytes(), SUFFIX].concat()));
    // A name that is too long for any program.
    names.filter(|name| name.len() <= 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybodys_trash_is_known_by_number() {
        assert_eq!(user(b".Trash-1000"), Some(1000));
        assert_eq!(user(b".Trash-0"), Some(0));
        for name in [".Trash", ".Trash-", ".Trash-x", ".Trash-01", ".Trash-+1", ".Trash-99999999999", "trash"]
        {
            assert_eq!(user(name.as_bytes()), None, "{name}");
        }
        let path = |path: &str| DirPath::of(path.split('/'));
        assert_eq!(part(&path(".Trash-7/files")), Some(Part::Files));
        assert_eq!(part(&path(".Trash-7/files/x")), None);
        assert_eq!((part(&path("trash")), user_of(&path(".Trash-7/info"))), (None, Some(7)));
    }
}
