//! `search/QUERY/`: any query is a directory, none is listed.
//!
//! 1. What file managers look for by themselves (`.hidden`, `desktop.ini`) must not become a search.
//! 2. A result list is ranked, and file managers sort by name: a rank of fixed width stands before each name.
//! 3. The rank says nothing: `001 IMG_1.jpg`, `042 IMG_1.jpg` and `IMG_1.jpg` are one photo, in every search, so a
//!    path copied from a file manager still opens when the ranks have moved. A name that looks ranked is only ever
//!    read as ranked, so no arrival can turn it into another photo.

use library::Scope;

use super::path::DirPath;
use super::probed::is_probed;
use super::searches::Searches;
use super::similar::Similar;
use super::state::State;
use super::view::{At, Contents, Naming, View, text};
use crate::xattr::Attribute;

/// `search/`.
#[derive(Debug)]
pub(crate) struct Search;

/// Digits of a rank, at least.
const RANK: usize = 3;

/// The query a name under `search/` asks, unless it is one of those that programs look for by themselves.
pub(crate) fn query(name: &[u8]) -> Option<&str> {
    let name = text(name)?;
    (!is_probed(name) && !name.trim().is_empty()).then_some(name)
}

/// What a directory asks for whose contents must be searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked<'a> {
    /// What a query finds.
    Query(&'a str),
    /// What looks like the photo of this name.
    Like(&'a str),
    /// What the query finds that has this name.
    Saved(&'a [u8]),
}

impl<'a> Asked<'a> {
    /// What the directory at `path` asks for.
    pub(crate) fn by(path: &'a DirPath) -> Option<Self> {
        let (parent, name) = path.parent()?;
        match parent.as_bytes() {
            view if view == Search.name().as_bytes() => query(name).map(Self::Query),
            view if view == Similar.name().as_bytes() => text(name).map(Self::Like),
            view if view == Searches.name().as_bytes() => Some(Self::Saved(name)),
            _ => None,
        }
    }
}

/// How a result is listed: `width` digits, a space, its name.
pub(crate) fn ranked(rank: usize, width: usize, name: &str) -> Box<[u8]> {
    format!("{rank:0width$} {name}").into_bytes().into()
}

/// Digits enough for `count` results.
pub(crate) fn width(count: usize) -> usize {
    count.to_string().len().max(RANK)
}

/// A name without its rank, if it has one.
pub(crate) fn unranked(name: &[u8]) -> &[u8] {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match name.get(digits) {
        Some(b' ') if digits >= RANK => &name[digits + 1..],
        _ => name,
    }
}

impl View for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn about(&self) -> &'static str {
        "search/dog in park: open any name here and it is searched for"
    }

    /// A query decides by itself whether it asks for the archive.
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn naming(&self) -> Naming {
        Naming::Ranked
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        match at {
            [] => true,
            [name] => query(name).is_some(),
            _ => false,
        }
    }

    fn contents(&self, _state: &State, _at: At<'_>) -> Contents {
        Contents::default()
    }

    fn attribute(&self, _state: &State, at: At<'_>, attribute: Attribute) -> Option<String> {
        match (at, attribute) {
            ([name], Attribute::Query) => query(name).map(str::to_owned),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_read_as_one_and_nothing_else_is() {
        assert_eq!(unranked(b"001 IMG_1.jpg"), b"IMG_1.jpg");
        assert_eq!(unranked(b"12345 IMG_1.jpg"), b"IMG_1.jpg");
        assert_eq!(unranked(b"001 002 a.jpg"), b"002 a.jpg");
        assert_eq!(unranked(b"01 a.jpg"), b"01 a.jpg");
        assert_eq!(unranked(b"2024-05-01 a.jpg"), b"2024-05-01 a.jpg");
        assert_eq!(&*ranked(7, width(20), "a.jpg"), b"007 a.jpg");
        assert_eq!(&*ranked(7, width(12_000), "a.jpg"), b"00007 a.jpg");
    }

    #[test]
    fn what_programs_look_for_is_no_query() {
        for name in [".hidden", "Desktop.ini", "Icon\r", " "] {
            assert_eq!(query(name.as_bytes()), None, "{name}");
        }
        assert_eq!(query(b"dog in park"), Some("dog in park"));
        assert_eq!(Asked::by(&DirPath::of(["search", "dog"])), Some(Asked::Query("dog")));
        assert_eq!(Asked::by(&DirPath::of(["similar", "a.jpg"])), Some(Asked::Like("a.jpg")));
        assert_eq!(Asked::by(&DirPath::of(["search"])), None);
        assert_eq!(Asked::by(&DirPath::of(["tags", "dog"])), None);
    }
}
