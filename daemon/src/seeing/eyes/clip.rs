//! Pictures to meaning, and what they are searched by.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use library::pictures::Pictures;
use library::vectors::ModelName;
use media::pixels::Picture;
use vision::clip::Visual;
use vision::remote::Servers;

use super::words::Words;
use super::{Preview, Sources, either, pixels};

/// Embeddings of pictures, and the words of the same model: all that a search needs.
pub(in crate::seeing) struct Searched {
    pub(in crate::seeing) pictures: Arc<Pictures>,
    pub(in crate::seeing) words: Arc<Words>,
}

impl Searched {
    /// Opens what a model has seen so far, where that is not open already.
    pub(super) fn open(
        sources: &Sources<'_>,
        model: &ModelName,
        known: Option<Arc<Pictures>>,
    ) -> Result<Self> {
        let words = Words::open(sources, model)?;
        let pictures = match known {
            Some(pictures) => pictures,
            None => sources.library.open_pictures(model, words.width()).context("the embeddings it made")?,
        };
        Ok(Self { pictures, words: Arc::new(words) })
    }

    /// Whose.
    pub(in crate::seeing) fn model(&self) -> &ModelName {
        self.pictures.model()
    }
}

/// What looks at pictures.
pub(in crate::seeing) struct ClipEye {
    pub(in crate::seeing) searched: Arc<Searched>,
    servers: Option<Arc<Servers>>,
    here: Option<Visual>,
}

impl ClipEye {
    /// Opens the image side of the model that `searched` is of.
    pub(super) fn open(sources: &Sources<'_>, searched: Arc<Searched>) -> Result<Self> {
        let here = sources.here(searched.model(), |engine, files| Ok(Visual::open(engine, files)?))?;
        Ok(Self { searched, servers: sources.servers.cloned(), here })
    }

    /// Whether the model lies here.
    pub(super) fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// Keeps the embedding of a picture; `preview` is read where a server is asked.
    pub(in crate::seeing) fn look(
        &self,
        content: &library::Checksum,
        picture: &Picture,
        preview: &Preview<'_>,
    ) -> Result<()> {
        let pixels = pixels(picture)?;
        let embedding = either(
            self.servers.as_deref(),
            |servers| servers.picture(self.searched.model().as_str(), &preview()?),
            self.here.as_ref().map(|here| || here.embed_one(pixels)),
        )?;
        Ok(self.searched.pictures.put(content, &embedding)?)
    }
}
