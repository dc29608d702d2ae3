//! `on-this-day/`: taken on today's day and month, in this and every other year.

use jiff::civil::Date;
use library::{Row, RowNumber};

use super::days::{Span, years};
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `on-this-day/`.
#[derive(Debug)]
pub(crate) struct OnThisDay;

impl View for OnThisDay {
    fn name(&self) -> &'static str {
        "on-this-day"
    }

    fn about(&self) -> &'static str {
        "taken on today's date, in any year"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        row.day()
            .filter(|day| (day.month(), day.day()) == (state.today.month(), state.today.day()))
            .map(|_| self.path(&[]))
            .into_iter()
            .collect()
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, state: &State, _at: At<'_>) -> Contents {
        let days = years(state, self.scope())
            .into_iter()
            // The 29th of February is in leap years only.
            .filter_map(|year| Date::new(year, state.today.month(), state.today.day()).ok());
        Contents::of_rows(days.flat_map(|day| Span::day(day).rows(state, self.scope())))
    }

    fn drifts(&self) -> bool {
        true
    }
}
