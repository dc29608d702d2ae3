//! Which photos are nearly the same picture.

use std::cmp::Reverse;

use anyhow::Result;
use library::Scope;

use super::{Service, Sink, item};
use crate::exit::Exit;
use crate::output::Group;

impl Service {
    /// Groups, each with the one first that shows most: the most pixels, then the most bytes.
    pub(super) fn duplicates(&self, sink: Sink<'_>) -> Result<()> {
        let pictures = self.sights.pictures().ok_or_else(|| {
            Exit::Failed.because(
                "no model has looked at the photos: `galleryfs doctor` says what is missing, and `galleryfs index` \
                 looks at them",
            )
        })?;
        let snapshot = self.library.snapshot();
        let shown = snapshot.shown(self.library.account(), Scope::Everything);
        for rows in pictures.duplicates(&snapshot, &shown)? {
            let mut found = Vec::new();
            for row in rows.into_iter().filter_map(|row| snapshot.row(row)) {
                found.extend(self.library.details(row.id)?.filter(|details| details.present));
            }
            if found.len() < 2 {
                continue;
            }
            let pixels = |size: library::metadata::PixelSize| u64::from(size.width) * u64::from(size.height);
            found.sort_by_key(|details| Reverse((details.metadata.size.map_or(0, pixels), details.size)));
            let assets = found.iter().map(|details| self.asset(&snapshot, details)).collect::<Result<_>>()?;
            item(sink, &Group { assets })?;
        }
        Ok(())
    }
}
