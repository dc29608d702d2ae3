//! The trash that empties itself, where that is switched on: what has been in it for more than so many days goes for good.
//!
//! What makes it hard, and what answers it:
//! 1. Nobody who was away for a year must find the trash empty that they had just filled. So only days count on which
//!    galleryfs ran.
//! 2. Clocks jump: batteries of boards die, dual boots disagree about zones, the year 2038 comes early. A day counts only when
//!    the date is another *and* half a day has passed by a clock that nobody can set; after the machine was started
//!    anew, that it has been up for a while.
//! 3. What was restored and deleted again has just been deleted, so a count is of the moment of the deletion.
//! 4. The counts are worth nothing: should they be lost, all days count anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use library::journal::Face;
use library::{AssetId, Library};
use serde::{Deserialize, Serialize};

use crate::purging;

/// How often it is looked whether another day counts.
const LOOKED_AFTER: Duration = Duration::from_secs(600);
/// How much time passes between two days that count, at least.
const HALF_A_DAY: u64 = 12 * 3600;
/// How long a machine that was started since has been up.
const UP_FOR: u64 = 600;
/// The file of the counts, in the data folder's `derived`.
const FILE: &str = "trash-days.json";

/// A moment by the clocks that there are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Moment {
    date: Date,
    /// Drawn by the kernel at each start of the machine.
    boot: String,
    /// Seconds since that, those of sleep included. Nobody can set it.
    up: u64,
}

impl Moment {
    fn now() -> Self {
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec;
        Self {
            date: jiff::Zoned::now().date(),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            up: u64::try_from(up).unwrap_or(0),
        }
    }

    /// Whether it is another day than at an earlier moment.
    fn is_another_day(&self, before: &Self) -> bool {
        let passed = match self.boot == before.boot {
            true => self.up.saturating_sub(before.up) >= HALF_A_DAY,
            // A board whose clock begins in the past each time has been at this date before.
            false => self.up >= UP_FOR && self.date > before.date,
        };
        self.date != before.date && passed
    }
}

/// On how many days photos have been in the trash.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Ledger {
    /// When a day counted last.
    last: Option<Moment>,
    /// Since when each is there, and the days since.
    days: BTreeMap<AssetId, (Timestamp, u32)>,
}

impl Ledger {
    fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Counts the day, if it is another, and says what has been there for more than `most` of them. `None` where it is not.
    fn count(
        &mut self,
        now: Moment,
        trashed: impl IntoIterator<Item = (AssetId, Timestamp)>,
        most: u32,
    ) -> Option<Vec<AssetId>> {
        if self.last.as_ref().is_some_and(|last| !now.is_another_day(last)) {
            return None;
        }
        // The first time of all only begins to count.
        let more = u32::from(self.last.is_some());
        self.last = Some(now);
        let before = std::mem::take(&mut self.days);
        self.days = trashed
            .into_iter()
            .map(|(asset, since)| {
                let days =
                    before.get(&asset).filter(|known| known.0 == since).map_or(0, |known| known.1 + more);
                (asset, (since, days))
            })
            .collect();
        Some(self.days.iter().filter(|(_, (_, days))| *days > most).map(|(asset, _)| *asset).collect())
    }
}

/// Empties the trash of what has been in it for more than `days` days, for as long as the library is open.
pub fn start(library: &Arc<Library>, data: &Path, days: u32) {
    let file = data.join("derived").join(FILE);
    let library = Arc::downgrade(library);
    let work = move || {
        let mut ledger = Ledger::read(&file);
        loop {
            let Some(library) = library.upgrade() else { return };
            if let Err(error) = look(&library, &mut ledger, &file, days, Moment::now()) {
                tracing::warn!("the trash is not emptied today: {error}");
            }
            drop(library);
            std::thread::sleep(LOOKED_AFTER);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("emptying".into()).spawn(work) {
        tracing::warn!("the trash will not be emptied: {error}");
    }
}

fn look(
    library: &Library,
    ledger: &mut Ledger,
    file: &PathBuf,
    days: u32,
    now: Moment,
) -> anyhow::Result<()> {
    // What is not where it was, while nobody watched, may be somewhere else.
    if !library.is_all_told() {
        return Ok(());
    }
    let Some(over) = ledger.count(now, library.trashed()?, days) else { return Ok(()) };
    // Before anything goes: a crash must not have a day counted twice.
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_string(ledger)?)?;
    std::fs::rename(&new, file)?;
    let mut gone = 0;
    for asset in over {
        // It may have been taken out, and even have come back, since they were counted.
        let since = library.trashed_since(asset)?;
        if since.is_none() || since != ledger.days.get(&asset).map(|known| known.0) {
            continue;
        }
        match purging::purge(library, Face::Daemon, asset) {
            Ok(()) => gone += 1,
            Err(error) => tracing::warn!("it stays in the trash: {error}"),
        }
    }
    if gone > 0 {
        tracing::info!("{gone} photos were in the trash for more than {days} days and are removed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(date: &str, boot: &str, hours: u64) -> Moment {
        Moment { date: date.parse().unwrap(), boot: boot.into(), up: hours * 3600 }
    }

    fn asset(number: u8) -> AssetId {
        AssetId::from_bytes([number; 16])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_days_on_which_it_ran_count_and_no_clock_that_jumps() {
        let mut ledger = Ledger::default();
        let trash = [(asset(1), at(5))];
        let mut count = |now| ledger.count(now, trash, 2);
        assert_eq!(count(moment("2026-05-01", "a", 1)), Some(vec![]));
        assert_eq!(count(moment("2026-05-01", "a", 20)), None, "the same day");
        // A clock that jumps ahead by years, and back, and ahead.
        assert_eq!(count(moment("2036-01-01", "a", 2)), None);
        assert_eq!(count(moment("2026-05-02", "a", 3)), None);
        assert_eq!(count(moment("2026-05-02", "a", 14)), Some(vec![]), "one day");
        assert_eq!(count(moment("2026-05-03", "b", 0)), None, "just started");
        assert_eq!(count(moment("2000-01-01", "c", 1)), None, "a clock without a battery");
        // A year later it is the second day all the same.
        assert_eq!(count(moment("2027-05-03", "b", 1)), Some(vec![]));
        assert_eq!(count(moment("2027-05-04", "b", 14)), Some(vec![asset(1)]), "the third");
    }

    #[test]
    fn what_was_restored_and_deleted_again_was_just_deleted() {
        let mut ledger = Ledger::default();
        let day = |day: u64| moment(&format!("2026-05-{day:02}"), "a", day * 24);
        for today in 1..4 {
            ledger.count(day(today), [(asset(1), at(5)), (asset(2), at(5))], 9);
        }
        assert_eq!(ledger.days[&asset(1)].1, 2);
        ledger.count(day(5), [(asset(1), at(77)), (asset(3), at(5))], 9);
        assert_eq!((ledger.days[&asset(1)], ledger.days.get(&asset(2))), ((at(77), 0), None));
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert_eq!(Ledger::read(Path::new("/no/such/file")), Ledger::default());
    }

    #[test]
    fn what_was_long_enough_in_the_trash_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("photos");
        std::fs::create_dir(&root).unwrap();
        let (library, _) = Library::open(&dir.path().join("data")).unwrap();
        let spec = library::RootSpec { path: root.clone() };
        let id = library.set_roots(library.account(), &[spec]).unwrap()[0];
        for name in ["a.jpg", "b.jpg"] {
            std::fs::write(root.join(name), name).unwrap();
            let metadata = root.join(name).metadata().unwrap();
            let stat = library::FileStat {
                size: metadata.len(),
                mtime_ns: 1,
                ctime_ns: 1,
                device: 1,
                inode: std::os::unix::fs::MetadataExt::ino(&metadata),
            };
            let seen = library::Observation::Asset {
                path: library::FilePath::new(id, name.as_bytes()),
                stat,
                digests: library::Digests::of(name.as_bytes()),
                metadata: Box::default(),
                sidecars: Vec::new(),
            };
            library.observe(vec![seen]).unwrap();
        }
        let snapshot = library.snapshot();
        let asset = snapshot.row(snapshot.by_name("a.jpg").unwrap()).unwrap().id;
        library.decide(Face::Mount, &[(asset, vec![library::Decision::Trash(true)])]).unwrap();
        library.observe(vec![library::Observation::Scanned]).unwrap();
        let file = dir.path().join("data/derived").join(FILE);
        let mut ledger = Ledger::default();
        for day in 1..4_u64 {
            assert!(root.join("a.jpg").exists(), "day {day}");
            let now = moment(&format!("2026-05-{day:02}"), "a", day * 24);
            look(&library, &mut ledger, &file, 1, now).unwrap();
            ledger = Ledger::read(&file);
        }
        assert!(!root.join("a.jpg").exists() && root.join("b.jpg").exists());
        assert_eq!(library.trashed().unwrap(), []);
    }
}
