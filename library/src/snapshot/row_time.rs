//! A point in time in half the room.

use jiff::Timestamp;

/// Nanoseconds since 1970, from the year 1677 to 2262. A time outside, which only a damaged clock gives, is the nearest
/// of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct RowTime(i64);

impl From<Timestamp> for RowTime {
    fn from(time: Timestamp) -> Self {
        let nanoseconds = time.as_nanosecond();
        let edge = if nanoseconds < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(nanoseconds).unwrap_or(edge))
    }
}

impl From<RowTime> for Timestamp {
    fn from(time: RowTime) -> Self {
        // Every number of 64 bits is in the range of a timestamp.
        Self::from_nanosecond(i128::from(time.0)).unwrap_or_default()
    }
}
