//! What words and pictures mean to a model, and where likeness ends.
//!
//! What makes it hard, and what answers it:
//! 1. A model gives every picture a score for every text, and nearest pictures to words that nothing shows. Where a list
//!    ends, and whether there is one, is decided against what else the library holds and what else could be said of a
//!    picture ([`relevance`], [`backdrop`]); `docs/search.md` tells how it was found and what it gives.
//! 2. Models differ in their scales (0.2 may be much, or nothing). Nothing here is a cosine that was measured on one:
//!    everything is counted in spreads of what this model says in this library.
//! 3. A text takes a model some milliseconds, and the same ones come again at every keystroke and start ([`texts`]).
//! 4. A model may not know a word at all. It then says the same as for no word, and the word is looked for in what is
//!    written instead ([`PictureMeaning::hear`]).

mod backdrop;
mod encoder;
mod relevance;
#[cfg(test)]
mod tests;
mod texts;

use std::sync::Arc;

use roaring::RoaringBitmap;

use self::backdrop::{Backdrop, Tag};
pub use self::encoder::{EncodeError, Encoder};
pub(crate) use self::relevance::Background;
use self::relevance::Cutoff;
use self::texts::Texts;
use crate::embedding::Embedding;
use crate::id::RowNumber;
use crate::pictures::{Breadth, Pictures};
use crate::search::{Heard, Meaning};
use crate::text::is_function_word;
use crate::vectors::{VectorError, VectorFile, VectorKind};

/// Ranks the pictures of a library by what a text means. Made of the pictures' embeddings and of what embeds texts with
/// the same model.
pub struct PictureMeaning {
    pictures: Arc<Pictures>,
    texts: Texts,
    backdrop: Backdrop,
}

/// Why a ranking by meaning failed.
#[derive(Debug, thiserror::Error)]
pub enum MeaningError {
    /// The text could not be embedded.
    #[error("the words could not be embedded: {0}")]
    Encode(#[from] EncodeError),
    /// The embeddings could not be read.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The texts' model is not that of the pictures.
    #[error("the words are embedded by {texts}, the pictures by {pictures}")]
    Models {
        /// The model of the texts.
        texts: String,
        /// The model of the pictures.
        pictures: String,
    },
}

impl std::fmt::Debug for PictureMeaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureMeaning").field("pictures", &self.pictures).finish_non_exhaustive()
    }
}

impl PictureMeaning {
    /// Words and pictures of one model. Remembers the texts that are asked for at every start beside the pictures.
    pub fn new(pictures: Arc<Pictures>, encoder: Arc<dyn Encoder>) -> Result<Self, MeaningError> {
        if encoder.model() != pictures.model() {
            let (texts, pictures) = (encoder.model().to_string(), pictures.model().to_string());
            return Err(MeaningError::Models { texts, pictures });
        }
        let (known, _) =
            VectorFile::open(pictures.dir(), VectorKind::Text, pictures.model(), pictures.width())?;
        Ok(Self { pictures, texts: Texts::new(encoder, known), backdrop: Backdrop::default() })
    }

    /// The pictures.
    pub fn pictures(&self) -> &Arc<Pictures> {
        &self.pictures
    }

    /// Embeds what every search is measured against, if that was never done: seconds for a large model, the first time.
    /// The first search does it otherwise.
    pub fn prepare(&self) -> Result<(), MeaningError> {
        self.backdrop.ready(&self.texts)?;
        Ok(())
    }

    /// The rows of `allowed` that look like `text`, best first, with what they score.
    pub fn find(
        &self,
        text: &str,
        allowed: &RoaringBitmap,
        limit: usize,
    ) -> Result<Vec<(RowNumber, f32)>, MeaningError> {
        let said = self.texts.embedding(text)?;
        let shown = self.texts.embedding(&caption(text))?;
        self.judge(&said, &shown, allowed, limit, &Cutoff::SEARCH)
    }

    /// The rows of `allowed` by likeness to `text`, wherever it ends: for measuring a model, and a ranking without a
    /// cutoff.
    pub fn rank_all(
        &self,
        text: &str,
        allowed: &RoaringBitmap,
        limit: usize,
    ) -> Result<Vec<(RowNumber, f32)>, MeaningError> {
        let said = self.texts.embedding(text)?;
        let breadth = Breadth { at_least: limit, at_most: limit };
        let near = self.pictures.near(said.as_slice(), allowed, breadth, |_, _| ())?;
        let slots = near.found.iter().map(|found| (found.slot, found.cosine));
        let mut rows = self.pictures.rows_in_order(slots, allowed);
        rows.truncate(limit);
        Ok(rows)
    }

    /// Whether the model makes anything of a word: what it does not know says no more than nothing.
    pub(crate) fn knows(&self, word: &str) -> Result<bool, EncodeError> {
        let nothing = self.texts.embedding("")?;
        let word = self.texts.embedding(word)?;
        Ok(word.cosine(&nothing).is_none_or(|cosine| cosine < SAME))
    }

    /// The rows of `allowed` that show a thing: what is kept for good, and asked for at every start.
    pub(crate) fn showing(
        &self,
        thing: &str,
        allowed: &RoaringBitmap,
    ) -> Result<RoaringBitmap, MeaningError> {
        let said = self.texts.lasting(thing)?;
        if said.cosine(&*self.texts.embedding("")?).is_some_and(|cosine| cosine >= SAME) {
            return Ok(RoaringBitmap::new());
        }
        let shown = self.texts.lasting(&caption(thing))?;
        let found = self.judge(&said, &shown, allowed, usize::MAX, &Cutoff::THINGS)?;
        Ok(found.into_iter().map(|(row, _)| row.0).collect())
    }

    fn judge(
        &self,
        said: &Embedding,
        shown: &Embedding,
        allowed: &RoaringBitmap,
        limit: usize,
        cutoff: &Cutoff,
    ) -> Result<Vec<(RowNumber, f32)>, MeaningError> {
        if allowed.is_empty() || self.pictures.is_empty() {
            return Ok(Vec::new());
        }
        let backdrop = self.backdrop.ready(&self.texts)?;
        let breadth = Breadth { at_least: 0, at_most: limit };
        let near = self.pictures.near(said.as_slice(), allowed, breadth, |key, values| {
            (crate::dot::dot(values, shown.as_slice()), Tag::of(key))
        })?;
        let scores: Vec<f32> = near.found.iter().map(|found| found.cosine).collect();
        let mut met = 0;
        let kept = cutoff.keep(&near.background, near.candidates, &scores, limit, |at| {
            if at >= met {
                met = near.found.len().min(at + MET_AT_ONCE);
                let pictures = near.found[at..met].iter().map(|found| (found.slot, found.made.1));
                backdrop.meet(pictures, |slot| self.pictures.embedding_in(slot))?;
            }
            let found = &near.found[at];
            let (score, tag) = found.made;
            Ok::<f32, MeaningError>(backdrop.standing(found.slot, tag, score))
        })?;
        let slots = kept.into_iter().map(|at| (near.found[at].slot, near.found[at].cosine));
        let mut rows = self.pictures.rows_in_order(slots, allowed);
        rows.truncate(limit);
        Ok(rows)
    }
}

/// So many pictures are met at once, the next in the list, though the list may end before the last.
const MET_AT_ONCE: usize = 128;

/// Two texts this near are the same to a model: a word that it knows moves a text farther than rounding does.
const SAME: f32 = 0.9995;

/// What is compared with what else could be said of a picture. Models were trained on sentences, and a bare word scores
/// otherwise: only sentences of one form can be compared, and this form told most.
fn caption(text: &str) -> String {
    let text = text.trim();
    let bare = ["a ", "an ", "the "].iter().find_map(|article| {
        let head = text.get(..article.len())?;
        head.eq_ignore_ascii_case(article).then(|| &text[article.len()..])
    });
    format!("there is a {}", bare.unwrap_or(text))
}

impl Meaning for PictureMeaning {
    fn rank(&self, text: &str, allowed: &RoaringBitmap, limit: usize) -> Option<Vec<(RowNumber, f32)>> {
        match self.find(text, allowed, limit) {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::debug!(%error, "a search goes by words alone");
                None
            }
        }
    }

    fn hear(&self, text: &str) -> Heard {
        let mut heard = Heard::default();
        let mut known = Vec::new();
        for word in text.split_whitespace() {
            // A word of grammar means nothing by itself, and something beside others.
            if is_function_word(&word.to_lowercase()) || self.knows(word).unwrap_or(true) {
                known.push(word);
            } else {
                heard.unknown.push(word.to_owned());
            }
        }
        let means = |word: &&str| !is_function_word(&word.to_lowercase()) && !CAMERA_WORDS.contains(word);
        if heard.unknown.is_empty() || known.iter().any(means) {
            heard.known = known.join(" ");
        }
        heard
    }
}

/// What is left of "a photo of a quokka" when the model does not know the last word says nothing.
const CAMERA_WORDS: &[&str] = &["photo", "photos", "picture", "pictures", "image", "images", "photograph"];
