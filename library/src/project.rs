//! From what the catalogue keeps to what the snapshot holds.

use std::collections::HashMap;
use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::catalogue::records::{AssetRecord, CastRecord, DecidedRecord};
use crate::format::Kind;
use crate::id::{AssetId, RootId, RowNumber, StackId};
use crate::metadata::Metadata;
use crate::observation::FilePath;
use crate::snapshot::{CameraName, Extra, Paths, Row, RowPath, Snapshot};
use crate::visibility::Visibility;

/// Subtrees that are away now: their files are known but not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwayFolders(HashMap<RootId, Vec<Box<[u8]>>>);

impl AwayFolders {
    pub(crate) fn new(folders: impl IntoIterator<Item = FilePath>) -> Self {
        let mut away = Self::default();
        for folder in folders {
            away.0.entry(folder.root).or_default().push(folder.relative);
        }
        away
    }

    pub(crate) fn holds(&self, path: &FilePath) -> bool {
        self.0.get(&path.root).is_some_and(|folders| folders.iter().any(|folder| path.is_under(folder)))
    }
}

/// Whether an original of the asset stands somewhere now.
pub(crate) fn is_present(record: &AssetRecord, away: &AwayFolders) -> bool {
    record.current().any(|at| !away.holds(&at.path))
}

/// The time a file system keeps as nanoseconds since 1970.
pub(crate) fn file_time(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What the row of an asset takes from the assets it is tied to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ties {
    pub(crate) host: Option<RowNumber>,
    pub(crate) parts: Vec<RowNumber>,
    pub(crate) stack: Option<StackId>,
}

/// Whether an asset takes something from others.
pub(crate) fn is_tied(record: &AssetRecord) -> bool {
    tied_to(record).next().is_some()
}

/// The assets that one takes something from.
pub(crate) fn tied_to(record: &AssetRecord) -> impl Iterator<Item = AssetId> {
    record.host.iter().chain(&record.parts).chain(&record.developed).chain(&record.raws).copied()
}

/// What an asset takes from those it is tied to, of which `shown` gives the rows of those that are there.
pub(crate) fn ties(id: AssetId, record: &AssetRecord, shown: impl Fn(&AssetId) -> Option<RowNumber>) -> Ties {
    let is_shown = |other: &&AssetId| shown(other).is_some();
    let leader = record.developed.as_ref().filter(is_shown).copied();
    Ties {
        host: record.host.as_ref().and_then(&shown),
        parts: record.parts.iter().filter_map(&shown).collect(),
        stack: leader.or_else(|| record.raws.iter().find(is_shown).map(|_| id)).map(StackId::led_by),
    }
}

/// How far an asset shows now. A live photo's video shows only beside its still; what was decided of it counts again
/// when it stands for itself, and what is locked stays so.
fn visibility(record: &AssetRecord, is_part: bool, is_trashed: bool) -> Visibility {
    match record.visibility {
        Visibility::Locked => Visibility::Locked,
        _ if is_trashed => Visibility::Trashed,
        _ if is_part && record.format().kind() == Kind::Video => Visibility::Hidden,
        decided => decided,
    }
}

/// Makes the row of an asset. New folders, places and words are added to `snapshot`.
pub(crate) fn row(
    snapshot: &mut Snapshot,
    id: AssetId,
    record: &AssetRecord,
    away: &AwayFolders,
    ties: Ties,
    cast: Option<&CastRecord>,
    decided: Option<&DecidedRecord>,
) -> Row {
    let unread = Metadata::default();
    let said = record.metadata.as_ref().unwrap_or(&unread);
    let metadata = match decided {
        Some(decided) => &decided.over(said.clone()),
        None => said,
    };
    let format = record.format();
    let mut paths = Vec::with_capacity(record.standing.len());
    for at in record.current().filter(|at| !away.holds(&at.path)) {
        let (folder, file) = at.path.split();
        if let Some(dir) = snapshot.folders_mut().make(at.path.root, folder) {
            paths.push(RowPath { dir, file_name: file });
        }
    }
    let camera = CameraName {
        make: metadata.camera.make.clone().unwrap_or_default(),
        model: metadata.camera.model.clone().unwrap_or_default(),
    };
    let has_camera = !camera.make.is_empty() || !camera.model.is_empty();
    let persons = cast.map(|cast| snapshot.person_rows(cast.persons())).unwrap_or_default();
    let mut people: Vec<_> = metadata.faces.iter().filter_map(|face| face.name.as_ref()).collect();
    people.sort_unstable();
    people.dedup();
    Row {
        id,
        inode: record.inode,
        owner: record.owner,
        name: record.name.as_str().into(),
        kind: format.kind(),
        format,
        visibility: visibility(
            record,
            !paths.is_empty() && ties.host.is_some(),
            decided.is_some_and(|decided| decided.trashed.is_some()),
        ),
        present: !paths.is_empty(),
        size: record.digests.size,
        modified: record.current().next().map_or(record.added, |at| file_time(at.mtime_ns)).into(),
        decided: record.decided.into(),
        added: record.added.into(),
        taken: metadata.taken,
        pixels: metadata.size,
        position: metadata.gps.map(|gps| (gps.lat as f32, gps.lon as f32)),
        place: metadata.place.as_ref().map(|place| snapshot.intern_place(place)),
        camera: has_camera.then(|| snapshot.intern_camera(&camera)),
        lens: metadata.camera.lens.as_ref().map(|lens| snapshot.intern_lens(lens)),
        iso: metadata.exposure.iso.and_then(NonZeroU32::new),
        f_number: metadata.exposure.f_number.map(|value| value as f32),
        focal_mm: metadata.exposure.focal_mm.map(|value| value as f32),
        rating: metadata.rating,
        tags: metadata.tags.iter().map(|tag| snapshot.intern_tag(tag)).collect(),
        described: metadata.description.is_some(),
        favourite: decided.is_some_and(|decided| decided.favourite),
        motion: metadata.motion.is_some(),
        warned: !metadata.warnings.is_empty(),
        extras: Extra {
            duration_ms: metadata.duration.and_then(|duration| u32::try_from(duration.as_millis()).ok()),
            people: people.into_iter().map(|name| snapshot.intern_person_name(name)).collect(),
            persons,
            albums: decided.map(|decided| snapshot.album_rows(&decided.albums)).unwrap_or_default(),
            // What is not there is beside nothing.
            host: if paths.is_empty() { None } else { ties.host },
            parts: ties.parts,
            stack: ties.stack,
        }
        .into(),
        standing: Paths::of(&record.name, &paths),
    }
}
