//! `recent/`: the newest 500 the library took in.

use std::cmp::Reverse;

use library::{Facet, Row, RowNumber};
use roaring::RoaringBitmap;

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// How many are recent.
const COUNT: usize = 500;

/// `recent/`.
#[derive(Debug)]
pub(crate) struct Recent;

/// The newest, in order and as a set.
#[derive(Debug)]
pub(crate) struct Newest {
    order: Vec<u32>,
    set: RoaringBitmap,
}

fn newest(state: &State) -> &Newest {
    state.worked_out.newest.get_or_init(|| {
        let mut rows = Vec::new();
        let days = state
            .snapshot
            .facets(Facet::Added(jiff::civil::Date::MIN)..=Facet::Added(jiff::civil::Date::MAX));
        for (_, set) in days.rev() {
            rows.extend((set & state.shown(Recent.scope())).into_iter().filter_map(|row| {
                // Equal moments are told apart by the id, which a rebuilt catalogue keeps; row numbers it does not.
                state.row(RowNumber(row)).map(|found| (Reverse(found.added), found.id, row))
            }));
            if rows.len() >= COUNT {
                break;
            }
        }
        if rows.len() > COUNT {
            rows.select_nth_unstable(COUNT);
            rows.truncate(COUNT);
        }
        rows.sort_unstable();
        let order: Vec<u32> = rows.into_iter().map(|(_, _, row)| row).collect();
        Newest { set: order.iter().collect(), order }
    })
}

impl View for Recent {
    fn name(&self) -> &'static str {
        "recent"
    }

    fn about(&self) -> &'static str {
        "the newest 500 that came into the library, newest first"
    }

    fn stands(&self, state: &State, number: RowNumber, _row: &Row) -> Vec<DirPath> {
        newest(state).set.contains(number.0).then(|| self.path(&[])).into_iter().collect()
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, state: &State, _at: At<'_>) -> Contents {
        Contents::of_rows(newest(state).order.iter().copied())
    }

    fn drifts(&self) -> bool {
        true
    }
}
