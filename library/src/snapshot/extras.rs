//! What few rows have: kept apart, so that all the others need no room for it.

use std::ops::{Deref, DerefMut};

use super::interner::{AlbumRow, PersonNameId, PersonRow};
use crate::id::{RowNumber, StackId};

/// What few rows have.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Extra {
    /// Playing time in milliseconds.
    pub duration_ms: Option<u32>,
    /// People named in the file.
    pub people: Vec<PersonNameId>,
    /// People in it.
    pub persons: Vec<PersonRow>,
    /// Albums it is in.
    pub albums: Vec<AlbumRow>,
    /// What it is a part of.
    pub host: Option<RowNumber>,
    /// Its parts: they stand beside it in every view.
    pub parts: Vec<RowNumber>,
    /// The stack it is in: a RAW file and the picture developed from it, which both show.
    pub stack: Option<StackId>,
}

static NOTHING: Extra = Extra {
    duration_ms: None,
    people: Vec::new(),
    persons: Vec::new(),
    albums: Vec::new(),
    host: None,
    parts: Vec::new(),
    stack: None,
};

/// An [`Extra`], or for most rows nothing, which reads as an empty one.
#[derive(Clone, Default, Debug)]
pub struct Extras(Option<Box<Extra>>);

impl From<Extra> for Extras {
    fn from(extra: Extra) -> Self {
        Self((extra != NOTHING).then(|| Box::new(extra)))
    }
}

impl Deref for Extras {
    type Target = Extra;

    fn deref(&self) -> &Extra {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Extras {
    fn deref_mut(&mut self) -> &mut Extra {
        self.0.get_or_insert_default()
    }
}
