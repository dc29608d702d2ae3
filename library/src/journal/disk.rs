//! Every way in which the journal changes the disk, each one step. Tests stop the world at any of them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use super::error::{Doing, JournalError};

/// The disk, with the faults a test put into it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Option<std::sync::Arc<super::faults::Faults>>,
}

impl Disk {
    /// Lets a test stop or fail here. `bytes` is how much would be written; the answer is how much of it to write
    /// before failing.
    #[cfg(test)]
    fn step(&self, what: &'static str, bytes: usize) -> Result<(), (usize, io::Error)> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.step(what, bytes))
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the shape of the one tests use")]
    fn step(&self, _what: &'static str, _bytes: usize) -> Result<(), (usize, io::Error)> {
        Ok(())
    }

    /// An empty file only its owner can read. An abandoned one of that name is emptied.
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.step("create", 0).map_err(|(_, error)| error)?;
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    /// A folder only its owner can enter, parents included.
    pub(super) fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step("create_dir", 0).map_err(|(_, error)| error)?;
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    /// Hands bytes to the kernel.
    pub(super) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err((part, error)) = self.step("write", bytes.len()) {
            file.write_all_at(&bytes[..part], offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    pub(super) fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        self.step("truncate", 0).map_err(|(_, error)| error)?;
        file.set_len(len)
    }

    /// Waits until the file's bytes are on the disk.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        self.step("sync", 0).map_err(|(_, error)| error)?;
        file.sync_data()?;
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            faults.synced(file)?;
        }
        Ok(())
    }

    /// Waits until the folder's names are on the disk.
    pub(super) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step("sync_dir", 0).map_err(|(_, error)| error)?;
        File::open(path)?.sync_all()
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", 0).map_err(|(_, error)| error)?;
        std::fs::rename(from, to)
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", 0).map_err(|(_, error)| error)?;
        std::fs::remove_file(path)
    }

    /// Puts a complete file under its name in one step: nobody, and no copy of the folder, sees a part of it.
    ///
    /// `write` answers how many bytes it wrote.
    pub(super) fn publish(
        &self,
        folder: &Path,
        name: &str,
        write: impl FnOnce(&File) -> io::Result<u64>,
    ) -> Result<(File, u64), JournalError> {
        let path = folder.join(name);
        let draft = folder.join(format!("{name}.tmp"));
        let file = self.create(&draft).doing("create", &draft)?;
        let len = write(&file).doing("write", &draft)?;
        self.sync(&file).doing("sync", &draft)?;
        self.rename(&draft, &path).doing("put in place", &path)?;
        self.sync_dir(folder).doing("sync", folder)?;
        Ok((file, len))
    }
}
