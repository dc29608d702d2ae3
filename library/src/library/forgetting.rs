//! The user's word that what is away will not come back.

use super::{Library, LibraryError};
use crate::id::RootId;
use crate::ingest::{self, Ingest};
use crate::journal::Face;
use crate::observation::Observation;

impl Library {
    /// Accepts that what is away at or below `folder` of a root is gone for good, and says how many files that were.
    /// What is there stays. A root that is away as a whole is retired: nobody is told of it until it is named again.
    pub fn forget(&self, face: Face, root: RootId, folder: &[u8]) -> Result<usize, LibraryError> {
        self.write(self.account, face, |tx, writer| {
            let files = ingest::away_files(tx, root, folder)?.len();
            let forgotten = Observation::Forgotten { root, folder: folder.into() };
            Ingest::new(tx, &writer.roots, &self.snapshot()).run(vec![forgotten])?;
            Ok(files)
        })
    }
}
