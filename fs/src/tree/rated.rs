//! `rated/1/` to `rated/5/`: all five always there, so that there is something to move a photo into.

use library::metadata::Rating;
use library::{Decision, Facet, Row, RowNumber};

use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};

/// `rated/`.
#[derive(Debug)]
pub(crate) struct Rated;

fn rating(at: At<'_>) -> Option<Rating> {
    match at {
        [name] => {
            let name = text(name)?;
            let stars: i64 = name.parse().ok()?;
            Rating::new(stars).filter(|rating| rating.stars() > 0 && rating.stars().to_string() == name)
        }
        _ => None,
    }
}

impl View for Rated {
    fn name(&self) -> &'static str {
        "rated"
    }

    fn about(&self) -> &'static str {
        "by stars, 1 to 5"
    }

    fn stands(&self, _state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        row.rating
            .filter(|rating| rating.stars() > 0)
            .map(|rating| self.path(&[&rating.stars().to_string()]))
            .into_iter()
            .collect()
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty() || rating(at).is_some()
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        match rating(at) {
            None => Contents::of_dirs((1..=5).map(|stars: u8| stars.to_string())),
            Some(rating) => match state.snapshot.facet(Facet::Rating(rating)) {
                Some(set) => Contents::of_rows(set & state.shown(self.scope())),
                None => Contents::default(),
            },
        }
    }

    fn membership(&self, _state: &State, at: At<'_>) -> Option<Membership> {
        let stars = rating(at)?;
        Some(Membership {
            joins: vec![Decision::Rating(Some(stars))],
            leaves: vec![Decision::Rating(Rating::new(0))],
        })
    }
}
