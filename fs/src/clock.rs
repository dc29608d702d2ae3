//! What day it is, so that a test can turn midnight by hand.

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};

/// A clock on the wall, in the daemon's zone.
pub trait Clock: Send + Sync + 'static {
    /// Today's date there.
    fn today(&self) -> Date;

    /// This moment.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The machine's clock and zone.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn today(&self) -> Date {
        Zoned::now().date()
    }
}
