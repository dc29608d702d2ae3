//! Counting what is still to be done, so that somebody can wait for the end of it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// How many duties of one kind are open.
#[derive(Debug, Default)]
pub struct Duties {
    open: Mutex<usize>,
    none_left: Condvar,
}

impl Duties {
    /// Opens one; it is open until it and its clones are dropped.
    pub fn open(self: &Arc<Self>) -> Duty {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Duty(Arc::clone(self))
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until none is open; false when that did not come by `deadline`.
    pub fn wait(&self, deadline: Instant) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while *open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            open = self.none_left.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Something begun that has to be finished: held by whatever carries it on, from the event to the library.
#[derive(Debug)]
pub struct Duty(Arc<Duties>);

impl Clone for Duty {
    fn clone(&self) -> Self {
        self.0.open()
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open -= 1;
        if *open == 0 {
            self.0.none_left.notify_all();
        }
    }
}
