//! `by-date/YYYY/YYYY-MM/YYYY-MM-DD/`: the days of capture. What has no date is in `all/undated/`.

use jiff::civil::{Date, Time, time};
use library::metadata::Taken;
use library::{Decision, Row, RowNumber};

use super::acts::Says;
use super::days::{Span, parse_year, year_name, years};
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};
use crate::error::FsError;

/// The time of day of a photo of which only the day is known.
const NOON: Time = time(12, 0, 0, 0);

/// `by-date/`.
#[derive(Debug)]
pub(crate) struct ByDate;

fn month_name(year: i16, month: i8) -> String {
    format!("{}-{month:02}", year_name(year))
}

fn day_name(day: Date) -> String {
    format!("{}-{:02}", month_name(day.year(), day.month()), day.day())
}

/// The directory at these components, if they are spelled as we spell them and lie in one another.
enum Level {
    Top,
    Year(i16),
    Month(i16, i8),
    Day(Date),
}

fn level(at: At<'_>) -> Option<Level> {
    let [year, below @ ..] = at else { return Some(Level::Top) };
    let year = parse_year(year)?;
    let [month, below @ ..] = below else { return Some(Level::Year(year)) };
    let number: i8 = number_after(month)?;
    if month_name(year, number).as_bytes() != *month {
        return None;
    }
    match below {
        [] => Some(Level::Month(year, number)),
        [day] => {
            let date = Date::new(year, number, number_after(day)?).ok()?;
            (day_name(date).as_bytes() == *day).then_some(Level::Day(date))
        }
        _ => None,
    }
}

/// The year, month or day of the directory at these components.
fn span(at: At<'_>) -> Option<Span> {
    match level(at)? {
        Level::Top => None,
        Level::Year(year) => Span::year(year),
        Level::Month(year, month) => Span::month(year, month),
        Level::Day(day) => Some(Span::day(day)),
    }
}

fn number_after(name: &[u8]) -> Option<i8> {
    std::str::from_utf8(name).ok()?.rsplit('-').next()?.parse().ok()
}

impl View for ByDate {
    fn name(&self) -> &'static str {
        "by-date"
    }

    fn about(&self) -> &'static str {
        "by day of capture: by-date/2024/2024-05/2024-05-01"
    }

    fn stands(&self, _state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let path = |day: Date| {
            let (year, month) = (day.year(), day.month());
            self.path(&[&year_name(year), &month_name(year, month), &day_name(day)])
        };
        row.day().map(path).into_iter().collect()
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        at.is_empty() || span(at).is_some_and(|span| span.holds_any(state, self.scope()))
    }

    /// A day is the photo's from then on; its time of day stays, or is noon.
    fn moved_in(&self, at: At<'_>, row: &Row) -> Option<Vec<Decision>> {
        let Some(Level::Day(day)) = level(at) else { return None };
        let (time, zone) = match row.taken {
            Some(taken) => (taken.local.time(), taken.zone),
            None => (NOON, None),
        };
        Some(vec![Decision::Taken(Some(Taken { local: day.to_datetime(time), zone }))])
    }

    /// A day on which nothing was taken yet is there for whoever is about to move something into it.
    fn mkdir(&self, state: &State, at: At<'_>, name: &str) -> Result<Says, FsError> {
        let below: Vec<&[u8]> = at.iter().copied().chain([name.as_bytes()]).collect();
        if span(&below).is_none() {
            let words = format!("{name} is no year, month or day here: 2024/2024-05/2024-05-01");
            return Err(FsError::BadValue(words));
        }
        state.lingering.expect(&self.path_of(&below));
        Ok(Says::Nothing)
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let scope = self.scope();
        match level(at) {
            None => Contents::default(),
            Some(Level::Top) => Contents::of_dirs(years(state, scope).into_iter().map(year_name)),
            Some(Level::Year(year)) => {
                let months = Span::year(year).map(|span| span.months(state, scope)).unwrap_or_default();
                Contents::of_dirs(months.into_iter().map(|month| month_name(year, month)))
            }
            Some(Level::Month(year, month)) => {
                let days = Span::month(year, month).map(|span| span.days(state, scope)).unwrap_or_default();
                Contents::of_dirs(days.into_iter().map(day_name))
            }
            Some(Level::Day(day)) => Contents::of_rows(Span::day(day).rows(state, scope)),
        }
    }
}
