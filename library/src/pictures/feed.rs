//! Rows come and go, and get other bytes: a thread ties them to the embeddings of what they are now.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::Pictures;
use crate::change::Entity;
use crate::id::Epoch;
use crate::library::{Commit, Library, LibraryError};

/// How often the thread looks whether anybody still has the pictures.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Rows tied at once.
const BATCH: usize = 500;

/// Ties all rows that there are, then starts the thread. It ends with the library, or with the pictures.
pub(super) fn follow(library: &Arc<Library>, pictures: &Arc<Pictures>) -> Result<(), LibraryError> {
    // Before all are read, so that no change falls between.
    let commits = library.subscribe();
    let epoch = library.snapshot().cursor().epoch;
    pictures.tie_all(library)?;
    let feeder =
        Feeder { library: Arc::downgrade(library), pictures: Arc::downgrade(pictures), commits, epoch };
    let spawned = std::thread::Builder::new().name("pictures".into()).spawn(move || feeder.run());
    if let Err(error) = spawned {
        tracing::error!(%error, "pictures cannot follow the library: what is new is not found by how it looks");
    }
    Ok(())
}

struct Feeder {
    library: Weak<Library>,
    pictures: Weak<Pictures>,
    commits: Receiver<Commit>,
    /// The life of the catalogue whose rows are tied.
    epoch: Epoch,
}

impl Feeder {
    fn run(mut self) {
        let mut behind = false;
        loop {
            let commit = match self.commits.recv_timeout(LOOK_UP) {
                Ok(commit) => Some(commit),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (Some(library), Some(pictures)) = (self.library.upgrade(), self.pictures.upgrade()) else {
                return;
            };
            let tied = match &commit {
                // Row numbers are another catalogue's now.
                Some(commit) if behind || commit.snapshot.cursor().epoch != self.epoch => {
                    self.epoch = commit.snapshot.cursor().epoch;
                    pictures.tie_all(&library)
                }
                Some(commit) => pictures.tie_changed(&library, commit),
                None if behind => pictures.tie_all(&library),
                None => Ok(()),
            };
            behind = tied.is_err();
            if let Err(error) = tied {
                tracing::warn!(%error, "photos could not be tied to their embeddings; it is tried again");
            }
        }
    }
}

impl Pictures {
    /// Ties every row of the library anew.
    fn tie_all(&self, library: &Library) -> Result<(), LibraryError> {
        self.rows_mut().clear();
        // A search in between finds less, and waits for none of this.
        let mut contents = Vec::with_capacity(BATCH);
        library.each_content(|row, content| {
            contents.push((row, content));
            if contents.len() == BATCH {
                self.tie(contents.drain(..));
            }
        })?;
        self.tie(contents);
        Ok(())
    }

    fn tie_changed(&self, library: &Library, commit: &Commit) -> Result<(), LibraryError> {
        for change in commit.changes.iter() {
            if let Entity::Asset(id) = change.entity
                && let Some((row, content)) = library.content_of(id)?
            {
                self.tie([(row, content)]);
            }
        }
        Ok(())
    }
}
