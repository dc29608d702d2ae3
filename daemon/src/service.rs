//! Answers requests from an open library: the same code whether a request came over the socket or from the command
//! that opened the library itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use library::journal::Face;
use library::query::Mode;
use library::{AssetInode, Kind, Library, LibraryError, RootId, Row, RowNumber, Snapshot, Visibility};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::{Hit, Record, plural};
use crate::purging;
use crate::request::{Request, Wanted};
use crate::saving::kept::KeptVersions;
use crate::seeing::{Seeing, SeeingOptions, Sights};
use crate::sidecars::Troubles;
use crate::stop::{Cause, Stop};
use crate::watch::Watcher;

mod duplicates;
mod forget;
mod people;
mod status;

/// How long any number of photos may go into the trash, once that was said to be meant.
const TRASH_ALLOWED: Duration = Duration::from_secs(600);

/// How long a search waits for the text index it has just opened.
const CATCHING_UP: Duration = Duration::from_secs(5);

/// How long the status does, which is asked again and again: until the first look at the index it knows nothing.
const FIRST_LOOK: Duration = Duration::from_millis(300);

/// Takes the pieces of an answer, each one line of JSON.
pub type Sink<'a> = &'a mut dyn FnMut(String) -> Result<()>;

/// An open library and what runs around it.
pub struct Service {
    library: Arc<Library>,
    data: PathBuf,
    since: Timestamp,
    watcher: OnceLock<Arc<Watcher>>,
    seeing: OnceLock<Seeing>,
    sights: Arc<Sights>,
    kept: KeptVersions,
    sidecars: OnceLock<Arc<Troubles>>,
    mount: Mutex<Option<PathBuf>>,
    stop: Option<Stop>,
}

impl Service {
    /// Around a library that a command opened for itself.
    pub fn new(library: Arc<Library>, data: &Path) -> Self {
        Self {
            library,
            data: data.to_owned(),
            since: Timestamp::now(),
            watcher: OnceLock::new(),
            seeing: OnceLock::new(),
            sights: Arc::default(),
            kept: KeptVersions::default(),
            sidecars: OnceLock::new(),
            mount: Mutex::new(None),
            stop: None,
        }
    }

    /// The same as a daemon, which can be asked to stop.
    pub fn with_stop(self, stop: Stop) -> Self {
        Self { stop: Some(stop), ..self }
    }

    /// The library.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// From now on the folders are watched.
    pub fn watched_by(&self, watcher: Arc<Watcher>) {
        // Set once, by the one place that starts a watcher.
        let _ = self.watcher.set(watcher);
    }

    /// The watcher, once there is one.
    pub fn watcher(&self) -> Option<&Arc<Watcher>> {
        self.watcher.get()
    }

    /// From now on the photos are looked at.
    pub fn seen_by(&self, seeing: Seeing) {
        // Set once, by the one place that starts one.
        let _ = self.seeing.set(seeing);
    }

    /// What is seen in the photos.
    pub fn sights(&self) -> &Arc<Sights> {
        &self.sights
    }

    /// What is kept of photos that were saved over.
    pub fn kept(&self) -> &KeptVersions {
        &self.kept
    }

    /// A root is there, or there again: what was under way in it is finished, and what is kept in it is looked for.
    pub fn root_is_here(&self, root: RootId, path: &Path) {
        purging::resume(&self.library, root, path);
        self.kept.look_through(&self.library, root, path);
    }

    /// From now on sidecars are written.
    pub fn writes_sidecars(&self, troubles: Arc<Troubles>) {
        // Set once, by the one place that starts it.
        let _ = self.sidecars.set(troubles);
    }

    /// Whoever looks at the photos, once there is one.
    pub fn seeing(&self) -> Option<&Seeing> {
        self.seeing.get()
    }

    /// Where the library is mounted from now on.
    pub fn mounted_at(&self, mount: Option<PathBuf>) {
        *self.mount.lock().unwrap_or_else(PoisonError::into_inner) = mount;
    }

    fn mount(&self) -> Option<PathBuf> {
        self.mount.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has searches understand words, where no daemon does: this process opened the library itself.
    pub fn understand(&self, options: &SeeingOptions) -> Result<()> {
        crate::seeing::understand(&self.library, &self.sights, options)
    }

    /// Answers one request, piece by piece.
    pub fn answer(&self, request: &Request, sink: Sink<'_>) -> Result<()> {
        match request {
            Request::Status => item(sink, &self.status()?),
            Request::List => self.list(sink),
            Request::Show { what } => self.show(what, sink),
            Request::Search { query, limit } => self.search(query, *limit, sink),
            Request::Duplicates => self.duplicates(sink),
            Request::Log { limit } => {
                self.library.log(*limit)?.into_iter().try_for_each(|entry| item(sink, &Record::from(entry)))
            }
            Request::Sync => Ok(self.library.sync()?),
            Request::Forget { path } => self.forget(&path.0, sink),
            Request::People { what } => self.people(what, sink),
            Request::AllowTrash => {
                if self.stop.is_none() {
                    return Err(
                        Exit::Failed.because("no daemon has this library, so there is nothing to allow")
                    );
                }
                self.library.allow_trash(TRASH_ALLOWED);
                let minutes = TRASH_ALLOWED.as_secs() / 60;
                item(sink, &format!("For {minutes} minutes any number of photos may go into the trash."))
            }
            Request::Undo { count } => self.library.undo(Face::Cli, *count)?.iter().try_for_each(|undone| {
                let time = undone.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
                let what = plural(undone.decisions as u64, "decision", "decisions");
                item(sink, &format!("Taken back: {what} ({}) of {time}, by {}.", undone.kind, undone.face))
            }),
            Request::Models => {
                if let Some(seeing) = self.seeing() {
                    seeing.open_eyes_again();
                }
                Ok(())
            }
            Request::Scan => match self.watcher() {
                Some(watcher) => {
                    watcher.rescan(None);
                    Ok(())
                }
                None => Err(Exit::Failed.because("nothing watches the folders of this library")),
            },
            Request::Stop => match &self.stop {
                Some(stop) => {
                    stop.ask(Cause::Requested);
                    Ok(())
                }
                None => Err(Exit::Failed.because("this process will end by itself when its work is done")),
            },
        }
    }

    /// Oldest capture first, what has no date last, then by name: an order that a rebuild keeps.
    fn list(&self, sink: Sink<'_>) -> Result<()> {
        let snapshot = self.library.snapshot();
        let mut rows: Vec<&Arc<Row>> = self.listed(&snapshot).map(|(_, row)| row).collect();
        rows.sort_by(|a, b| {
            let key = |row: &Row| (row.taken.is_none(), row.taken.map(|taken| taken.local));
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        for row in rows {
            // Between the snapshot and now it may have gone; the listing is then the better for leaving it out.
            if let Some(details) = self.library.details(row.id)?.filter(|details| details.present) {
                item(sink, &self.asset(&snapshot, &details)?)?;
            }
        }
        Ok(())
    }

    fn show(&self, what: &Wanted, sink: Sink<'_>) -> Result<()> {
        let snapshot = self.library.snapshot();
        let found = self
            .find(what, &snapshot)
            .and_then(|number| described_by(&snapshot, number))
            .filter(|row| self.is_shown(row));
        let details = found.map(|row| self.library.details(row.id)).transpose()?.flatten();
        match details {
            Some(details) => item(sink, &self.asset(&snapshot, &details)?),
            None => Err(Exit::NotFound.because(format!("{} is not in the library", what.typed))),
        }
    }

    fn find(&self, what: &Wanted, snapshot: &Snapshot) -> Option<RowNumber> {
        let by_id = || what.id.and_then(|id| snapshot.by_id(id));
        let by_inode =
            || what.inode.and_then(AssetInode::from_raw).and_then(|inode| snapshot.by_inode(inode));
        let by_path = || what.path.as_ref().and_then(|path| self.library.find_path(&path.0));
        let by_name = || what.name.as_ref().and_then(|name| snapshot.by_name(name));
        by_id().or_else(by_inode).or_else(by_path).or_else(by_name)
    }

    /// What `list` lists and `status` counts: photos and videos that are there, parts of others included, sidecars not.
    fn listed<'s>(&self, snapshot: &'s Snapshot) -> impl Iterator<Item = (RowNumber, &'s Arc<Row>)> {
        let is_trashed = |row: &Row| row.visibility == Visibility::Trashed;
        let goes_with_it = move |row: &Row| {
            row.extras.host.and_then(|host| snapshot.row(host)).is_some_and(|host| is_trashed(host))
        };
        let shows =
            move |row: &Row| row.present && self.is_shown(row) && !is_trashed(row) && !goes_with_it(row);
        snapshot.rows().filter(move |(_, row)| shows(row))
    }

    /// Whether it may be shown at all here: what is another account's is nobody's business, a locked asset needs its
    /// PIN, a sidecar is no photo.
    fn is_shown(&self, row: &Row) -> bool {
        row.owner == self.library.account()
            && row.kind != Kind::Sidecar
            && row.visibility != Visibility::Locked
    }

    /// A daemon answers at once with what it has. A command that opened the library itself gives the text index a
    /// moment to take in what an interrupted run left out: nobody will ask it again.
    fn let_text_catch_up(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.watcher().is_none() && self.library.pending_text() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn search(&self, query: &str, limit: usize, sink: Sink<'_>) -> Result<()> {
        self.let_text_catch_up(CATCHING_UP);
        let hits = match self.library.search(self.library.account(), query, Mode::Strict, limit) {
            Err(LibraryError::Query(error)) => return Err(Exit::Usage.because(error)),
            hits => hits?,
        };
        let snapshot = self.library.snapshot();
        let mut rank = 0;
        for hit in hits {
            let Some(row) = snapshot.row(hit.row) else { continue };
            let Some(details) = self.library.details(row.id)? else { continue };
            rank += 1;
            item(sink, &Hit { rank, score: f64::from(hit.score), asset: self.asset(&snapshot, &details)? })?;
        }
        Ok(())
    }
}

/// The row itself, or the photo that it is a sidecar of.
fn described_by(snapshot: &Snapshot, number: RowNumber) -> Option<&Arc<Row>> {
    let row = snapshot.row(number)?;
    match row.extras.host {
        Some(host) if row.kind == Kind::Sidecar => snapshot.row(host),
        _ => Some(row),
    }
}

fn item(sink: Sink<'_>, item: &impl Serialize) -> Result<()> {
    sink(serde_json::to_string(item)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LibrarySource;
    use galleryfs_fs::Source as _;
    use library::{AccountId, Digests, FilePath, FileStat, Format, Metadata, Observation, RootSpec};

    #[test]
    fn what_is_another_accounts_is_not_told() {
        let data = tempfile::tempdir().unwrap();
        let (library, _) = Library::open(data.path()).unwrap();
        let specs = [RootSpec { path: "/theirs".into() }];
        let root = library.set_roots(AccountId::random(), &specs).unwrap()[0];
        let stat = FileStat { size: 1, mtime_ns: 1, ctime_ns: 1, device: 1, inode: 1 };
        let seen = Observation::Asset {
            path: FilePath::new(root, &b"a.jpg"[..]),
            stat,
            digests: Digests::of(b"x"),
            metadata: Box::new(Metadata { format: Some(Format::Jpeg), ..Metadata::default() }),
            sidecars: Vec::new(),
        };
        let path = FilePath::new(root, &b"b.jpg"[..]);
        let broken = Observation::Unreadable { path, stat, reason: "no".into() };
        library.observe(vec![seen, broken]).unwrap();
        assert!(library.snapshot().by_name("a.jpg").is_some(), "it is there");

        let service = Service::new(Arc::clone(&library), data.path());
        let mut told = 0;
        let mut count = |_| {
            told += 1;
            Ok(())
        };
        service.answer(&Request::List, &mut count).unwrap();
        let what = Wanted { name: Some("a.jpg".into()), ..Wanted::default() };
        let error = service.answer(&Request::Show { what }, &mut count).unwrap_err();
        assert_eq!((Exit::of(&error), told), (Exit::NotFound, 0));
        let status = service.status().unwrap();
        assert_eq!((status.assets, status.missing, status.bytes), (0, 0, 0));
        assert!(status.unreadable.is_empty() && status.roots.is_empty());
        assert!(LibrarySource::new(library, Arc::default()).unreadable().is_empty());
    }
}
