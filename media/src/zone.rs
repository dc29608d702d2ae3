//! The time zone at a place: boundaries from timezone-boundary-builder (OpenStreetMap), rules from the tz database.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use library::metadata::Gps;
use tzf_rs::EmbeddedFinder;

/// Reads the boundaries in place, in the program's own pages: nothing to load, a few kilobytes of tables.
static BOUNDARIES: LazyLock<EmbeddedFinder> = LazyLock::new(EmbeddedFinder::new);

/// A moment of which either the wall clock or the instant is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// What a clock on the wall there shows.
    Local(DateTime),
    /// The instant.
    Instant(Timestamp),
}

/// How far the clocks there are from UTC at that moment. `None` off the map.
pub fn at(gps: &Gps, when: When) -> Option<Offset> {
    let here = Finder::at(gps)?;
    match when {
        When::Local(local) => here.at_local(local),
        When::Instant(instant) => here.at_instant(instant),
    }
}

/// The zone of one place.
pub(crate) struct Finder {
    zone: TimeZone,
}

impl Finder {
    /// Whether the place is on the open sea, where zones follow the meridians.
    pub(crate) fn at_sea(gps: &Gps) -> bool {
        let name = BOUNDARIES.get_tz_name(gps.lon, gps.lat);
        name.is_empty() || name.starts_with("Etc/")
    }

    /// Looks up the place.
    pub(crate) fn at(gps: &Gps) -> Option<Self> {
        (gps.lat.abs() <= 90.0 && gps.lon.abs() <= 180.0).then_some(())?;
        let name = BOUNDARIES.get_tz_name(gps.lon, gps.lat);
        Some(Self { zone: TimeZone::get(name).ok()? })
    }

    /// The offset when the clock there shows this. In the hour that happens twice, the first; in the one that never
    /// happens, what was in force before.
    pub(crate) fn at_local(&self, local: DateTime) -> Option<Offset> {
        Some(match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        })
    }

    /// The offset at an instant.
    pub(crate) fn at_instant(&self, instant: Timestamp) -> Option<Offset> {
        Some(self.zone.to_offset(instant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(lat: f64, lon: f64, local: &str) -> Option<f64> {
        let gps = Gps { lat, lon, altitude: None };
        at(&gps, When::Local(local.parse().unwrap())).map(|offset| f64::from(offset.seconds()) / 3600.0)
    }

    #[test]
    fn summer_winter_and_half_hours() {
        assert_eq!(hours(41.9, 12.5, "2024-07-01T12:00"), Some(2.0));
        assert_eq!(hours(41.9, 12.5, "2024-01-01T12:00"), Some(1.0));
        assert_eq!(hours(27.7, 85.3, "2024-01-01T12:00"), Some(5.75));
        assert_eq!(hours(39.0, -108.0, "2025-12-01T11:30"), Some(-7.0));
        assert_eq!(hours(f64::NAN, 0.0, "2025-12-01T11:30"), None);
    }
}
