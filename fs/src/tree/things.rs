//! `things/GROUP/THING/`: what a model sees in a picture.

use library::{Row, RowNumber};

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};

/// `things/`.
#[derive(Debug)]
pub(crate) struct Things;

impl View for Things {
    fn name(&self) -> &'static str {
        "things"
    }

    fn about(&self) -> &'static str {
        "by what is to be seen in it, as far as a model can tell"
    }

    fn stands(&self, state: &State, number: RowNumber, _row: &Row) -> Vec<DirPath> {
        let groups = state.beside.things.groups().flat_map(|group| {
            state.beside.things.of_group(group).map(move |(thing, rows)| (group, thing, rows))
        });
        groups
            .filter(|(_, _, rows)| rows.contains(number.0))
            .map(|(group, thing, _)| self.path(&[group, thing]))
            .collect()
    }

    fn lists(&self, state: &State, number: RowNumber, _row: &Row, at: At<'_>) -> bool {
        rows(state, at).is_some_and(|rows| rows.contains(number.0))
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        match at {
            [] => true,
            [group] => text(group).is_some_and(|group| shown_in(state, group).next().is_some()),
            [_, _] => rows(state, at).is_some_and(|rows| !rows.is_disjoint(state.shown(self.scope()))),
            _ => false,
        }
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        match at {
            [] => {
                let groups =
                    state.beside.things.groups().filter(|group| shown_in(state, group).next().is_some());
                Contents::of_dirs(groups.collect::<Vec<_>>())
            }
            [group] => match text(group) {
                Some(group) => Contents::of_dirs(shown_in(state, group).collect::<Vec<_>>()),
                None => Contents::default(),
            },
            _ => match rows(state, at) {
                Some(rows) => Contents::of_rows(rows & state.shown(self.scope())),
                None => Contents::default(),
            },
        }
    }

    /// A model looks again when the library has grown.
    fn drifts(&self) -> bool {
        true
    }
}

fn rows<'a>(state: &'a State, at: At<'_>) -> Option<&'a roaring::RoaringBitmap> {
    let [group, thing] = at else { return None };
    state.beside.things.rows(text(group)?, text(thing)?)
}

/// The things of a group of which something shows.
fn shown_in<'a>(state: &'a State, group: &'a str) -> impl Iterator<Item = &'a str> {
    let shown = state.shown(Things.scope());
    let things = state.beside.things.of_group(group);
    things.filter(|(_, rows)| !rows.is_disjoint(shown)).map(|(thing, _)| thing)
}
