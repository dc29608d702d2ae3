//! `all/YYYY/MM/`, and `all/undated/` for what has no date: everything, archived photos too.

use library::{Facet, Row, RowNumber, Scope};

use super::days::{Span, parse_year, year_name, years};
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

const UNDATED: &str = "undated";

/// `all/`.
#[derive(Debug)]
pub(crate) struct All;

fn month_name(month: i8) -> String {
    format!("{month:02}")
}

fn parse_month(name: &[u8]) -> Option<i8> {
    let month = std::str::from_utf8(name).ok()?.parse().ok()?;
    (month_name(month).as_bytes() == name).then_some(month)
}

impl View for All {
    fn name(&self) -> &'static str {
        "all"
    }

    fn about(&self) -> &'static str {
        "every photo and video, by year and month of capture; those without a date in all/undated"
    }

    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn stands(&self, _state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        vec![match row.day() {
            Some(day) => self.path(&[&year_name(day.year()), &month_name(day.month())]),
            None => self.path(&[UNDATED]),
        }]
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        let scope = self.scope();
        match at {
            [] => true,
            [name] if *name == UNDATED.as_bytes() => {
                state.snapshot.facet(Facet::Undated).is_some_and(|set| !set.is_disjoint(state.shown(scope)))
            }
            [year] => parse_year(year).and_then(Span::year).is_some_and(|span| span.holds_any(state, scope)),
            [year, month] => month_span(year, month).is_some_and(|span| span.holds_any(state, scope)),
            _ => false,
        }
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let scope = self.scope();
        match at {
            [] => {
                let years = years(state, scope).into_iter().map(year_name);
                let undated = self.has(state, &[UNDATED.as_bytes()]).then(|| UNDATED.to_owned());
                Contents::of_dirs(years.chain(undated))
            }
            [name] if *name == UNDATED.as_bytes() => match state.snapshot.facet(Facet::Undated) {
                Some(set) => Contents::of_rows(set & state.shown(scope)),
                None => Contents::default(),
            },
            [year] => match parse_year(year).and_then(Span::year) {
                Some(span) => Contents::of_dirs(span.months(state, scope).into_iter().map(month_name)),
                None => Contents::default(),
            },
            [year, month] => match month_span(year, month) {
                Some(span) => Contents::of_rows(span.rows(state, scope)),
                None => Contents::default(),
            },
            _ => Contents::default(),
        }
    }
}

fn month_span(year: &[u8], month: &[u8]) -> Option<Span> {
    Span::month(parse_year(year)?, parse_month(month)?)
}
