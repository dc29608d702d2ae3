//! What was decided of photos, written into XMP sidecars beside them for other programs, where that is switched on.
//!
//! What makes it hard, and what answers it:
//! 1. Sidecars are other programs' too, with hours of somebody's work in them. They are merged into, never written anew
//!    ([`media::sidecar::writing`]); they change places with the new bytes in one step, and only if they still are what was
//!    read ([`Changing`]); who wrote into one all the while has it back ([`Replaced::look_again`]); and what one was before
//!    we first wrote over it is kept.
//! 2. What is taken back must be as it was. The [`ledger`] knows what each would be without us, and [`mod@plan`] begins from
//!    that each time.
//! 3. The photo must not change by it. It is read without what is ours ([`reading`]), so that what was decided counts once.
//! 4. We may be killed at any time: what the ledger says holds before the sidecar is written and after. What is still to be
//!    written is found at the next start, when all that was decided is gone through.
//! 5. Nobody decides one thing alone, and our own writing is told like everybody's: photos wait until it is quiet about
//!    them ([`waiting`]), and what is as it should be is left alone.

mod ledger;
mod plan;
mod reading;
mod target;
mod troubles;
mod waiting;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use library::metadata::TagPath;
use library::{AssetId, Decisions, Entity, FilePath, Kind, Library, SidecarSeen, Snapshot};
use rustix::fs::{AtFlags, Mode, Stat};
use rustix::io::Errno;

use crate::answering;
use crate::pipeline::beneath;
use crate::pipeline::describe::{Describe as _, Media, SidecarFile, guarded, sidecars_of};
use crate::pipeline::names::{Names, OURS, join};
use crate::pipeline::reader::LARGEST_SIDECAR;
use crate::purging;
use crate::saving::as_known;
use crate::saving::changing::{Afterwards, ChangeError, Changing, Replaced};
use crate::watch::Watcher;

use ledger::{Ledger, Written};
use plan::{Plan, plan};
use waiting::{Turn, Waiting};

pub use reading::OnlyTheirs;
pub use troubles::Troubles;

/// What was in sidecars before they were written over, in our folder in a root.
const SIDECARS: &str = "sidecars";
/// How long a sidecar of others must not have changed; and after how long what was replaced is looked at once more.
const SETTLED: Duration = Duration::from_secs(1);
/// How long nothing is done between two photos while all are gone through.
const SLOWLY: Duration = Duration::from_millis(2);
/// How long nothing to do is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// After how long it is tried again what did not work.
const AGAIN: Duration = Duration::from_secs(600);

/// Where what was replaced of a photo's sidecars is kept in a root.
pub fn room(root: &Path, asset: AssetId) -> PathBuf {
    root.join(OURS).join(SIDECARS).join(asset.to_string())
}

/// Writes sidecars for as long as the library is open.
pub fn start(library: &Arc<Library>, watcher: &Arc<Watcher>, data: &Path) -> std::io::Result<Arc<Troubles>> {
    let waiting: Arc<Waiting> = Arc::default();
    // In this order: what is decided in between is told.
    let commits = library.subscribe();
    let told = Arc::clone(&waiting);
    let listen = move || {
        for commit in commits {
            told.note(commit.changes.iter().flat_map(|change| concerned(&commit.snapshot, change.entity)));
        }
        told.close();
    };
    std::thread::Builder::new().name("decided".into()).spawn(listen)?;
    let troubles: Arc<Troubles> = Arc::default();
    let mut writer = Writer {
        library: Arc::downgrade(library),
        watcher: Arc::downgrade(watcher),
        ledger: Ledger::new(data),
        waiting,
        troubles: Arc::clone(&troubles),
        replaced: VecDeque::new(),
        listing: target::Listing::default(),
        is_passing: false,
    };
    std::thread::Builder::new().name("sidecars".into()).spawn(move || writer.run())?;
    Ok(troubles)
}

/// The photos whose sidecars may have to be written because of a change: also that whose sidecar changed.
fn concerned(snapshot: &Snapshot, entity: Entity) -> impl Iterator<Item = AssetId> {
    let asset = match entity {
        Entity::Asset(asset) => Some(asset),
        _ => None,
    };
    let row = asset.and_then(|asset| snapshot.row(snapshot.by_id(asset)?));
    let host = row.and_then(|row| Some(snapshot.row(row.extras.host?)?.id));
    asset.into_iter().chain(host)
}

/// Something that was replaced lately.
struct Lately {
    at: Instant,
    replaced: Replaced,
    /// Whether it is to be kept.
    keep: bool,
    asset: AssetId,
    sidecar: FilePath,
}

/// Who writes.
struct Writer {
    library: Weak<Library>,
    watcher: Weak<Watcher>,
    ledger: Ledger,
    waiting: Arc<Waiting>,
    troubles: Arc<Troubles>,
    replaced: VecDeque<Lately>,
    listing: target::Listing,
    /// Whether all are gone through: what changes is told apart from that.
    is_passing: bool,
}

/// A photo at one of its places.
struct Photo<'a> {
    asset: AssetId,
    root: &'a Path,
    path: &'a FilePath,
    stat: Stat,
    /// Its folder, and the names there.
    folder: OwnedFd,
    names: Vec<Box<[u8]>>,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// It is as it should be.
    Done,
    /// It is being written by others: to be looked at once more.
    Later,
}

impl Writer {
    fn run(&mut self) {
        let mut rest = self.everything();
        let mut tried = Instant::now();
        loop {
            let patience = if rest.is_empty() { PATIENCE } else { SLOWLY };
            let turn = self.waiting.next(patience);
            self.is_passing = turn == Turn::Idle;
            let asset = match turn {
                Turn::Closed => break,
                Turn::Look(asset) => Some(asset),
                Turn::All => {
                    rest = self.everything();
                    None
                }
                Turn::Idle => rest.pop_front(),
            };
            let Some(library) = self.library.upgrade() else { break };
            if let Some(asset) = asset {
                self.look(&library, asset);
            }
            self.look_again(SETTLED);
            if tried.elapsed() > AGAIN {
                tried = Instant::now();
                self.waiting.note(self.troubles.assets());
            }
        }
        self.look_again(Duration::ZERO);
    }

    /// All photos of which something was decided, or written.
    fn everything(&self) -> VecDeque<AssetId> {
        let Some(library) = self.library.upgrade() else { return VecDeque::new() };
        let mut all = library.with_decisions().unwrap_or_else(|error| {
            tracing::warn!(%error, "sidecars are written only of what is decided from now on");
            Vec::new()
        });
        all.extend(self.ledger.assets());
        all.sort_unstable();
        all.dedup();
        // One folder after the other.
        let snapshot = library.snapshot();
        all.sort_by_cached_key(|asset| {
            let number = snapshot.by_id(*asset)?;
            let (_, first) = library.originals(&snapshot, number).into_iter().next()?;
            Some((first.root, Box::<[u8]>::from(first.split().0)))
        });
        all.into()
    }

    /// Brings the sidecars of a photo up to date, at each of its places.
    fn look(&mut self, library: &Library, asset: AssetId) {
        match self.bring_up_to_date(library, asset) {
            Ok(Outcome::Done) => self.troubles.set(asset, None),
            Ok(Outcome::Later) => self.waiting.note([asset]),
            Err((path, error)) => self.troubles.set(asset, Some((&path, format!("{error:#}")))),
        }
    }

    fn bring_up_to_date(
        &mut self,
        library: &Library,
        asset: AssetId,
    ) -> Result<Outcome, (PathBuf, anyhow::Error)> {
        let of_library = |error| (library.data().to_owned(), anyhow::Error::new(error));
        let decided = library.decisions(asset).map_err(of_library)?;
        let mut known = self.ledger.of(asset);
        if decided.is_empty() && known.is_empty() {
            return Ok(Outcome::Done);
        }
        if library.is_purged(asset).map_err(of_library)? {
            let forgotten = self.ledger.save(asset, &[]);
            return forgotten
                .map(|()| Outcome::Done)
                .map_err(|error| (library.data().to_owned(), error.into()));
        }
        let snapshot = library.snapshot();
        let Some(number) = snapshot.by_id(asset) else { return Ok(Outcome::Done) };
        let is_its_own = |row: &Arc<library::Row>| {
            row.owner == library.account() && row.kind != Kind::Sidecar && row.extras.host.is_none()
        };
        if !snapshot.row(number).is_some_and(is_its_own) {
            return Ok(Outcome::Done);
        }
        // Nobody must remove the photo for good in the middle of it.
        let originals = library.originals(&snapshot, number);
        let _alone = purging::alone(originals.iter().map(|(_, path)| path.root));
        let mut outcome = Ok(Outcome::Done);
        for (root, path) in originals {
            if let Err(error) = answering::expect_answers([root.as_path()]) {
                outcome = Err((root, error.into()));
                continue;
            }
            let Some((_, stat)) = as_known(library, &root, &path, asset) else { continue };
            let place = root.join(OsStr::from_bytes(&path.relative));
            match self.beside((asset, &root, &path, stat), &decided, &mut known) {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Later) => outcome = outcome.map(|_| Outcome::Later),
                Err(error) => outcome = Err((place, error)),
            }
        }
        outcome
    }

    /// Brings up to date what lies beside a photo at one place.
    fn beside(
        &mut self,
        (asset, root, path, stat): (AssetId, &Path, &FilePath, Stat),
        decided: &Decisions,
        known: &mut Vec<Written>,
    ) -> Result<Outcome> {
        let (above, name) = path.split();
        let folder = beneath::open_folder(beneath::open_root(root)?, above)?;
        let names = self.listing.around(&folder, name)?;
        let sidecar = target::choose(name, &names);
        let photo = Photo { asset, root, path, stat, folder, names };
        let mut outcome = Outcome::Done;
        // What was written where it belongs no more is taken out again.
        for other in target::of_photo(name, &photo.names) {
            let at = FilePath::new(path.root, join(above, &other));
            let is_chosen = sidecar.as_ref().is_ok_and(|sidecar| *sidecar == other);
            if !is_chosen
                && known.iter().any(|written| written.is_at(&at))
                && self.sidecar(&photo, &at, &Decisions::default(), known)? == Outcome::Later
            {
                outcome = Outcome::Later;
            }
        }
        if decided.is_empty() && sidecar.is_err() {
            return Ok(outcome);
        }
        match self.sidecar(&photo, &FilePath::new(path.root, join(above, &sidecar?)), decided, known)? {
            Outcome::Done => Ok(outcome),
            Outcome::Later => Ok(Outcome::Later),
        }
    }

    /// Brings one sidecar up to date.
    fn sidecar(
        &mut self,
        photo: &Photo<'_>,
        at: &FilePath,
        decided: &Decisions,
        known: &mut Vec<Written>,
    ) -> Result<Outcome> {
        let Ok(now) = read(&photo.folder, at.name())? else { return Ok(Outcome::Later) };
        let bytes = now.as_ref().map(|(bytes, _)| bytes.as_slice());
        let before = reading::find(known, at, bytes);
        let is_ours = before.zip(bytes).is_some_and(|(before, bytes)| before.knows(bytes));
        if !is_ours && now.as_ref().is_some_and(|(_, stat)| is_fresh(stat)) {
            return Ok(Outcome::Later);
        }
        if self.is_passing
            && before.zip(bytes).is_some_and(|(known, now)| known.wrote(now) && known.decided == *decided)
        {
            return Ok(Outcome::Done);
        }
        let is_only_ours = before
            .zip(bytes)
            .is_some_and(|(before, bytes)| before.wrote(bytes) && before.base.as_deref() != Some(bytes));
        let planned = plan(at, before, bytes, decided, |base| said_tags(photo, at, base, known))?;
        let room = room(photo.root, photo.asset);
        let stat = now.as_ref().map(|(_, stat)| *stat);
        let mut back = false;
        let changing = match planned {
            Plan::Nothing | Plan::Note(_) if decided.is_empty() => {
                // There is nothing of ours in it any more.
                if known.iter().any(|written| written.is_at(at)) {
                    known.retain(|written| !written.is_at(at));
                    self.ledger.save(photo.asset, known)?;
                }
                return Ok(Outcome::Done);
            }
            Plan::Nothing => return Ok(Outcome::Done),
            Plan::Note(written) => {
                known.retain(|other| !other.is_at(at));
                known.push(*written);
                self.ledger.save(photo.asset, known)?;
                return Ok(Outcome::Done);
            }
            Plan::Remove => {
                back = true;
                let Some(stat) = stat else { return Ok(Outcome::Done) };
                Changing::remove(&room, (photo.root, at), stat)
            }
            Plan::Write { bytes, written } => {
                back |= written.base.as_ref() == Some(&bytes);
                let is_gone = |other: &Written| is_gone(photo, other);
                known.retain(|other| !other.is_at(at) && !is_gone(other));
                known.push(*written);
                self.ledger.save(photo.asset, known).context("what is written cannot be noted")?;
                let mode = stat.map_or(photo.stat.st_mode & 0o666, |stat| stat.st_mode & 0o777);
                let mode = Mode::from_raw_mode(mode);
                Changing::begin(&room, (photo.root, at), stat, mode, |copy| copy.write_all(&bytes))
            }
        };
        let keep = stat.is_some() && !is_only_ours && !is_kept(&room, at.name());
        let mut changing = changing.with_context(|| room.display().to_string())?;
        match changing.swap() {
            Ok(()) => {}
            Err(error) => {
                changing.give_up();
                tidy(&room);
                return match error {
                    ChangeError::Changed => Ok(Outcome::Later),
                    ChangeError::Io(error) => Err(anyhow!(error).context(name_of(at))),
                };
            }
        }
        if let Some(replaced) = changing.settle()? {
            let (asset, sidecar) = (photo.asset, at.clone());
            self.replaced.push_back(Lately { at: Instant::now(), replaced, keep, asset, sidecar });
        }
        if back {
            known.retain(|written| !written.is_at(at));
            self.ledger.save(photo.asset, known)?;
        }
        tidy(&room);
        if let Some(watcher) = self.watcher.upgrade() {
            watcher.arrived(at.clone());
            watcher.arrived(photo.path.clone());
        }
        Ok(Outcome::Done)
    }

    /// Looks once more at what was replaced so long ago: somebody may have written into it all the while.
    fn look_again(&mut self, after: Duration) {
        while self.replaced.front().is_some_and(|lately| lately.at.elapsed() >= after) {
            let Some(Lately { replaced, keep, asset, sidecar, .. }) = self.replaced.pop_front() else {
                return;
            };
            let looked = replaced.look_again().and_then(|afterwards| {
                if afterwards == Afterwards::AsItWas && !keep {
                    replaced.drop_it()?;
                }
                Ok(afterwards)
            });
            tidy(replaced.folder());
            match looked {
                Ok(Afterwards::AsItWas) => {}
                Ok(Afterwards::Back) => {
                    tracing::debug!(
                        ?sidecar,
                        "a sidecar was written into while we replaced it, and has its place again"
                    );
                    self.waiting.note([asset]);
                    self.watcher.upgrade().into_iter().for_each(|watcher| watcher.arrived(sidecar.clone()));
                }
                Ok(Afterwards::Late) => {
                    tracing::warn!(
                        ?sidecar,
                        "a sidecar was written into after it was replaced: it is kept in {OURS}"
                    );
                }
                Err(error) => tracing::warn!(?sidecar, %error, "what a sidecar was before is left in {OURS}"),
            }
        }
    }
}

/// A sidecar: nothing where there is none. `Err` while it is being written.
type Read = Result<Option<(Vec<u8>, Stat)>, Outcome>;

fn read(folder: &OwnedFd, name: &[u8]) -> std::io::Result<Read> {
    let Some((file, before)) = beneath::open_file(folder, name)? else {
        return match rustix::fs::statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(Ok(None)),
            Err(error) => Err(error.into()),
            Ok(there) if beneath::is_regular(&there) => Ok(Err(Outcome::Later)),
            Ok(_) => {
                Err(std::io::Error::other("a link or a folder has the name of the sidecar: give it another"))
            }
        };
    };
    let mut bytes = Vec::new();
    // What is larger than that is refused by whoever writes into it.
    (&file).take(2 * LARGEST_SIDECAR + 1).read_to_end(&mut bytes)?;
    let after = rustix::fs::fstat(&file)?;
    let is_whole = beneath::is_same(&before, &after) && bytes.len() as u64 == before.st_size as u64;
    Ok(if is_whole || bytes.len() as u64 > 2 * LARGEST_SIDECAR {
        Ok(Some((bytes, after)))
    } else {
        Err(Outcome::Later)
    })
}

/// Whether a file was changed so lately that its time does not tell it from one that is changed now.
fn is_fresh(stat: &Stat) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i64;
    Duration::from_nanos(now.abs_diff(beneath::file_stat(stat).mtime_ns)) < SETTLED
}

/// Whether a sidecar that we wrote into is there no more, in the root of a photo.
fn is_gone(photo: &Photo<'_>, written: &Written) -> bool {
    let look = || beneath::regular_file(beneath::open_root(photo.root)?, &written.file);
    written.root == photo.path.root && matches!(look(), Ok(None))
}

/// The tags that the files of a photo say, where one of its sidecars is this and none has anything of ours.
fn said_tags(
    photo: &Photo<'_>,
    at: &FilePath,
    base: Option<&[u8]>,
    known: &[Written],
) -> Result<Vec<TagPath>> {
    let (above, name) = photo.path.split();
    let here = photo.names.iter().cloned().chain([at.name().into()]);
    let mut sidecars = Vec::new();
    let mut names: Vec<Box<[u8]>> = here.collect();
    names.sort_unstable();
    names.dedup();
    for sidecar in sidecars_of(name, &Names::new(names, crate::pipeline::changes::Moment::default())) {
        let bytes = if *sidecar == *at.name() {
            base.map(<[u8]>::to_vec)
        } else {
            let read = read(&photo.folder, &sidecar)?.ok().flatten();
            let path = FilePath::new(at.root, join(above, &sidecar));
            read.map(|(bytes, _)| reading::without_ours(known, &path, bytes))
        };
        let seen = SidecarSeen { name: sidecar, size: 0, mtime_ns: 0 };
        sidecars.extend(bytes.map(|bytes| SidecarFile { seen, bytes }));
    }
    let (mut file, _) = beneath::open_file(&photo.folder, name)?.context("the photo went")?;
    let metadata = guarded(|| Media.describe(&mut file, name, &sidecars));
    Ok(metadata.map_err(|reason| anyhow!(reason))?.tags)
}

/// Whether what a sidecar was before us is kept.
fn is_kept(room: &Path, name: &[u8]) -> bool {
    let kept = std::fs::read_dir(room).into_iter().flatten().flatten();
    kept.map(|entry| entry.file_name()).any(|kept| kept.as_bytes().get(5..) == Some(name))
}

/// Removes a folder that nothing is kept in, and the one above it.
fn tidy(room: &Path) {
    if std::fs::remove_dir(room).is_ok() {
        room.parent().map(std::fs::remove_dir);
    }
}

fn name_of(path: &FilePath) -> String {
    String::from_utf8_lossy(path.name()).into_owned()
}
