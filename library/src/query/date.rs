//! Days, months, years and ranges of them, as people write them.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;

/// A range of days, both ends included. Open where an end is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateRange {
    /// The first day, or the first of that month or year.
    pub from: Option<DateBound>,
    /// The last day, or the last of that month or year.
    pub to: Option<DateBound>,
}

/// One end of a range: a day, or all of a month or a year.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateBound {
    written: Written,
    first: Date,
    last: Date,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Year,
    Month,
    Day,
    Today,
    Yesterday,
}

/// What is wrong with a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RangeFault {
    NoValue,
    Backwards,
}

impl DateBound {
    fn parse(text: &str, today: Date) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "today" => return Some(Self { written: Written::Today, first: today, last: today }),
            "yesterday" => {
                let day = today.yesterday().ok()?;
                return Some(Self { written: Written::Yesterday, first: day, last: day });
            }
            _ => {}
        }
        let number = |part: &str, longest| {
            let digits =
                !part.is_empty() && part.len() <= longest && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<i16>().ok()).flatten()
        };
        let mut parts = text.split(['-', '/', '.']);
        let year = parts.next().filter(|year| year.len() == 4).and_then(|year| number(year, 4))?;
        let month = parts.next().map(|month| number(month, 2));
        let day = parts.next().map(|day| number(day, 2));
        if parts.next().is_some() || year == 0 {
            return None;
        }
        match (month, day) {
            (None, _) => Some(Self {
                written: Written::Year,
                first: Date::new(year, 1, 1).ok()?,
                last: Date::new(year, 12, 31).ok()?,
            }),
            (Some(month), None) => {
                let first = Date::new(year, month?.try_into().ok()?, 1).ok()?;
                Some(Self { written: Written::Month, first, last: first.last_of_month() })
            }
            (Some(month), Some(day)) => {
                let day = Date::new(year, month?.try_into().ok()?, day?.try_into().ok()?).ok()?;
                Some(Self { written: Written::Day, first: day, last: day })
            }
        }
    }

    /// Its first day.
    pub fn first(&self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last(&self) -> Date {
        self.last
    }

    fn day(day: Date) -> Self {
        Self { written: Written::Day, first: day, last: day }
    }
}

impl DateRange {
    /// Reads `2024`, `2024-05`, `2024-05-17`, `today`, `a..b`, `a..`, `..b`, `>=a`, `<a` and their kin, `a+`.
    pub(super) fn parse(text: &str, today: Date) -> Result<Self, RangeFault> {
        let bound = |text: &str| DateBound::parse(text, today).ok_or(RangeFault::NoValue);
        if let Some(text) = text.strip_prefix(">=") {
            return Ok(Self { from: Some(bound(text)?), to: None });
        }
        if let Some(text) = text.strip_prefix("<=") {
            return Ok(Self { from: None, to: Some(bound(text)?) });
        }
        if let Some(text) = text.strip_prefix('>') {
            let after = bound(text)?.last.tomorrow().map_err(|_| RangeFault::NoValue)?;
            return Ok(Self { from: Some(DateBound::day(after)), to: None });
        }
        if let Some(text) = text.strip_prefix('<') {
            let before = bound(text)?.first.checked_sub(1.day()).map_err(|_| RangeFault::NoValue)?;
            return Ok(Self { from: None, to: Some(DateBound::day(before)) });
        }
        if let Some(text) = text.strip_suffix('+') {
            return Ok(Self { from: Some(bound(text)?), to: None });
        }
        let Some((from, to)) = text.split_once("..") else {
            let bound = bound(text)?;
            return Ok(Self { from: Some(bound), to: Some(bound) });
        };
        let end = |text: &str| if text.is_empty() { Ok(None) } else { bound(text).map(Some) };
        match (end(from)?, end(to)?) {
            (None, None) => Err(RangeFault::NoValue),
            (Some(from), Some(to)) if from.first > to.last => Err(RangeFault::Backwards),
            (from, to) => Ok(Self { from, to }),
        }
    }

    /// The first day in it; the earliest there is when the range is open.
    pub fn first(&self) -> Date {
        self.from.map_or(Date::MIN, |bound| bound.first)
    }

    /// The last day in it; the latest there is when the range is open.
    pub fn last(&self) -> Date {
        self.to.map_or(Date::MAX, |bound| bound.last)
    }

    /// Whether `day` is in it.
    pub fn contains(&self, day: Date) -> bool {
        (self.first()..=self.last()).contains(&day)
    }
}

impl fmt::Display for DateBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.first.year(), self.first.month(), self.first.day());
        match self.written {
            Written::Year => write!(f, "{year:04}"),
            Written::Month => write!(f, "{year:04}-{month:02}"),
            Written::Day => write!(f, "{year:04}-{month:02}-{day:02}"),
            Written::Today => f.write_str("today"),
            Written::Yesterday => f.write_str("yesterday"),
        }
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from == to => from.fmt(f),
            (from, to) => {
                from.map_or(Ok(()), |from| from.fmt(f))?;
                f.write_str("..")?;
                to.map_or(Ok(()), |to| to.fmt(f))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        let today: Date = "2024-05-17".parse().unwrap();
        for (text, first, last, shown) in [
            ("2024", "2024-01-01", "2024-12-31", "2024"),
            ("2024-2", "2024-02-01", "2024-02-29", "2024-02"),
            ("2024/05", "2024-05-01", "2024-05-31", "2024-05"),
            ("2024.05.17", "2024-05-17", "2024-05-17", "2024-05-17"),
            ("today", "2024-05-17", "2024-05-17", "today"),
            ("Yesterday", "2024-05-16", "2024-05-16", "yesterday"),
            ("2024-01..2024-03", "2024-01-01", "2024-03-31", "2024-01..2024-03"),
            (">=2024", "2024-01-01", "9999-12-31", "2024.."),
            ("2024+", "2024-01-01", "9999-12-31", "2024.."),
            (">2023", "2024-01-01", "9999-12-31", "2024-01-01.."),
            ("<2024-05", "-9999-01-01", "2024-04-30", "..2024-04-30"),
            ("..yesterday", "-9999-01-01", "2024-05-16", "..yesterday"),
        ] {
            let range = DateRange::parse(text, today).unwrap();
            let day = |text: &str| match text {
                "-9999-01-01" => Date::MIN,
                text => text.parse().unwrap(),
            };
            assert_eq!((range.first(), range.last()), (day(first), day(last)), "{text}");
            assert_eq!(range.to_string(), shown);
            assert_eq!(DateRange::parse(shown, today), Ok(range), "{shown}");
        }
        for text in
            ["", "..", "2024-13", "2023-02-29", "24", "2024-", "2024-05-17-1", "+2024", "x..y", "2024...2025"]
        {
            assert_eq!(DateRange::parse(text, today), Err(RangeFault::NoValue), "{text}");
        }
        assert_eq!(DateRange::parse("2025..2024", today), Err(RangeFault::Backwards));
    }
}
