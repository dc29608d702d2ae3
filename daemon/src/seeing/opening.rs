//! Taking up models: at the start, when others are chosen, when a server comes back; and what is searched by them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use library::Library;
use library::meaning::PictureMeaning;
use library::vectors::ModelName;

use super::eyes::{Eyes, InUse, Searched};
use super::{SeeingOptions, Shared, Sights};

/// How often servers that did not answer are asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// How often it is looked whether somebody wants models to be taken up.
const LOOKED: Duration = Duration::from_millis(100);

impl Shared {
    /// Takes up what there is, and again whenever that is asked for or may help.
    pub(super) fn keep_eyes_open(&self) {
        let mut last: Option<Instant> = None;
        while !self.is_stopped() {
            let again = self.eyes().unreached && last.is_some_and(|last| last.elapsed() >= AGAIN);
            if again || self.is_opening() {
                self.open_eyes();
                last = Some(Instant::now());
            }
            std::thread::sleep(LOOKED);
        }
    }

    fn open_eyes(&self) {
        // What is asked for from here on is asked for once more.
        let wanted = self.wanted.load(Ordering::SeqCst);
        let before = self.eyes();
        let eyes = Arc::new(Eyes::open(&self.library, &self.options, &self.courtesy, &before));
        for missing in eyes.report.missing.iter().filter(|missing| !before.report.missing.contains(missing)) {
            tracing::info!("{missing}");
        }
        self.search_by(eyes.searched());
        let known = before.faces.as_ref().map(|faces| Arc::as_ptr(&faces.vectors));
        if let Some(faces) = eyes.faces.as_ref().filter(|faces| known != Some(Arc::as_ptr(&faces.vectors))) {
            self.library.set_face_embeddings(Some(Arc::clone(&faces.vectors) as _));
        }
        *self.eyes.write().unwrap_or_else(PoisonError::into_inner) = eyes;
        // Only now: what was looked at without models would have to be decoded twice.
        self.todo.fill(&self.library.snapshot());
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.opened.store(wanted, Ordering::SeqCst);
        // The first search would have to wait for it.
        if let Some(Err(error)) = self.meaning().map(|meaning| meaning.prepare()) {
            tracing::warn!("search by meaning: {error}");
        }
    }

    /// What search understands words with now.
    pub(super) fn meaning(&self) -> Option<Arc<PictureMeaning>> {
        let meaning = self.meaning.lock().unwrap_or_else(PoisonError::into_inner);
        meaning.as_ref().map(|(_, meaning)| Arc::clone(meaning))
    }

    /// The model that was chosen has seen everything: search goes by it from now on. `known` is the one that this was
    /// said of last.
    pub(super) fn take_over(&self, known: &mut Option<ModelName>) {
        let eyes = self.eyes();
        let Some(clip) = &eyes.clip else { return };
        if eyes.meanwhile.is_none() && known.as_ref() == Some(clip.searched.model()) {
            return;
        }
        *known = Some(clip.searched.model().clone());
        if eyes.meanwhile.is_some() {
            self.search_by(Some(&clip.searched));
            *self.eyes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(eyes.without_meanwhile());
            tracing::info!("{} has seen every picture: search goes by it now", clip.searched.model());
        }
        if let Err(error) = InUse::write(&self.options.data, clip.searched.model()) {
            self.clear(Some(format!("{error:#}")));
        }
    }

    fn search_by(&self, searched: Option<&Arc<Searched>>) {
        let mut now = self.meaning.lock().unwrap_or_else(PoisonError::into_inner);
        if now.as_ref().map(|(known, _)| Arc::as_ptr(known)) == searched.map(Arc::as_ptr) {
            return;
        }
        // Its file of texts is open until it goes, and the next may be of the same model.
        self.library.set_meaning(None);
        *now = None;
        self.sights.set_pictures(searched.map(|searched| Arc::clone(&searched.pictures)));
        let Some(searched) = searched else { return };
        match meaning_of(searched) {
            Ok(meaning) => {
                self.library.set_meaning(Some(Arc::clone(&meaning) as _));
                *now = Some((Arc::clone(searched), meaning));
            }
            Err(error) => self.clear(Some(format!("{error:#}"))),
        }
    }
}

fn meaning_of(searched: &Searched) -> Result<Arc<PictureMeaning>> {
    let words = Arc::clone(&searched.words);
    Ok(Arc::new(PictureMeaning::new(Arc::clone(&searched.pictures), words)?))
}

/// Has the searches of a library understand words as the daemon's do, where a command opened it by itself.
pub fn understand(library: &Arc<Library>, sights: &Sights, options: &SeeingOptions) -> Result<()> {
    if let Some(searched) = Eyes::open_words(library, options)? {
        library.set_meaning(Some(meaning_of(&searched)?));
        sights.set_pictures(Some(searched.pictures));
    }
    Ok(())
}
