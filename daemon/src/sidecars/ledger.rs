//! What we wrote into which sidecar, and what it would be without that: `derived/sidecars/ab/ASSET.json`.
//!
//! It is on the disk before the sidecar is, so whoever reads a sidecar can take out of it what is ours. Should it be lost,
//! what sidecars say is what the files say.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use library::metadata::TagPath;
use library::{AssetId, Checksum, Decisions, FilePath, RootId};
use media::sidecar::writing::{Decided, Field, Says, WritingError, merged, says};
use serde::{Deserialize, Serialize};

/// The folder of it, in the data folder's `derived`.
const FOLDER: &str = "sidecars";

/// A sidecar as it was at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) checksum: Checksum,
    pub(super) says: Says,
}

impl State {
    pub(super) fn of(bytes: &[u8]) -> Result<Self, WritingError> {
        Ok(Self { checksum: Checksum::of(bytes), says: says(bytes)? })
    }
}

/// A sidecar that we wrote into.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) root: RootId,
    /// The path below the root.
    #[serde(with = "percent")]
    pub(super) file: Vec<u8>,
    /// What it would be if we had not; `None` where there would be none.
    #[serde(with = "percent_or_none")]
    pub(super) base: Option<Vec<u8>>,
    /// What it was before it was last written, if it was there, and after. In both, all but `base` is ours.
    pub(super) states: Vec<State>,
    /// The tags that the files of the photo said then without us, where tags were written: those in the photo, where the
    /// sidecar would have none.
    pub(super) said: Vec<TagPath>,
    /// What had been decided then.
    pub(super) decided: Decisions,
    /// What of that is not in it, since another program says otherwise later.
    pub(super) yielded: Decisions,
}

/// Which of the things that can be decided another program changed since.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Touched {
    pub(super) rating: bool,
    pub(super) tags: bool,
    pub(super) description: bool,
    pub(super) taken: bool,
}

impl Written {
    pub(super) fn is_at(&self, path: &FilePath) -> bool {
        self.root == path.root && *self.file == *path.relative
    }

    /// Whether these bytes are ours and what was before, with nothing of others added.
    pub(super) fn knows(&self, bytes: &[u8]) -> bool {
        let checksum = Checksum::of(bytes);
        self.states.iter().any(|state| state.checksum == checksum)
    }

    /// What the sidecar would be without what we wrote, `now` being what it is. What other programs changed since stays.
    pub(super) fn without(&self, now: &[u8]) -> Result<Option<Vec<u8>>, WritingError> {
        if self.knows(now) {
            return Ok(self.base.clone());
        }
        let there = self.says(now)?;
        let base = self.base.as_deref().map(says).transpose()?.unwrap_or_default();
        let all = || self.states.iter().map(|state| &state.says);
        let back = Decided {
            rating: back(&there.rating, &base.rating, all().map(|said| &said.rating)),
            tags: self.tags_back(&there, &base),
            description: back(&there.description, &base.description, all().map(|said| &said.description)),
            taken: back(&there.taken, &base.taken, all().map(|said| &said.taken)),
        };
        Ok(Some(merged(Some(now), &back)?.unwrap_or_else(|| now.to_vec())))
    }

    /// The tags that were there before, with those that others added since and without those that they removed.
    fn tags_back(&self, now: &Says, base: &Says) -> Field<Vec<TagPath>> {
        let there = now.folded_tags();
        let Some(last) = self.states.last() else { return Field::Kept };
        if there == base.folded_tags() || last.says.folded_tags() == base.folded_tags() {
            return Field::Kept;
        }
        let before = self.states.iter().find(|state| state.says.folded_tags() == there).unwrap_or(last);
        let wrote = before.says.folded_tags();
        let removed = |tag: &&TagPath| wrote.contains(&tag.folded()) && !there.contains(&tag.folded());
        let added = now.tags.iter().filter(|tag| !wrote.contains(&tag.folded()));
        let mut tags: Vec<TagPath> =
            self.said.iter().filter(|tag| !removed(tag)).chain(added).cloned().collect();
        tags.sort();
        if wrote == there { Field::Set(base.tags.clone()) } else { Field::Set(tags) }
    }

    /// What these bytes say.
    pub(super) fn says(&self, bytes: &[u8]) -> Result<Says, WritingError> {
        let checksum = Checksum::of(bytes);
        let known = self.states.iter().find(|state| state.checksum == checksum);
        known.map_or_else(|| says(bytes), |state| Ok(state.says.clone()))
    }

    /// Whether these bytes are what was written last.
    pub(super) fn wrote(&self, bytes: &[u8]) -> bool {
        self.states.last().is_some_and(|last| last.checksum == Checksum::of(bytes))
    }

    /// What of it others changed since, `now` being what it says.
    pub(super) fn touched(&self, now: &Says) -> Touched {
        let Some(State { says: last, .. }) = self.states.last() else { return Touched::default() };
        Touched {
            rating: last.rating != now.rating,
            tags: last.folded_tags() != now.folded_tags(),
            description: last.description != now.description,
            taken: last.taken != now.taken,
        }
    }
}

/// What is to be done to have one thing be as it was.
fn back<'a, T: PartialEq + Clone + 'a>(
    now: &Option<T>,
    base: &Option<T>,
    mut ours: impl Iterator<Item = &'a Option<T>>,
) -> Field<T> {
    match base {
        _ if now == base || !ours.any(|said| said == now) => Field::Kept,
        Some(base) => Field::Set(base.clone()),
        None => Field::Removed,
    }
}

/// All that was written.
#[derive(Clone, Debug)]
pub(super) struct Ledger(PathBuf);

impl Ledger {
    pub(super) fn new(data: &Path) -> Self {
        Self(data.join("derived").join(FOLDER))
    }

    fn file(&self, asset: AssetId) -> PathBuf {
        let id = asset.to_string();
        self.0.join(id.get(..2).unwrap_or_default()).join(format!("{id}.json"))
    }

    /// The sidecars of a photo that were written into. One that cannot be read is lost.
    pub(super) fn of(&self, asset: AssetId) -> Vec<Written> {
        let Ok(text) = std::fs::read(self.file(asset)) else { return Vec::new() };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(%asset, %error, "what was written into its sidecars is not known any more");
            Vec::new()
        })
    }

    /// Every photo whose sidecars were written into.
    pub(super) fn assets(&self) -> Vec<AssetId> {
        let files = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let id = |name: &str| AssetId::from_str(name.strip_suffix(".json")?).ok();
        files(self.0.clone())
            .flat_map(|folder| files(folder.path()))
            .filter_map(|file| id(file.file_name().to_str()?))
            .collect()
    }

    /// Has it on the disk.
    pub(super) fn save(&self, asset: AssetId, written: &[Written]) -> io::Result<()> {
        let file = self.file(asset);
        if written.is_empty() {
            return match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let folder = file.parent().unwrap_or(&self.0);
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            folder.ancestors().take(3).try_for_each(|folder| File::open(folder)?.sync_all())?;
        }
        let new = file.with_extension("new");
        let mut open = File::create(&new)?;
        open.write_all(&serde_json::to_vec(written)?)?;
        open.sync_all()?;
        std::fs::rename(&new, &file)?;
        File::open(folder)?.sync_all()
    }
}

/// Bytes that are nearly always text, as text.
mod percent {
    use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
    use serde::{Deserialize as _, Deserializer, Serializer};

    const LITTLE: &AsciiSet = &CONTROLS.add(b'%');

    pub(super) fn encode(bytes: &[u8]) -> String {
        percent_encode(bytes, LITTLE).to_string()
    }

    pub(super) fn decode(text: &str) -> Vec<u8> {
        percent_decode_str(text).collect()
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(|text| decode(&text))
    }
}

/// The same of what may not be there.
mod percent_or_none {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(super::percent::encode).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(|text| super::percent::decode(&text)))
    }
}
