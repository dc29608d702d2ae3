//! What has been seen, for whoever asks: pictures that look alike, and what is in them.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crossbeam_channel::Sender;
use library::pictures::Pictures;
use library::things::Things;

/// What there is to ask. Empty until there are models.
#[derive(Default)]
pub struct Sights {
    pictures: RwLock<Option<Arc<Pictures>>>,
    things: RwLock<Arc<Things>>,
    listeners: Mutex<Vec<Sender<()>>>,
}

impl Sights {
    /// The embeddings that are searched now.
    pub fn pictures(&self) -> Option<Arc<Pictures>> {
        self.pictures.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is in the pictures.
    pub fn things(&self) -> Arc<Things> {
        Arc::clone(&self.things.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Told whenever [`Sights::things`] has changed.
    pub fn tell(&self, listener: Sender<()>) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(super) fn set_pictures(&self, pictures: Option<Arc<Pictures>>) {
        *self.pictures.write().unwrap_or_else(PoisonError::into_inner) = pictures;
    }

    pub(super) fn set_things(&self, things: Things) {
        {
            let mut now = self.things.write().unwrap_or_else(PoisonError::into_inner);
            if **now == things {
                return;
            }
            *now = Arc::new(things);
        }
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|listener| listener.send(()).is_ok());
    }
}
