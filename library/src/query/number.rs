//! Numbers with units and ranges of them: `iso:800`, `size:>5mb`, `f:2..4`, `duration:1m+`.

use std::fmt;

use super::date::RangeFault;
use super::operator::Operator;
use crate::snapshot::Row;

/// A number every row may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// ISO speed.
    Iso,
    /// Aperture as an f-number.
    Aperture,
    /// Focal length in millimetres.
    Focal,
    /// Bytes.
    Size,
    /// Pixels across.
    Width,
    /// Pixels down.
    Height,
    /// Playing time in seconds.
    Duration,
}

impl Column {
    /// The number of one row, where it has one.
    pub fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Iso => row.iso.map(|iso| f64::from(iso.get())),
            Self::Aperture => row.f_number.map(as_written),
            Self::Focal => row.focal_mm.map(as_written),
            Self::Size => Some(row.size as f64),
            Self::Width => row.pixels.map(|pixels| f64::from(pixels.width)),
            Self::Height => row.pixels.map(|pixels| f64::from(pixels.height)),
            Self::Duration => row.extras.duration_ms.map(|ms| f64::from(ms) / 1000.0),
        }
    }

    pub(super) fn operator(self) -> Operator {
        match self {
            Self::Iso => Operator::Iso,
            Self::Aperture => Operator::Aperture,
            Self::Focal => Operator::Focal,
            Self::Size => Operator::Size,
            Self::Width => Operator::Width,
            Self::Height => Operator::Height,
            Self::Duration => Operator::Duration,
        }
    }

    /// Units and their worth, longest first.
    fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Size => &[
                ("kib", 1024.0),
                ("mib", 1_048_576.0),
                ("gib", 1_073_741_824.0),
                ("kb", 1e3),
                ("mb", 1e6),
                ("gb", 1e9),
                ("k", 1e3),
                ("m", 1e6),
                ("g", 1e9),
                ("b", 1.0),
            ],
            Self::Duration => &[("min", 60.0), ("s", 1.0), ("m", 60.0), ("h", 3600.0)],
            Self::Focal => &[("mm", 1.0)],
            Self::Width | Self::Height => &[("px", 1.0)],
            Self::Aperture | Self::Iso => &[],
        }
    }

    /// How far from a number written alone the number of a row may be and still be called that.
    fn slack(self, number: Bound) -> f64 {
        match self {
            Self::Aperture => 0.05,
            Self::Focal => 0.5,
            Self::Size | Self::Duration => number.unit / 2.0,
            Self::Iso | Self::Width | Self::Height => 0.0,
        }
    }
}

/// A number kept in single precision, as people write it: 2.8, not 2.7999999.
fn as_written(number: f32) -> f64 {
    (f64::from(number) * 1000.0).round() / 1000.0
}

/// A range of numbers, both ends included.
#[derive(Clone, PartialEq, Debug)]
pub struct NumberRange {
    low: f64,
    high: f64,
    written: String,
}

#[derive(Clone, Copy)]
struct Bound {
    value: f64,
    unit: f64,
}

fn bound(text: &str, column: Column) -> Result<Bound, RangeFault> {
    let (digits, unit) = column
        .units()
        .iter()
        .find_map(|(word, worth)| text.strip_suffix(word).map(|digits| (digits, *worth)))
        .unwrap_or((text, 1.0));
    let plain = !digits.is_empty()
        && digits.len() <= 15
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = plain.then(|| digits.parse().ok()).flatten().ok_or(RangeFault::NoValue)?;
    Ok(Bound { value: number * unit, unit })
}

impl NumberRange {
    /// Reads `800`, `>=800`, `<2.8`, `800+`, `100..400`, `..400`, with the units of `column`.
    pub(super) fn parse(text: &str, column: Column) -> Result<Self, RangeFault> {
        let written = text.to_ascii_lowercase();
        // f/2.8 is how apertures are written.
        let text = match column {
            Column::Aperture => written.strip_prefix("f/").unwrap_or(&written),
            _ => &written,
        };
        let (low, high) = if let Some(text) = text.strip_prefix(">=").or_else(|| text.strip_suffix('+')) {
            (bound(text, column)?.value, f64::INFINITY)
        } else if let Some(text) = text.strip_prefix("<=") {
            (f64::NEG_INFINITY, bound(text, column)?.value)
        } else if let Some(text) = text.strip_prefix('>') {
            (bound(text, column)?.value.next_up(), f64::INFINITY)
        } else if let Some(text) = text.strip_prefix('<') {
            (f64::NEG_INFINITY, bound(text, column)?.value.next_down())
        } else if let Some((from, to)) = text.split_once("..") {
            if from.is_empty() && to.is_empty() {
                return Err(RangeFault::NoValue);
            }
            let low = if from.is_empty() { f64::NEG_INFINITY } else { bound(from, column)?.value };
            let high = if to.is_empty() { f64::INFINITY } else { bound(to, column)?.value };
            (low, high)
        } else {
            let number = bound(text, column)?;
            let slack = column.slack(number);
            (number.value - slack, number.value + slack)
        };
        if low > high {
            return Err(RangeFault::Backwards);
        }
        Ok(Self { low, high, written })
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_ranges() {
        let holds =
            |column, text: &str, number: f64| NumberRange::parse(text, column).unwrap().contains(number);
        assert!(holds(Column::Iso, "800", 800.0) && !holds(Column::Iso, "800", 801.0));
        assert!(holds(Column::Iso, "800+", 6400.0) && !holds(Column::Iso, ">800", 800.0));
        assert!(holds(Column::Aperture, "2.8", as_written(2.8)));
        assert!(holds(Column::Aperture, ">=2.8", as_written(2.8)));
        assert!(holds(Column::Aperture, "<=2.8", as_written(2.8)));
        assert!(!holds(Column::Aperture, "<2.8", as_written(2.8)));
        assert!(holds(Column::Aperture, "f/4", 4.0) && !holds(Column::Aperture, "4", 4.5));
        assert!(holds(Column::Size, ">5MB", 5_000_001.0) && !holds(Column::Size, ">5mb", 5_000_000.0));
        assert!(holds(Column::Size, "5mb", 5_300_000.0));
        assert!(holds(Column::Duration, "1m..5m", 61.0) && !holds(Column::Duration, "1m..5m", 59.0));
        assert!(holds(Column::Focal, "50mm", 50.2) && holds(Column::Focal, "..50", 35.0));
        for text in ["", "..", "x", "-1", "1e5", "5 mb", "nan", "inf", ">", "+", "1.2.3"] {
            assert_eq!(NumberRange::parse(text, Column::Size), Err(RangeFault::NoValue), "{text}");
        }
        assert_eq!(NumberRange::parse("400..100", Column::Iso), Err(RangeFault::Backwards));
    }
}
