//! Years, months and days that hold photos: what `all/` and `by-date/` have in common.

use jiff::civil::Date;
use library::{Facet, Scope};
use roaring::RoaringBitmap;

use super::state::State;

/// A year, a month or a day, as its first and last day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    first: Date,
    last: Date,
}

impl Span {
    /// A whole year. `None` outside what a calendar has.
    pub(crate) fn year(year: i16) -> Option<Self> {
        Some(Self { first: Date::new(year, 1, 1).ok()?, last: Date::new(year, 12, 31).ok()? })
    }

    /// A whole month.
    pub(crate) fn month(year: i16, month: i8) -> Option<Self> {
        let first = Date::new(year, month, 1).ok()?;
        Some(Self { first, last: first.last_of_month() })
    }

    /// One day.
    pub(crate) fn day(day: Date) -> Self {
        Self { first: day, last: day }
    }

    fn sets(self, state: &State, scope: Scope) -> impl Iterator<Item = (Date, &RoaringBitmap)> {
        state
            .snapshot
            .facets(Facet::Day(self.first)..=Facet::Day(self.last))
            .filter(move |(_, set)| !set.is_disjoint(state.shown(scope)))
            .filter_map(|(facet, set)| match facet {
                Facet::Day(day) => Some((day, set)),
                _ => None,
            })
    }

    /// Whether anything was taken in it.
    pub(crate) fn holds_any(self, state: &State, scope: Scope) -> bool {
        self.sets(state, scope).next().is_some()
    }

    /// The days in it on which something was taken.
    pub(crate) fn days(self, state: &State, scope: Scope) -> Vec<Date> {
        self.sets(state, scope).map(|(day, _)| day).collect()
    }

    /// The months in it in which something was taken.
    pub(crate) fn months(self, state: &State, scope: Scope) -> Vec<i8> {
        let mut months: Vec<i8> = self.sets(state, scope).map(|(day, _)| day.month()).collect();
        months.dedup();
        months
    }

    /// What was taken in it, by day.
    pub(crate) fn rows(self, state: &State, scope: Scope) -> Vec<u32> {
        let shown = state.shown(scope);
        self.sets(state, scope).flat_map(|(_, set)| set & shown).collect()
    }
}

/// Every year in which something was taken.
pub(crate) fn years(state: &State, scope: Scope) -> Vec<i16> {
    let always = Span { first: Date::MIN, last: Date::MAX };
    let mut years: Vec<i16> = always.sets(state, scope).map(|(day, _)| day.year()).collect();
    years.dedup();
    years
}

/// The name of a year.
pub(crate) fn year_name(year: i16) -> String {
    format!("{year:04}")
}

/// The year of such a name, and of no other spelling.
pub(crate) fn parse_year(name: &[u8]) -> Option<i16> {
    let year = std::str::from_utf8(name).ok()?.parse().ok()?;
    (year_name(year).as_bytes() == name).then_some(year)
}
