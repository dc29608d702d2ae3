//! Putting faces to people and things into folders, between looks and when there is nothing left to look at.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use library::things::Things;
use library::vectors::ModelName;
use library::{Cursor, Effort, Scope};

use super::Shared;

/// How often new faces are put to people while there is more to look at.
const PEOPLE: Duration = Duration::from_secs(5);

/// What things were last looked for in: the same again gives the same.
type Looked = (ModelName, usize, Cursor);

impl Shared {
    /// Puts new faces to people every few seconds, and sorts all of them out when nothing is left to look at.
    pub(super) fn sort(&self) {
        let mut last = Instant::now();
        let (mut looked, mut taken_over) = (None, None);
        while !self.is_stopped() {
            std::thread::sleep(Duration::from_millis(100));
            let idle = self.todo.left() == 0 && !self.is_opening();
            if !idle && last.elapsed() < PEOPLE {
                continue;
            }
            last = Instant::now();
            let seen = self.seen.load(Ordering::SeqCst);
            let effort = if idle { Effort::Settle } else { Effort::Quick };
            if idle {
                self.take_over(&mut taken_over);
                self.find_things(&mut looked);
            }
            let outcome = match self.library.pending_people() {
                Ok(true) => {
                    self.sorting.store(true, Ordering::SeqCst);
                    self.library.update_people(effort).map(drop)
                }
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            // What failed is not to be waited for, either.
            if idle {
                self.sorted.store(seen, Ordering::SeqCst);
            }
            self.sorting.store(false, Ordering::SeqCst);
            if let Err(error) = outcome {
                self.clear(Some(error.to_string()));
                std::thread::sleep(PEOPLE);
            }
        }
    }

    /// Looks for things anew when the pictures are not those of the last time.
    fn find_things(&self, last: &mut Option<Looked>) {
        let Some(meaning) = self.meaning() else { return };
        let snapshot = self.library.snapshot();
        let pictures = meaning.pictures();
        let now = (pictures.model().clone(), pictures.len(), snapshot.cursor());
        if last.as_ref() == Some(&now) {
            return;
        }
        *last = Some(now);
        match Things::find(&meaning, &snapshot.shown(self.library.account(), Scope::Everything)) {
            Ok(things) => self.sights.set_things(things),
            Err(error) => tracing::warn!("things/: {error}"),
        }
    }
}
