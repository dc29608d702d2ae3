//! What else could be said of a picture: captions of everyday things, against which a query's caption must hold.

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use super::caption;
use super::encoder::EncodeError;
use super::texts::Texts;
use crate::dot::dot;
use crate::embedding::Embedding;
use crate::things::all_prompts;
use crate::vectors::{Slot, VectorError, VectorKey};

/// Every so manieth thing is enough: with all of them, what is found hardly differs and costs twice as much.
const EVERY: usize = 2;

/// Fewer pictures than this are met by one thread.
const ALONE: usize = 16;

/// The captions, once they are embedded.
#[derive(Default)]
pub(super) struct Backdrop(Mutex<Option<Arc<Captions>>>);

/// Embedded captions, and what they score for the pictures met so far.
pub(super) struct Captions {
    embeddings: Vec<Box<[f32]>>,
    /// By slot.
    usual: Mutex<Vec<Usual>>,
}

/// Four bytes of a picture's checksum: a slot may have been given to another since it was met. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag(u32);

/// What captions score for one picture. Eight bytes, for there may be a million.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Usual {
    tag: Tag,
    /// What half of the captions reach, and how far above the best twentieth begins.
    middle: f16,
    reach: f16,
}

const UNKNOWN: Usual = Usual { tag: Tag(0), middle: f16::ZERO, reach: f16::ZERO };

impl Backdrop {
    /// The captions, embedded now if they were not yet.
    pub(super) fn ready(&self, texts: &Texts) -> Result<Arc<Captions>, EncodeError> {
        let mut captions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*captions {
            return Ok(Arc::clone(ready));
        }
        let mut embeddings: Vec<Box<[f32]>> = Vec::new();
        for prompt in all_prompts().step_by(EVERY) {
            embeddings.push(texts.lasting(&caption(prompt))?.as_slice().into());
        }
        let ready = Arc::new(Captions { embeddings, usual: Mutex::default() });
        *captions = Some(Arc::clone(&ready));
        Ok(ready)
    }
}

impl Tag {
    pub(super) fn of(key: &VectorKey) -> Self {
        let content = key.content.as_bytes();
        Self(u32::from_le_bytes([content[0], content[1], content[2], content[3]]).max(1))
    }
}

impl Captions {
    /// Learns what captions score for these pictures, of which `embedding` reads those that were not met before.
    pub(super) fn meet(
        &self,
        pictures: impl Iterator<Item = (Slot, Tag)>,
        embedding: impl Fn(Slot) -> Result<Option<Embedding>, VectorError> + Sync,
    ) -> Result<(), VectorError> {
        let unknown: Vec<_> = pictures.filter(|(slot, tag)| self.known(*slot, *tag).is_none()).collect();
        let learn = |pictures: &[(Slot, Tag)]| -> Result<(), VectorError> {
            for (slot, tag) in pictures {
                if let Some(embedding) = embedding(*slot)? {
                    self.learn(*slot, *tag, embedding.as_slice());
                }
            }
            Ok(())
        };
        if unknown.len() < ALONE {
            return learn(&unknown);
        }
        let (ours, others) = unknown.split_at(unknown.len() / 2);
        std::thread::scope(|scope| {
            let others = scope.spawn(|| learn(others));
            learn(ours)?;
            others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Where a caption's score stands among what others score for the picture in a slot: 0 in their middle, 1 where their
    /// best twentieth begins. One that was not met, or went since, stands nowhere.
    pub(super) fn standing(&self, slot: Slot, tag: Tag, score: f32) -> f32 {
        match self.known(slot, tag) {
            Some(usual) => (score - usual.middle.to_f32()) / usual.reach.to_f32().max(1e-4),
            None => f32::NEG_INFINITY,
        }
    }

    fn known(&self, slot: Slot, tag: Tag) -> Option<Usual> {
        let usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        usual.get(slot.0 as usize).copied().filter(|usual| usual.tag == tag)
    }

    fn learn(&self, slot: Slot, tag: Tag, values: &[f32]) {
        let mut scores: Vec<f32> = self.embeddings.iter().map(|caption| dot(caption, values)).collect();
        let mut quantile = |share: f32| {
            let place = ((scores.len() - 1) as f32 * share).round() as usize;
            *scores.select_nth_unstable_by(place, f32::total_cmp).1
        };
        let middle = quantile(0.5);
        let reach = quantile(0.95) - middle;
        let usual = Usual { tag, middle: f16::from_f32(middle), reach: f16::from_f32(reach) };
        let at = slot.0 as usize;
        let mut all = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() <= at {
            all.resize(at + 1, UNKNOWN);
        }
        all[at] = usual;
    }
}
