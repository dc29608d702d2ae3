//! Waiting for what must come about, but not for ever.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine. What must be quick is measured by `make bench`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` gives what is wanted, and says what it gave last when that never comes.
#[track_caller]
pub fn eventually<T: PartialEq + Debug>(what: &str, wanted: &T, mut look: impl FnMut() -> T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if &seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: wanted {wanted:#?}, saw {seen:#?}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Waits until `look` finds something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: never came");
        std::thread::sleep(Duration::from_millis(30));
    }
}
