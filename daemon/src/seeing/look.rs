//! One look at one photo or video: decoded once, and all that is missing made from it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use galleryfs_fs::{Original, Source as _};
use jiff::Timestamp;
use library::{Checksum, RowNumber, Unseen};
use media::decoder::Request;
use media::pixels::DecodeError;
use media::thumbnails::{PREVIEW_SHORT_SIDE, Size};
use vision::InferenceError;

use super::todo::is_seen;
use super::{Shared, Stage};
use crate::answering;

/// The version that a failure is remembered with: a newer one tries again.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long until another try, by how often it failed.
fn backoff(tries: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    Duration::from_secs(30).saturating_mul(8_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST)
}

/// Why a look led to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// The file itself, or what decodes it.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The original is away or has just changed: whoever watches it will say so.
    #[error("the original is not as it is known")]
    NotThere,
    /// It cannot be read for now.
    #[error("its disk does not answer")]
    Silent,
    /// A model, the disk, the library: no fault of the file.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// What is missing of one content.
#[derive(Clone, Copy, Default, Debug)]
struct Missing {
    thumbnails: bool,
    meaning: bool,
    faces: bool,
}

impl Missing {
    fn any(self) -> bool {
        self.thumbnails || self.meaning || self.faces
    }
}

impl Shared {
    /// Looks at a row; when to try again, where that may help.
    pub(super) fn look(&self, number: RowNumber) -> Option<Instant> {
        let snapshot = self.library.snapshot();
        let row = snapshot.row(number).filter(|row| is_seen(row))?;
        let details = match self.library.details(row.id) {
            Ok(Some(details)) => details,
            Ok(None) => return None,
            Err(error) => return self.trouble(&error.into()),
        };
        let content = details.checksum;
        let missing = match self.missing(&content) {
            Ok(missing) => missing,
            Err(error) => return self.trouble(&error),
        };
        if !missing.any() {
            return None;
        }
        let known = self.library.unseen(&content).ok().flatten();
        if let Some(again) = known.as_ref().and_then(not_yet) {
            return again;
        }
        let orientation = details.metadata.orientation;
        match self.make(number, &snapshot, &details.name, orientation, &content, missing) {
            Ok(()) => {
                self.clear(None);
                if known.is_some()
                    && let Err(error) = self.library.set_unseen(&content, None)
                {
                    tracing::warn!("{}: {error}", details.name);
                }
                None
            }
            Err(Failed::NotThere) => None,
            Err(Failed::Silent) => Some(Instant::now() + backoff(1)),
            Err(Failed::Decode(error)) => self.remember(&content, &details.name, known, &error),
            Err(Failed::Other(error)) => self.trouble(&error),
        }
    }

    fn missing(&self, content: &Checksum) -> anyhow::Result<Missing> {
        let eyes = self.eyes();
        Ok(Missing {
            thumbnails: !self.thumbnails.has_all(content),
            meaning: eyes.clip.as_ref().is_some_and(|clip| !clip.searched.pictures.contains(content)),
            faces: match &eyes.faces {
                // A face without its embedding is nobody's: the file of embeddings may have lost it.
                Some(eye) => self.library.faces_in(content)?.is_none_or(|(model, faces)| {
                    model != eye.model().as_str() || faces.iter().any(|at| !eye.vectors.has(content, *at))
                }),
                None => false,
            },
        })
    }

    fn make(
        &self,
        number: RowNumber,
        snapshot: &library::Snapshot,
        name: &str,
        orientation: library::metadata::Orientation,
        content: &Checksum,
        missing: Missing,
    ) -> Result<(), Failed> {
        // Others are looked at meanwhile.
        let originals = self.library.originals(snapshot, number);
        answering::expect_answers(originals.iter().map(|(root, _)| root.as_path()))
            .map_err(|_| Failed::Silent)?;
        let file = match self.source.open_original(number, snapshot) {
            Ok(Original::AsKnown(file)) => file,
            Ok(Original::Changed(_)) | Err(_) => return Err(Failed::NotThere),
        };
        let request = Request {
            file_name: name.to_owned(),
            orientation: Some(orientation),
            thumbnails: missing.thumbnails,
            picture_short_side: (missing.meaning || missing.faces).then_some(PREVIEW_SHORT_SIDE),
        };
        let derived = self.decoders.derive(&file, &request)?;
        drop(file);
        if let Some(thumbnails) = &derived.thumbnails {
            self.thumbnails.put(content, thumbnails).map_err(anyhow::Error::from)?;
            self.progress.done(Stage::Thumbnails);
        }
        let Some(picture) = &derived.picture else { return Ok(()) };
        let eyes = self.eyes();
        // Who waits for an answer goes before who indexes.
        self.courtesy.give_way();
        let preview = || self.preview(content);
        if let Some(clip) = eyes.clip.as_ref().filter(|_| missing.meaning) {
            clip.look(content, picture, &preview)?;
            self.seen.fetch_add(1, Ordering::SeqCst);
            self.progress.done(Stage::Meaning);
        }
        if let Some(eye) = eyes.faces.as_ref().filter(|_| missing.faces) {
            let faces = eye.look(content, picture, &preview)?;
            self.library.put_faces(content, eye.model().as_str(), &faces).map_err(anyhow::Error::from)?;
            self.seen.fetch_add(1, Ordering::SeqCst);
            self.progress.done(Stage::Faces);
        }
        Ok(())
    }

    fn preview(&self, content: &Checksum) -> Result<Vec<u8>, InferenceError> {
        let reason = |reason| InferenceError::Remote { reason };
        let preview =
            self.thumbnails.get(content, Size::Preview).map_err(|error| reason(error.to_string()))?;
        preview.ok_or_else(|| reason("there is no preview to send".to_owned()))
    }

    /// Remembers why a file shows nothing, and when it is tried again.
    fn remember(
        &self,
        content: &Checksum,
        name: &str,
        known: Option<Unseen>,
        error: &DecodeError,
    ) -> Option<Instant> {
        // Of what a version before this one found, only the newest word counts.
        let tries = known.filter(|known| known.version == VERSION).map_or(0, |known| known.tries) + 1;
        let unseen = Unseen {
            reason: error.to_string(),
            tries,
            last: Timestamp::now(),
            may_pass: error.may_pass(),
            version: VERSION.to_owned(),
        };
        tracing::debug!("{name}: {error}");
        if let Err(error) = self.library.set_unseen(content, Some(&unseen)) {
            tracing::warn!("{name}: {error}");
        }
        self.progress.failed();
        unseen.may_pass.then(|| Instant::now() + backoff(tries))
    }

    /// What is no file's fault is said once, and tried again in a while.
    fn trouble(&self, error: &anyhow::Error) -> Option<Instant> {
        self.clear(Some(format!("{error:#}")));
        Some(Instant::now() + backoff(1))
    }
}

/// `Some` while it is not to be tried now: again at that time, or (`Some(None)`) not by this program.
fn not_yet(unseen: &Unseen) -> Option<Option<Instant>> {
    if unseen.version != VERSION {
        return None;
    }
    if !unseen.may_pass {
        return Some(None);
    }
    let since = Timestamp::now().duration_since(unseen.last).unsigned_abs();
    let left = backoff(unseen.tries).checked_sub(since)?;
    Some(Some(Instant::now() + left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_further_and_further_apart() {
        assert_eq!([1, 2, 3, 40].map(|tries| backoff(tries).as_secs()), [30, 240, 1920, 24 * 3600]);
    }

    #[test]
    fn what_cannot_pass_is_left_to_the_next_version() {
        let unseen = |may_pass, version: &str| Unseen {
            reason: String::new(),
            tries: 1,
            last: Timestamp::now(),
            may_pass,
            version: version.into(),
        };
        assert!(matches!(not_yet(&unseen(false, VERSION)), Some(None)));
        assert!(matches!(not_yet(&unseen(true, VERSION)), Some(Some(_))));
        assert!(not_yet(&unseen(false, "0.0.1")).is_none());
        let long_ago = Unseen { last: Timestamp::UNIX_EPOCH, ..unseen(true, VERSION) };
        assert!(not_yet(&long_ago).is_none());
    }
}
