//! `galleryfs forget`: the user's word that what is away will not come back.

use std::path::Path;

use anyhow::Result;
use library::{FilePath, Observation};

use super::{Service, Sink};
use crate::exit::Exit;
use crate::output::plural;

impl Service {
    /// Only what is away or missing can be forgotten: a file that is there would be back at the next look.
    pub(super) fn forget(&self, path: &Path, sink: Sink<'_>) -> Result<()> {
        let shown = path.display();
        let Some(FilePath { root, relative }) = self.library.find_root(path) else {
            return Err(Exit::NotFound.because(format!("{shown} lies in no photo folder of this library")));
        };
        let away = self.library.away()?.into_iter().any(|away| {
            away.root == root && (lies_under(&away.folder, &relative) || lies_under(&relative, &away.folder))
        });
        if !away && path.exists() {
            return Err(Exit::Failed
                .because(format!("{shown} is there: only what is away or missing can be forgotten")));
        }
        let files = self.library.files_under(root, &relative)?.len();
        if !away && files == 0 {
            return Err(Exit::NotFound.because(format!("nothing is known of {shown}")));
        }
        match self.watcher() {
            Some(watcher) => watcher.forget(path)?,
            None => self.library.observe(vec![Observation::Forgotten { root, folder: relative }])?,
        }
        sink(serde_json::to_string(&format!(
            "forgotten: {} below {shown}",
            plural(files as u64, "file", "files")
        ))?)
    }
}

fn lies_under(inner: &[u8], outer: &[u8]) -> bool {
    outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}
