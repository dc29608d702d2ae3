//! Opening the text index, whatever state it is in.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, ReloadPolicy};
use thiserror::Error;

use super::reader::TextReader;
use super::schema::Fields;
use super::writer::TextWriter;
use crate::change::Cursor;

/// Where a damaged index is kept until the next one is damaged.
const ASIDE: &str = "damaged";

/// Why the text index cannot do what was asked.
#[derive(Debug, Error)]
pub enum TextError {
    /// The index itself fails.
    #[error("the text index fails: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// Its folder fails.
    #[error("the text index at {path} cannot be used: {error}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A cursor cannot be written down.
    #[error("the cursor cannot be written: {0}")]
    Cursor(#[from] serde_json::Error),
}

/// The text index of one library: derived, and replaced by an empty one when it is unfit.
pub struct TextIndex {
    index: Index,
    reader: IndexReader,
    fields: Arc<Fields>,
    put_aside: Option<String>,
}

impl TextIndex {
    /// Opens the index below `dir`, or makes an empty one: when there is none, when it was made for other fields (it is
    /// removed), or when it is damaged (it is put aside).
    pub fn open(dir: &Path) -> Result<Self, TextError> {
        let fields = Arc::new(Fields::default());
        let at = dir.join(fields.folder_name());
        let folder = |error| TextError::Folder { path: at.clone(), error };
        fs::create_dir_all(&at).map_err(folder)?;
        remove_old(dir, &at);
        match Self::open_sound(&at, &fields) {
            Ok(index) => Ok(index),
            Err(fault) => {
                tracing::warn!(index = %at.display(), %fault, "the text index is damaged and starts anew");
                let aside = dir.join(ASIDE);
                if aside.exists() {
                    fs::remove_dir_all(&aside).map_err(folder)?;
                }
                fs::rename(&at, &aside).map_err(folder)?;
                fs::create_dir_all(&at).map_err(folder)?;
                let (index, reader) = open_at(&at, &fields)?;
                Ok(Self { index, reader, fields, put_aside: Some(fault) })
            }
        }
    }

    /// Opens an index that may be anything; what is wrong with it is told in words.
    fn open_sound(at: &Path, fields: &Arc<Fields>) -> Result<Self, String> {
        // Bytes that pass for an index and are none make tantivy panic in places.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let (index, reader) = open_at(at, fields).map_err(|error| error.to_string())?;
            let damaged = index.validate_checksum().map_err(|error| error.to_string())?;
            match damaged.iter().next() {
                Some(file) => Err(format!("{} does not match its checksum", file.display())),
                None => Ok((index, reader)),
            }
        }));
        let (index, reader) = opened.unwrap_or_else(|_| Err("its files make no sense".to_owned()))?;
        Ok(Self { index, reader, fields: Arc::clone(fields), put_aside: None })
    }

    /// Why the index that was found had to be put aside, when it had to. It is empty then.
    pub fn put_aside(&self) -> Option<&str> {
        self.put_aside.as_deref()
    }

    /// How far in the change feed the index is; `None` when it is empty or does not know: then everything must be put
    /// into it, after [`TextWriter::clear`].
    pub fn cursor(&self) -> Option<Cursor> {
        let payload = self.index.load_metas().ok()?.payload?;
        serde_json::from_str(&payload).ok()
    }

    /// Something to search with: always sees the last commit.
    pub fn reader(&self) -> TextReader {
        TextReader::new(self.reader.clone(), Arc::clone(&self.fields))
    }

    /// The writer. There is one at a time; it costs a thread and some 30 MB, so drop it when there is nothing to write.
    pub fn writer(&self) -> Result<TextWriter, TextError> {
        TextWriter::new(&self.index, self.reader.clone(), Arc::clone(&self.fields))
    }
}

fn open_at(at: &Path, fields: &Fields) -> Result<(Index, IndexReader), TextError> {
    let directory = MmapDirectory::open(at).map_err(tantivy::TantivyError::from)?;
    let index = Index::open_or_create(directory, fields.schema.clone())?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok((index, reader))
}

/// Removes indexes for other fields: only folders that bear our own names.
fn remove_old(dir: &Path, current: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with("index-");
        if ours
            && entry.path() != current
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(index = %entry.path().display(), %error, "an old text index cannot be removed");
        }
    }
}
