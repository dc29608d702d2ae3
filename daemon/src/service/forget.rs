//! `galleryfs forget`: the user's word that what is away will not come back.

use std::path::Path;

use anyhow::Result;
use library::journal::Face;
use library::{FilePath, Observation, RootId};

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
        let away = self.library.away_in(root)?.into_iter().any(|folder| {
            FilePath::new(root, &*relative).is_under(&folder)
                || FilePath::new(root, folder).is_under(&relative)
        });
        let missing = self.missing(root, &relative)?;
        if !away && missing.is_empty() {
            return Err(match std::fs::symlink_metadata(path) {
                Ok(_) => Exit::Failed
                    .because(format!("{shown} is there: only what is away or missing can be forgotten")),
                Err(_) => Exit::NotFound.because(format!("nothing is known of {shown}")),
            });
        }
        let mut files = missing.len();
        self.library.observe(missing.into_iter().map(|path| Observation::Gone { path }).collect())?;
        files += self.library.forget(Face::Cli, root, &relative)?;
        // Where there is no daemon, the next command is another process, and nobody looks through the folders between.
        self.library.flush()?;
        if let Some(watcher) = self.watcher() {
            watcher.look_again(path);
        }
        sink(serde_json::to_string(&format!(
            "forgotten: {} at or below {shown}",
            plural(files as u64, "file", "files")
        ))?)
    }

    /// The files known at or below a folder that are in no folder that is away, and not on the disk either.
    fn missing(&self, root: RootId, folder: &[u8]) -> Result<Vec<FilePath>> {
        let snapshot = self.library.snapshot();
        let Some((place, _)) = snapshot.folders().root(root) else { return Ok(Vec::new()) };
        let away = self.library.away_in(root)?;
        let mut known: Vec<FilePath> =
            self.library.files_under(root, folder)?.into_iter().map(|(path, _)| path).collect();
        let exact = FilePath::new(root, folder);
        if self.library.file(&exact)?.is_some() {
            known.push(exact);
        }
        known
            .retain(|path| !away.iter().any(|folder| path.is_under(folder)) && is_missing(&place.path, path));
        Ok(known)
    }
}

/// Whether nothing stands at a path. Where that cannot be told, something may.
fn is_missing(root: &Path, file: &FilePath) -> bool {
    use std::ffi::OsStr;
    use std::io::ErrorKind;
    use std::os::unix::ffi::OsStrExt as _;
    std::fs::symlink_metadata(root.join(OsStr::from_bytes(&file.relative)))
        .is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}
